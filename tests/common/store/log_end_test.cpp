// A write-ahead log whose end is torn, and one that is damaged before its end.
#include "store/log_end.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>

#include "tests/common/store/workload.h"

using namespace spex;
using namespace spex::store;
using namespace spex::store::testing;

namespace {

constexpr std::size_t kLogHeader = 32;
constexpr std::size_t kFrame = 24 + 4'096;

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// A store as SIGKILL leaves it, with some commits in the log, of a later generation than the first; and what it
// holds. The log begins again over an older one, whose frames lie behind the newest commit.
class KilledStore {
 public:
  static constexpr std::uint64_t kCommits = 6;

  explicit KilledStore(bool full = true) {
    StoreOptions options = small_options(running_);
    options.full_durability = full;
    const auto store = open_store(options);
    std::uint64_t i = 0;
    const auto apply = [&] {
      succeed(workload_.apply(*store, i++));
      succeed(store->commit());
    };
    while (store->statistics().wal_bytes < 360'000) apply();
    while (value_of(store->maintain(kEpoch))) succeed(store->commit());  // the log is brought into the file
    for (std::uint64_t n = 0; n < kCommits; ++n) apply();
    content_ = testing::content_of(*store);
    for (const char* name : {"shard_3.sqlite", "shard_3.sqlite-wal", "shard_3.lock"}) {
      std::filesystem::copy_file(running_.file(name), killed_.file(name));
    }
    options_ = options;
    options_.path = killed_.file("shard_3.sqlite");
    frames_ = value_of(find_log_end(options_.path)).frames;
  }
  const StoreOptions& options() const { return options_; }
  std::string log() const { return options_.path + "-wal"; }
  std::uint64_t frames() const { return frames_; }
  const std::map<std::string, std::string>& content() const { return content_; }
  // After a loss of power, not just a kill.
  void machine_started_anew(const char* durability) const {
    write_bytes(killed_.file("shard_3.lock"), std::string("created\n") + durability + " another-boot\n");
  }

 private:
  Workload workload_;
  TempDirectory running_;
  TempDirectory killed_;
  StoreOptions options_;
  std::map<std::string, std::string> content_;
  std::uint64_t frames_ = 0;
};

// Frames (from 0) that end a transaction and are of the newest generation.
std::vector<std::size_t> commits_in(const std::string& log, std::uint64_t frames) {
  std::vector<std::size_t> commits;
  for (std::size_t frame = 0; frame < frames; ++frame) {
    if (log.compare(kLogHeader + frame * kFrame + 4, 4, std::string(4, '\0')) != 0) commits.push_back(frame);
  }
  return commits;
}

}  // namespace

TEST_CASE("a damaged byte in the write-ahead log refuses the file, whatever it hits", "[store][log_end]") {
  const KilledStore killed(GENERATE(true, false));
  const std::string log = bytes_of(killed.log());
  const auto commits = commits_in(log, killed.frames());
  REQUIRE(commits.size() >= KilledStore::kCommits);
  REQUIRE(log.size() > kLogHeader + (killed.frames() + 2) * kFrame);  // older frames lie behind
  const std::string file = bytes_of(killed.options().path);
  // In the newest transaction, and in the one before if that is hit in its commit's own mark, it looks torn.
  const std::size_t before_newest = commits[commits.size() - 3];
  std::mt19937_64 random(7);
  for (std::size_t frame = 0; frame <= before_newest; ++frame) {
    for (const std::size_t place : {0, 9, 17, 24, 2'000, 4'119}) {
      std::string damaged = log;
      damaged[kLogHeader + frame * kFrame + place] ^= static_cast<char>(1 << random() % 8);
      write_bytes(killed.log(), damaged);
      CAPTURE(frame, place);
      const auto opened = InstanceStore::open(killed.options());
      REQUIRE_FALSE(opened.ok());
      CHECK(opened.error().reason == base::Reason::storage_corrupt);
      CHECK(opened.error().message.find("frame " + std::to_string(frame + 1) + " of the write-ahead log is damaged") !=
            std::string::npos);
      REQUIRE(bytes_of(killed.log()) == damaged);
      REQUIRE(bytes_of(killed.options().path) == file);
    }
  }
}

TEST_CASE("a damaged header of the write-ahead log refuses the file", "[store][log_end]") {
  const KilledStore killed;
  const std::string log = bytes_of(killed.log());
  for (std::size_t place = 0; place < kLogHeader; ++place) {
    std::string damaged = log;
    damaged[place] ^= 0x20;
    write_bytes(killed.log(), damaged);
    CAPTURE(place);
    const auto opened = InstanceStore::open(killed.options());
    REQUIRE_FALSE(opened.ok());
    CHECK(opened.error().reason == base::Reason::storage_corrupt);
  }
  write_bytes(killed.log(), log);
  CHECK(content_of(*open_store(killed.options())) == killed.content());
}

TEST_CASE("a torn newest transaction is no damage, and what is left of it is cut off", "[store][log_end]") {
  const KilledStore killed;
  const std::string log = bytes_of(killed.log());
  const std::string file = bytes_of(killed.options().path);
  const auto commits = commits_in(log, killed.frames());
  const std::size_t first = commits[commits.size() - 2] + 1;
  for (std::size_t frame = first; frame < killed.frames(); ++frame) {
    std::string torn = log;  // a sector of it kept what was there before
    std::fill_n(torn.begin() + static_cast<std::ptrdiff_t>(kLogHeader + frame * kFrame + 1'000), 512, '\x5a');
    write_bytes(killed.log(), torn);
    write_bytes(killed.options().path, file);
    CAPTURE(frame);
    killed.machine_started_anew("full");
    const auto store = open_store(killed.options());
    CHECK(store->statistics().wal_bytes == kLogHeader + first * kFrame);
    succeed(store->put_setting("after", "it"));
    succeed(store->commit());
  }
}

TEST_CASE("holes that a loss of power leaves with durability `process` are no damage", "[store][log_end]") {
  const KilledStore killed(false);
  std::string log = bytes_of(killed.log());
  const auto commits = commits_in(log, killed.frames());
  log[kLogHeader + (commits[1] + 1) * kFrame + 100] ^= 1;
  write_bytes(killed.log(), log);
  CHECK_FALSE(InstanceStore::open(killed.options()).ok());
  killed.machine_started_anew("process");
  CHECK(open_store(killed.options())->statistics().instances > 0);
}
