// Repairing damaged files: whatever page or byte is hit, what is saved is what was
// there, what is not is named, and no request from before is ever executed again.
#include "dataops/repair.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

#include "dataops/files.h"
#include "dataops/verify.h"
#include "tests/common/dataops/data_fixture.h"

namespace spex::dataops {
namespace {

using testing::contents;
using testing::DataFixture;
using testing::kEpoch;
using testing::killed_at_step;
using testing::require_sound;
using testing::value_of;
using Contents = std::map<std::string, std::string>;

constexpr std::size_t kPage = 4'096;

std::string read_whole(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}
void write_whole(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

struct Original {
  Contents instances;
  std::vector<store::RequestKey> keys;
};

Original read_original(const DataFixture& data) {
  Original original{contents(data.path()), {}};
  auto store = data.open(1);
  store->scan_keys([&](const store::StoredKey& key) {
    original.keys.push_back(key.key);
    return true;
  });
  testing::succeed(store->close());
  return original;
}

// The records, newest first: without the summary in the first line.
std::string records_of(const std::string& text) {
  const std::size_t end = text.find('\n');
  return end == std::string::npos ? "" : text.substr(end);
}

// What was saved against what was there.
void require_honest(const std::string& path, const Original& original, const RepairReport& report) {
  require_sound(path);
  const Contents saved = contents(path);
  std::set<std::string> lost;
  std::size_t nameless = 0;
  for (const LostInstance& one : report.rebuilt.lost) {
    if (one.identifier.is_nil())
      ++nameless;
    else
      lost.insert(protocol::encode_value(one.identifier));
  }
  const auto& sentences = report.rebuilt.sentences;
  const bool log_hit = std::any_of(sentences.begin(), sentences.end(), [](const std::string& sentence) {
    return sentence.find("older than acknowledged") != std::string::npos;
  });
  for (const auto& [identifier, text] : saved) {
    REQUIRE_FALSE(lost.contains(identifier));
    const auto found = original.instances.find(identifier);
    if (found == original.instances.end()) {
      REQUIRE(log_hit);  // its removal is what was lost
    } else if (found->second != text) {
      REQUIRE(log_hit);
      REQUIRE(records_of(found->second).ends_with(records_of(text)));
    }
  }
  std::size_t missing = 0;
  for (const auto& [identifier, text] : original.instances) {
    if (!saved.contains(identifier) && !lost.contains(identifier)) ++missing;
  }
  const bool told = std::any_of(sentences.begin(), sentences.end(), [](const std::string& sentence) {
    return sentence.find("damaged in the table") != std::string::npos;
  });
  CHECK((missing <= nameless || told));
  auto store = DataFixture::open(path, 1);
  for (const store::RequestKey& key : original.keys) REQUIRE(store->find_key(key).state != store::KeyState::unknown);
  testing::succeed(store->close());
}

RepairReport repair_damaged(const std::string& path) { return value_of(repair({path, 1, kEpoch + 1'000'000'000})); }

TEST_CASE("whichever page is zeroed, the rest is saved as it was and the loss is told", "[dataops]") {
  DataFixture data(1);
  data.fill(150, 300);
  const Original original = read_original(data);
  const std::string file = DataDirectory::shard_file(data.path(), 1);
  const std::string content = read_whole(file);
  const std::size_t pages = content.size() / kPage;
  REQUIRE(pages > 15);
  std::uint64_t saved = 0;
  for (std::size_t page = 0; page < pages; ++page) {
    INFO("page " << page + 1 << " of " << pages);
    std::string damaged = content;
    std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(page * kPage), kPage, '\0');
    write_whole(file, damaged);
    const RepairReport report = repair_damaged(data.path());
    if (report.was_sound) continue;  // an unused page
    CHECK(read_whole(report.kept_as) == damaged);
    require_honest(data.path(), original, report);
    saved += report.rebuilt.instances;
    std::filesystem::remove(report.kept_as);
  }
  CHECK(saved > pages * original.instances.size() / 2);
}

TEST_CASE("truncated files and flipped bytes", "[dataops]") {
  const auto seed = GENERATE(range(1, 3));
  INFO("seed " << seed);
  std::mt19937 random(static_cast<unsigned>(seed));
  DataFixture data(1);
  data.fill(100, 200);
  const Original original = read_original(data);
  const std::string file = DataDirectory::shard_file(data.path(), 1);
  const std::string content = read_whole(file);
  for (int i = 0; i < 8; ++i) {
    std::string damaged = content;
    if (i % 3 == 0) {
      damaged.resize(random() % (content.size() - kPage) + kPage);
    } else {
      for (unsigned flips = 0; flips <= random() % 8; ++flips) {
        damaged[random() % damaged.size()] ^= static_cast<char>(1 << random() % 8);
      }
    }
    write_whole(file, damaged);
    const RepairReport report = repair_damaged(data.path());
    if (!report.was_sound) require_honest(data.path(), original, report);
  }
}

TEST_CASE("a file of nothing but zeros gives an empty shard that executes no old request", "[dataops]") {
  DataFixture data(1);
  data.fill(30);
  Original original = read_original(data);
  original.instances.clear();
  const std::string file = DataDirectory::shard_file(data.path(), 1);
  write_whole(file, std::string(read_whole(file).size(), '\0'));
  const RepairReport report = repair_damaged(data.path());
  CHECK(report.rebuilt.instances == 0);
  CHECK(report.rebuilt.keys_may_be_missing);
  require_honest(data.path(), original, report);
}

TEST_CASE("commits behind damage in the write-ahead log are lost, which verify finds and repair says", "[dataops]") {
  constexpr std::size_t kLogHeader = 32;
  constexpr std::size_t kFrame = 24 + kPage;
  DataFixture data(1);
  data.fill(30);
  const std::string copy = data.file("copy");
  {
    const auto running = data.open(1);
    const auto specification = value_of(running->intern_specification("order"));
    for (int n = 700; n < 706; ++n) {
      value_of(running->mock(testing::identifier(n), specification, "", value_of(running->intern("here")), kEpoch,
                             nullptr, nullptr));
      testing::succeed(running->commit());
    }
    std::filesystem::copy(data.path(), copy);  // as a SIGKILL leaves it
  }
  const std::string log = DataDirectory::shard_file(copy, 1) + "-wal";
  std::string bytes = read_whole(log);
  std::size_t behind_two_commits = 0;
  for (int commits = 0; commits < 2; ++behind_two_commits) {
    const std::size_t frame = kLogHeader + behind_two_commits * kFrame;
    REQUIRE(frame + kFrame < bytes.size());
    if (bytes.compare(frame + 4, 4, std::string(4, '\0')) != 0) ++commits;
  }
  bytes[kLogHeader + behind_two_commits * kFrame + 1'000] ^= 4;
  write_whole(log, bytes);

  const VerifyReport verified = value_of(verify(copy));
  REQUIRE_FALSE(verified.shards.at(0).findings.empty());
  CHECK(verified.shards.at(0).findings.sentences().front().find("write-ahead log is damaged") != std::string::npos);
  const RepairReport report = value_of(repair({copy, 1, kEpoch + 1'000'000'000}));
  CHECK_FALSE(report.was_sound);
  CHECK(report.rebuilt.keys_may_be_missing);
  REQUIRE_FALSE(report.rebuilt.sentences.empty());
  CHECK(report.rebuilt.sentences.front().find("behind the damage") != std::string::npos);
  CHECK(read_whole(report.kept_as + "-wal") == bytes);
  require_sound(copy);
  const Contents saved = contents(copy);
  CHECK(saved.contains(testing::identifier(701)));
  CHECK_FALSE(saved.contains(testing::identifier(702)));
}

TEST_CASE("a sound file is left alone", "[dataops]") {
  DataFixture data(2);
  data.fill(30);
  const std::string before = read_whole(DataDirectory::shard_file(data.path(), 2));
  CHECK(value_of(repair({data.path(), 2, kEpoch})).was_sound);
  CHECK(read_whole(DataDirectory::shard_file(data.path(), 2)) == before);
  CHECK_FALSE(repair({data.path(), 3, kEpoch}).ok());
}

TEST_CASE("a repair that is killed at any step is completed by the next one", "[dataops]") {
  DataFixture data(1);
  data.fill(25);
  const Original original = read_original(data);
  const std::string file = DataDirectory::shard_file(data.path(), 1);
  std::string damaged = read_whole(file);
  std::fill_n(damaged.begin() + static_cast<std::ptrdiff_t>(damaged.size() / kPage / 2 * kPage), kPage, '\0');
  write_whole(file, damaged);
  const std::string work = data.file("work");
  int killed = 0;
  for (int n = 1; n < 100; ++n) {
    INFO("step " << n);
    std::filesystem::remove_all(work);
    std::filesystem::copy(data.path(), work);
    if (!killed_at_step(n, [&] { value_of(repair({work, 1, kEpoch + 1'000'000'000})); })) break;
    ++killed;
    if (exists(DataDirectory::repair_journal(work))) CHECK_FALSE(DataDirectory::open(work).ok());
    const RepairReport report = value_of(repair({work, 1, kEpoch + 2'000'000'000}));
    require_sound(work);
    for (const auto& [identifier, text] : contents(work)) CHECK(original.instances.at(identifier) == text);
    bool kept = false;
    for (const std::string& name : value_of(list(work))) {
      kept = kept || (name.find(".damaged-") != std::string::npos && read_whole(work + "/" + name) == damaged);
      CHECK_FALSE(name.starts_with("repair"));
    }
    CHECK(kept);
  }
  CHECK(killed >= 8);
}

}  // namespace
}  // namespace spex::dataops
