// What `spexctl verify` finds, and what it does not mind.
#include "dataops/verify.h"

#include <filesystem>

#include "dataops/manifest.h"
#include "dataops/sha256.h"
#include "store/sqlite.h"
#include "tests/common/dataops/data_fixture.h"

namespace spex::dataops {
namespace {

using testing::DataFixture;
using testing::succeed;
using testing::value_of;

std::string all_findings(const VerifyReport& report) {
  std::string text;
  for (const std::string& sentence : report.findings.sentences()) text += sentence + "\n";
  for (const ShardFacts& shard : report.shards) {
    for (const std::string& sentence : shard.findings.sentences()) {
      text += std::to_string(shard.shard) + ": " + sentence + "\n";
    }
  }
  return text;
}

void change(const DataFixture& data, std::uint32_t shard, const std::string& sql) {
  auto database = value_of(
      store::Database::open(DataDirectory::shard_file(data.path(), shard), store::Database::Access::read_write));
  succeed(database.run("PRAGMA locking_mode=EXCLUSIVE"));
  succeed(database.run(sql));
}

TEST_CASE("the checksum is that of sha256sum", "[dataops]") {
  Sha256 empty;
  CHECK(empty.finish() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256 hash;
  hash.add("abcdbcdecdefdefgefghfghighijhijkijkljklm");
  hash.add("klmnlmnomnopnopq");
  CHECK(hash.finish() == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_CASE("the time of a backup is read as it was written", "[dataops]") {
  CHECK(utc_text(1'790'000'000'000'000) == "2026-09-21T14:13:20Z");
  CHECK(parse_utc("2026-09-21T14:13:20Z") == 1'790'000'000'000'000);
  CHECK(parse_utc("yesterday") == 0);
}

TEST_CASE("sound data have no findings, and are counted", "[dataops]") {
  DataFixture data(3);
  data.fill(200);
  const VerifyReport report = value_of(verify(data.path()));
  INFO(all_findings(report));
  CHECK(report.ok());
  REQUIRE(report.shards.size() == 3);
  std::uint64_t instances = 0, archived = 0, keys = 0;
  for (const ShardFacts& shard : report.shards) {
    instances += shard.instances;
    archived += shard.archived_records;
    keys += shard.keys;
    CHECK(shard.events_last == 5 * shard.shard);
  }
  CHECK(instances == 200 - 15);
  CHECK(archived > 100);
  CHECK(keys > 50);
}

TEST_CASE("what is wrong in a file is found and named", "[dataops]") {
  struct Fault {
    const char* sql;
    const char* finding;
  };
  const auto fault = GENERATE(values<Fault>({
      {"UPDATE instances SET id=x'a8636173652d393937' WHERE number=2", "slot"},
      {"UPDATE instances SET meta=x'01' WHERE number=2", "damaged is the meta"},
      {"UPDATE instances SET spec=99 WHERE number=2", "would not start"},
      {"DELETE FROM instances WHERE number=2", "would not start"},
      {"DELETE FROM log WHERE n=(SELECT max(n)-3 FROM log)", "are missing"},
      {"DELETE FROM archive WHERE sequence=(SELECT min(sequence) FROM archive)", "archive"},
      {"UPDATE events SET body=x'c0' WHERE n=2", "event 2 is damaged"},
      {"DELETE FROM events WHERE n=3", "events are missing before event 4"},
      {"UPDATE log SET body=zeroblob(200) WHERE n=(SELECT max(n)-2 FROM log)", "damaged"},
      {"UPDATE identity SET shard=3", "belongs to shard 3"},
      {"UPDATE tail SET archived=archived+1", "are counted"},
      {"PRAGMA user_version=99", "schema version 99"},
  }));
  INFO(fault.sql);
  DataFixture data(2);
  data.fill(600);
  change(data, 1, fault.sql);
  const VerifyReport report = value_of(verify(data.path()));
  INFO(all_findings(report));
  CHECK_FALSE(report.ok());
  CHECK(all_findings(report).find(fault.finding) != std::string::npos);
  CHECK(report.shards[1].findings.empty());
}

TEST_CASE("a missing, an emptied and a foreign file are findings", "[dataops]") {
  DataFixture data(3);
  data.fill(30);
  std::filesystem::remove(DataDirectory::shard_file(data.path(), 1));
  std::filesystem::resize_file(DataDirectory::shard_file(data.path(), 2), 0);
  std::filesystem::copy_file(DataDirectory::shard_file(data.path(), 3), data.path() + "/shard_9.sqlite");
  const std::string found = all_findings(value_of(verify(data.path())));
  CHECK(found.find("1: the file is missing") != std::string::npos);
  CHECK(found.find("2: the file is empty") != std::string::npos);
  CHECK(found.find("shard_9.sqlite belongs to no shard") != std::string::npos);
}

TEST_CASE("a file that was not closed is checked with its write-ahead log, and left as it is", "[dataops]") {
  DataFixture data(1);
  data.fill(50);
  auto running = data.open(1);
  const auto specification = value_of(running->intern_specification("order"));
  value_of(running->mock(testing::identifier(777), specification, "", value_of(running->intern("here")),
                         testing::kEpoch, nullptr, nullptr));
  succeed(running->commit());
  // As a SIGKILL leaves it.
  const std::string copy = data.file("copy");
  std::filesystem::copy(data.path(), copy);
  const auto wal_bytes = std::filesystem::file_size(copy + "/shard_1.sqlite-wal");
  REQUIRE(wal_bytes > 0);
  const VerifyReport report = value_of(verify(copy));
  INFO(all_findings(report));
  CHECK(report.ok());
  CHECK(report.shards[0].instances == 48);
  CHECK(std::filesystem::file_size(copy + "/shard_1.sqlite-wal") == wal_bytes);
}

TEST_CASE("a directory in use and one that is none are refused", "[dataops]") {
  DataFixture data(1);
  data.fill(5);
  {
    const auto lock = value_of(process::FileLock::try_acquire(data.path() + "/lock"));
    REQUIRE(lock.lock);
    const auto refused = verify(data.path());
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().message.find("in use by process") != std::string::npos);
  }
  CHECK(verify(data.path()).ok());
  CHECK_FALSE(verify(data.file("nothing")).ok());
}

}  // namespace
}  // namespace spex::dataops
