// Faults made for real: SIGKILL at random moments, writes that fail, damaged,
// missing and foreign files.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "store/sqlite.h"
#include "store/varint.h"
#include "tests/common/store/store_fixture.h"
#include "tests/common/store/workload.h"

using namespace spex;
using namespace spex::store;
using namespace spex::store::testing;

namespace {

constexpr std::uint64_t kIdentifiers = 40;

// Batch `i` is always the same: appends to (or creates, now and then removes) some instances.
// Each record's state says in which batch it was made.
void apply_batch(InstanceStore& store, std::uint64_t i) {
  std::mt19937_64 random(i);
  const auto specification = value_of(store.intern_specification("order"));
  const NameId action = value_of(store.intern("step"));
  const NameId state = value_of(store.intern("batch-" + std::to_string(i)));
  const auto at = kEpoch + static_cast<base::Timestamp>(i);
  for (std::uint64_t k = 0; k < 1 + random() % 60; ++k) {
    const std::string identifier = identifier_of(random() % kIdentifiers);
    const RequestKey key{1 + random() % 5, i * 1'000 + k + 1, 7};
    StoredOutcome outcome;
    const auto number = store.find(identifier);
    if (!number) {
      value_of(store.create(identifier, specification, "", {action, state, at, {}, 0}, &key, &outcome));
    } else if (random() % 12 == 0) {
      succeed(store.remove(*number, &key, &outcome));
    } else {
      value_of(store.append(*number, {action, state, at, {}, 0}, &key, &outcome));
    }
  }
  value_of(store.maintain(at));
}

// Every history as text; equal stores have equal ones.
std::map<std::string, std::string> content(InstanceStore& store) {
  std::map<std::string, std::string> result;
  store.scan(InstanceNumber(), [&](const Instance& instance) {
    std::string& text = result[value_of(store.details(instance.number)).identifier];
    for (const Record& r : value_of(store.history(instance.number, 0, 100'000))) {
      text += std::string(store.name(r.to_state)) + "@" + std::to_string(r.at) + " ";
    }
    return true;
  });
  return result;
}

StoreOptions crash_options(const TempDirectory& directory) {
  StoreOptions options = small_options(directory);
  options.reclaim_within = 50;
  return options;
}

// Writes batches from `first` on, and tells each acknowledged one.
[[noreturn]] void write_until_killed(const StoreOptions& options, std::uint64_t first, int acknowledge) {
  auto store = std::move(InstanceStore::open(options)).value();
  for (std::uint64_t i = first;; ++i) {
    apply_batch(*store, i);
    if (!store->commit() || ::write(acknowledge, &i, sizeof i) != sizeof i) ::_exit(1);
  }
}

void overwrite(const std::string& path, std::size_t at, const std::string& bytes) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(at));
  file << bytes;
}

base::Reason refusal(const StoreOptions& options) {
  const auto opened = InstanceStore::open(options);
  REQUIRE_FALSE(opened.ok());
  CHECK_FALSE(opened.error().message.empty());
  return opened.error().reason;
}

void fill(const StoreOptions& options, std::uint64_t batches) {
  const auto store = open_store(options);
  for (std::uint64_t i = 0; i < batches; ++i) {
    apply_batch(*store, i);
    succeed(store->commit());
  }
  succeed(store->close());
}

}  // namespace

TEST_CASE("what was acknowledged survives SIGKILL at any moment, once and in order", "[store][crash]") {
  const char* more = std::getenv("SPEX_STORE_KILLS");
  const int kills = more ? std::atoi(more) : 20;
  TempDirectory directory;
  TempDirectory mirror_directory;
  const StoreOptions options = crash_options(directory);
  const auto mirror = open_store(crash_options(mirror_directory));  // is never killed
  std::mt19937_64 random(std::random_device{}());
  std::uint64_t done = 0;
  for (int kill = 0; kill < kills; ++kill) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) write_until_killed(options, done, ends[1]);
    REQUIRE(child > 0);
    ::close(ends[1]);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 60'000));  // the moment of the kill
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    const auto redo = [&] {
      apply_batch(*mirror, done++);
      succeed(mirror->commit());
    };
    for (std::uint64_t i; ::read(ends[0], &i, sizeof i) == sizeof i;) redo();
    ::close(ends[0]);
    const auto store = open_store(options);
    CAPTURE(kill, done);
    // The batch that was not acknowledged is there as a whole or not at all.
    if (content(*store) != content(*mirror)) redo();
    REQUIRE(content(*store) == content(*mirror));
  }
  REQUIRE(done > 0);
}

TEST_CASE("writes that fail are answered, leave nothing, and the store goes on", "[store][faults]") {
  TempDirectory directory;
  StoreOptions options = small_options(directory);
  auto store = open_store(options);
  apply_batch(*store, 1);
  succeed(store->commit());
  const auto before = content(*store);
  ::signal(SIGXFSZ, SIG_IGN);
  rlimit normal{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &normal) == 0);
  for (rlim_t bytes = 0; bytes < 12'000; bytes += 1'000) {
    CAPTURE(bytes);
    rlimit low = normal;
    low.rlim_cur = store->statistics().wal_bytes + bytes - std::min<rlim_t>(bytes, 6'000);
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &low) == 0);
    apply_batch(*store, 2);
    for (int i = 0; i < 300; ++i) value_of(store->append_event(kEpoch, std::string(1'000, 'e')));
    const auto failed = store->commit();
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &normal) == 0);
    REQUIRE_FALSE(failed.ok());
    CHECK(base::class_of(failed.error().reason) == base::ErrorClass::storage);
    REQUIRE(content(*store) == before);
    CHECK(store->statistics().events_last == 0);
  }
  CHECK(store->statistics().recoveries == 12);
  apply_batch(*store, 2);
  succeed(store->commit());
  const auto after = content(*store);
  store.reset();
  CHECK(content(*open_store(options)) == after);
}

TEST_CASE("a file that is not this shard's, or not whole, is refused and left as it is", "[store][faults]") {
  TempDirectory directory;
  StoreOptions options = small_options(directory);
  fill(options, 30);
  SECTION("another shard's") {
    std::filesystem::copy_file(options.path, directory.file("shard_4.sqlite"));
    options.path = directory.file("shard_4.sqlite");
    options.shard = base::ShardId(4);
    CHECK(refusal(options) == base::Reason::storage_corrupt);
  }
  SECTION("another cluster's") {
    options.cluster_id = "other";
    CHECK(refusal(options) == base::Reason::storage_corrupt);
  }
  SECTION("of a newer version") {
    succeed(value_of(Database::open(options.path, Database::Access::read_write)).run("PRAGMA user_version=9"));
    CHECK(refusal(options) == base::Reason::storage_schema);
  }
  SECTION("emptied") {
    std::filesystem::resize_file(options.path, 0);
    CHECK(refusal(options) == base::Reason::storage_corrupt);
    CHECK(std::filesystem::file_size(options.path) == 0);
  }
  SECTION("missing") {
    std::filesystem::remove(options.path);
    CHECK(refusal(options) == base::Reason::storage_corrupt);
    CHECK_FALSE(std::filesystem::exists(options.path));
  }
  SECTION("truncated") {
    std::filesystem::resize_file(options.path, std::filesystem::file_size(options.path) / 2 / 4096 * 4096);
    CHECK(refusal(options) == base::Reason::storage_corrupt);
  }
  SECTION("with a damaged header") {
    overwrite(options.path, 0, "no database");
    CHECK(refusal(options) == base::Reason::storage_corrupt);
  }
  SECTION("in use") {
    const auto store = open_store(options);
    CHECK(refusal(options) == base::Reason::storage_open);
  }
}

TEST_CASE("a damaged record makes only its instance unreadable", "[store][faults]") {
  TempDirectory directory;
  StoreOptions options = small_options(directory);
  options.snapshot_every = 1;
  {
    const auto store = open_store(options);
    const auto specification = value_of(store->intern_specification("order"));
    const NameId mark = value_of(store->intern("mark"));
    for (std::uint64_t n = 0; n < 50; ++n) {
      // occurred_at makes a pattern that can be found in the file.
      const Record first{mark, mark, kEpoch, n == 20 ? std::optional(kEpoch + 0x1111111111LL) : std::nullopt, 0};
      value_of(store->create(identifier_of(n), specification, "", first, nullptr, nullptr));
    }
    succeed(store->commit());
    // So many operations that the first row need not be replayed.
    for (std::uint64_t i = 0; i < 400; ++i) {
      value_of(store->append(*store->find(identifier_of(i % 50)), {mark, mark, kEpoch, {}, 0}, nullptr, nullptr));
      if (i % 10 == 0) succeed(store->commit());
    }
    succeed(store->close());
  }
  std::uint8_t pattern[10];
  std::uint8_t* const end = put_varint(pattern, 0x1111111111ULL * 2);
  const std::string needle(reinterpret_cast<char*>(pattern), static_cast<std::size_t>(end - pattern));
  std::ifstream in(options.path, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), {});
  const std::size_t at = bytes.find(needle);
  REQUIRE(at != std::string::npos);
  overwrite(options.path, at, std::string(1, static_cast<char>(bytes[at] ^ 0x10)));
  const auto store = open_store(options);
  for (std::uint64_t n = 0; n < 50; ++n) {
    const auto history = store->history(*store->find(identifier_of(n)), 0, 1'000);
    CAPTURE(n);
    REQUIRE(history.ok() == (n != 20));
    if (!history) CHECK(history.error().reason == base::Reason::storage_corrupt);
  }
  CHECK(store->statistics().corrupt_records == 1);
}
