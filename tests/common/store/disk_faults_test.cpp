// The disk fails at each call in turn: the process is killed there, the call answers
// an error, the power goes. Small workloads, so that there are few calls to try; where a
// try is expensive some of them are. SPEX_STORE_FAULTS=n tries all, makes the workloads
// n times as long and takes n times as many seeds.
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <fstream>
#include <vector>

#include "tests/common/store/fault_vfs.h"
#include "tests/common/store/workload.h"

using namespace spex;
using namespace spex::store;
using namespace spex::store::testing;

namespace {

using Content = std::map<std::string, std::string>;

std::uint64_t effort() {
  const char* text = std::getenv("SPEX_STORE_FAULTS");
  return text ? std::max<std::uint64_t>(1, std::strtoull(text, nullptr, 10)) : 1;
}

bool is_long() { return std::getenv("SPEX_STORE_FAULTS") != nullptr; }

// A store with some history, and what it holds after each of the batches that follow.
class Scenario {
 public:
  static constexpr std::uint64_t kBefore = 30;

  explicit Scenario(std::uint64_t batches) : batches_(batches) {
    StoreOptions options = busy_options(original_);
    auto store = open_store(options);
    for (std::uint64_t i = 0; i < kBefore; ++i) run(*store, i);
    after_.push_back(content_of(*store));
    succeed(store->close());
    std::filesystem::copy(original_.file(""), start_.file(""), std::filesystem::copy_options::recursive);
    store = open_store(options);
    for (std::uint64_t i = kBefore; i < kBefore + batches; ++i) {
      run(*store, i);
      after_.push_back(content_of(*store));
    }
    archived_ = store->statistics().archived_records;
  }

  // A new directory as of the beginning.
  StoreOptions begin(const TempDirectory& directory) const {
    std::filesystem::copy(start_.file(""), directory.file(""),
                          std::filesystem::copy_options::recursive | std::filesystem::copy_options::overwrite_existing);
    return busy_options(directory);
  }
  std::uint64_t batches() const { return batches_; }
  std::uint64_t archived() const { return archived_; }
  const Content& after(std::uint64_t batches) const { return after_.at(batches); }
  base::Result<void> apply(InstanceStore& store, std::uint64_t i) const { return workload_.apply(store, kBefore + i); }
  // Whether the setting tells that so many batches are done.
  bool is_after(const std::string& batch, std::uint64_t batches) const {
    return after_.at(std::min(batches, batches_)).at("batch") == batch && batches <= batches_;
  }
  base::Timestamp time_of(std::uint64_t i) const { return kEpoch + static_cast<base::Timestamp>(kBefore + i); }

 private:
  void run(InstanceStore& store, std::uint64_t i) {
    succeed(workload_.apply(store, i));
    succeed(store.commit());
    for (int k = 0; k < 4; ++k) value_of(store.maintain(kEpoch + static_cast<base::Timestamp>(i)));
  }

  Workload workload_;
  std::uint64_t batches_;
  TempDirectory original_;
  TempDirectory start_;
  std::vector<Content> after_;
  std::uint64_t archived_ = 0;
};

// In a child: opens the store and goes on with the batches until it is killed at call
// `n`; each acknowledged batch is told. Ends by itself with status 0 when all is done.
[[noreturn]] void run_until_killed(const Scenario& scenario, const StoreOptions& options, std::uint64_t first,
                                   std::uint64_t n, bool in_the_middle, int acknowledge) {
  FaultVfs vfs;
  vfs.stop_at(n, in_the_middle, [] { ::raise(SIGKILL); });
  auto opened = InstanceStore::open(options);
  if (!opened) ::_exit(1);
  InstanceStore& store = *opened.value();
  for (std::uint64_t i = first; i < scenario.batches(); ++i) {
    if (!scenario.apply(store, i) || !store.commit()) ::_exit(2);
    if (::write(acknowledge, &i, sizeof i) != sizeof i) ::_exit(3);
    for (int k = 0; k < 4; ++k) {
      if (!store.maintain(scenario.time_of(i))) ::_exit(4);
    }
  }
  ::_exit(store.close() ? 0 : 5);
}

struct Run {
  std::uint64_t acknowledged = 0;
  bool killed = false;
};

Run run_in_child(const Scenario& scenario, const StoreOptions& options, std::uint64_t first, std::uint64_t n,
                 bool in_the_middle) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) run_until_killed(scenario, options, first, n, in_the_middle, ends[1]);
  REQUIRE(child > 0);
  ::close(ends[1]);
  Run run{first, false};
  for (std::uint64_t i; ::read(ends[0], &i, sizeof i) == sizeof i;) run.acknowledged = i + 1;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  run.killed = WIFSIGNALED(status);
  if (!run.killed) REQUIRE(WEXITSTATUS(status) == 0);
  return run;
}

// The same in this process. `first` batches are acknowledged; one more may be there.
Run run_until_dead(const Scenario& scenario, const StoreOptions& options, std::uint64_t first, std::uint64_t n,
                   bool in_the_middle) {
  FaultVfs vfs;
  vfs.die_at(n, in_the_middle);
  Run run{first, false};
  if (auto opened = InstanceStore::open(options)) {
    InstanceStore& store = *opened.value();
    std::uint64_t next = first;
    if (const auto batch = store.setting("batch"); batch && *batch && scenario.is_after(**batch, first + 1)) ++next;
    for (std::uint64_t i = next; i < scenario.batches(); ++i) {
      if (!scenario.apply(store, i) || !store.commit()) break;
      run.acknowledged = i + 1;
      for (int k = 0; k < 4; ++k) (void)store.maintain(scenario.time_of(i));
    }
    if (!vfs.is_off()) (void)store.close();
  }
  run.killed = vfs.is_off();
  return run;
}

// The batch that was not acknowledged is there as a whole or not at all; how many are there.
std::uint64_t check_after_crash(const Scenario& scenario, const StoreOptions& options, std::uint64_t acknowledged) {
  const auto store = open_store(options);
  const Content content = content_of(*store);
  if (content == scenario.after(acknowledged)) return acknowledged;
  REQUIRE(acknowledged < scenario.batches());
  REQUIRE(content == scenario.after(acknowledged + 1));
  return acknowledged + 1;
}

}  // namespace

TEST_CASE("killed at a call to the disk it has what it acknowledged, once", "[store][crash][disk]") {
  const Scenario scenario(4 * effort());
  // A process for each kill takes its time: all calls in the long run, some of them in the short one.
  const std::uint64_t stride = is_long() ? 1 : 6;
  bool killed = true;
  std::uint64_t kills = 0;
  for (std::uint64_t n = 1 + std::random_device{}() % stride; killed; n += stride) {
    const bool in_the_middle = n / stride % 2;
    CAPTURE(n, in_the_middle);
    TempDirectory directory;
    const StoreOptions options = scenario.begin(directory);
    const Run run = run_in_child(scenario, options, 0, n, in_the_middle);
    killed = run.killed;
    if (killed) ++kills;
    check_after_crash(scenario, options, run.acknowledged);
  }
  CHECK(kills > 10);
}

// The same in this process, which is faster: from the call on the disk does nothing any more.
TEST_CASE("dead at any call to the disk, and again in recovery, it has what it acknowledged, once",
          "[store][crash][disk]") {
  const Scenario scenario(4 * effort());
  REQUIRE(scenario.archived() > 0);
  std::uint64_t died_again = 0;
  bool died = true;
  std::uint64_t n = 0;
  while (died) {
    CAPTURE(++n);
    for (const bool in_the_middle : {false, true}) {
      if (!is_long() && in_the_middle != (n % 2 == 0)) continue;
      TempDirectory directory;
      const StoreOptions options = scenario.begin(directory);
      const Run first = run_until_dead(scenario, options, 0, n, in_the_middle);
      died = first.killed;
      const Run second = run_until_dead(scenario, options, first.acknowledged, 1 + n % 25, !in_the_middle);
      if (second.killed) ++died_again;
      check_after_crash(scenario, options, second.acknowledged);
    }
  }
  if (is_long()) WARN("died at each of " << n - 1 << " calls, " << died_again << " times again");
  CHECK(n > 50);
  CHECK(died_again > 10);
}

TEST_CASE("an error of any call to the disk is answered, nothing of the batch stays, and it can be repeated",
          "[store][faults][disk]") {
  struct Fault {
    const char* what;
    unsigned calls;
    int code;
    std::uint64_t times;
  };
  const auto kind = [](Call call) { return static_cast<unsigned>(call); };
  const auto fault = GENERATE_COPY(values<Fault>({
      {"disk full, once", kind(Call::write) | kind(Call::truncate), kErrorFull, 1},
      {"disk full until room is made", kind(Call::write) | kind(Call::truncate), kErrorFull, 1'000'000},
      {"a write fails", kind(Call::write), kErrorWrite, 1},
      {"a sync fails", kind(Call::sync), kErrorSync, 1},
      {"syncs fail for a while", kind(Call::sync), kErrorSync, 1'000'000},
      {"a truncation fails", kind(Call::truncate), kErrorTruncate, 1},
      {"a read fails", kind(Call::read), kErrorRead, 1},
  }));
  const Scenario scenario(3 * effort());
  std::uint64_t failures = 0;
  std::uint64_t answered = 0;
  bool failed = true;
  const bool sample = !is_long() && (fault.calls & kind(Call::write));  // of many calls every second or third
  for (std::uint64_t n = 1; failed; n += sample ? 2 + std::random_device{}() % 2 : 1) {
    CAPTURE(fault.what, n);
    TempDirectory directory;
    const StoreOptions options = scenario.begin(directory);
    FaultVfs vfs;
    auto store = open_store(options);
    vfs.fail_at(n, fault.calls, fault.code, fault.times);
    for (std::uint64_t i = 0; i < scenario.batches(); ++i) {
      auto done = scenario.apply(*store, i);
      const auto committed = store->commit();
      if (!done || !committed) {
        ++answered;
        const base::Error error = done ? committed.error() : done.error();
        CHECK(base::class_of(error.reason) == base::ErrorClass::storage);
        vfs.heal();
        if (committed) break;  // one operation was refused, those before it were done
        REQUIRE(content_of(*store) == scenario.after(i));
        succeed(scenario.apply(*store, i));
        succeed(store->commit());
      }
      if (fault.calls != kind(Call::read)) REQUIRE(content_of(*store) == scenario.after(i + 1));
      for (int k = 0; k < 4; ++k) (void)store->maintain(scenario.time_of(i));
      (void)store->commit();
    }
    failed = vfs.has_failed();
    if (failed) ++failures;
    vfs.heal();
    const Content content = content_of(*store);
    store.reset();
    REQUIRE(content_of(*open_store(options)) == content);
  }
  if (is_long()) WARN(fault.what << ": " << failures << " calls, " << answered << " answered");
  if (fault.calls != kind(Call::truncate)) CHECK(failures > 3);
}

TEST_CASE("an error while the store is opened is answered; tried again, it opens", "[store][faults][disk]") {
  const Scenario scenario(1);
  TempDirectory directory;
  const StoreOptions options = scenario.begin(directory);
  FaultVfs vfs;
  {  // killed before its log was checkpointed
    const auto store = open_store(options);
    succeed(scenario.apply(*store, 0));
    succeed(store->commit());
  }
  const unsigned calls = 63;  // of all kinds
  const int code = GENERATE(kErrorOpen, kErrorRead, kErrorFull);
  bool failed = true;
  std::uint64_t refused = 0;
  for (std::uint64_t n = 1; failed; ++n) {
    CAPTURE(n, code);
    vfs.fail_at(n, calls, code, 1);
    {
      const auto opened = InstanceStore::open(options);
      if (!opened) {
        ++refused;
        CHECK(base::class_of(opened.error().reason) == base::ErrorClass::storage);
        CHECK(opened.error().reason != base::Reason::storage_corrupt);
      }
    }
    failed = vfs.has_failed();
    vfs.heal();
    REQUIRE(content_of(*open_store(options)) == scenario.after(1));
  }
  CHECK(refused > 5);
}

TEST_CASE("after loss of power everything acknowledged is there, or with `process` a beginning of it",
          "[store][crash][disk][power]") {
  const bool full = GENERATE(true, false);
  const char* text = std::getenv("SPEX_TEST_SEED");
  const std::uint64_t seed = text ? std::strtoull(text, nullptr, 10) : std::random_device{}();
  const Scenario scenario(12);
  std::uint64_t lost = 0;
  std::uint64_t runs = 0;
  for (; runs < 20 * effort(); ++runs) {
    INFO("SPEX_TEST_SEED=" << seed << " run " << runs << (full ? " full" : " process"));
    std::mt19937_64 random(seed + runs);
    TempDirectory directory;
    StoreOptions options = scenario.begin(directory);
    options.full_durability = full;
    FaultVfs vfs;
    std::uint64_t acknowledged = 0;
    // Twice: the second time the power goes while, or after, it recovers from the first.
    for (const std::uint64_t calls_max : {300U, 60U}) {
      vfs.power_off_at(1 + random() % calls_max);
      std::uint64_t done = acknowledged;
      if (auto opened = InstanceStore::open(options)) {
        InstanceStore& store = *opened.value();
        for (std::uint64_t i = acknowledged; i < scenario.batches(); ++i) {
          if (!scenario.apply(store, i) || !store.commit()) break;
          done = i + 1;
          for (int k = 0; k < 4; ++k) (void)store.maintain(scenario.time_of(i));
        }
      }
      vfs.restore_after_power_loss(random);
      std::ofstream(directory.file("shard_3.lock")) << "created\n" << (full ? "full" : "process") << " another-boot\n";
      const auto store = open_store(options);
      const Content content = content_of(*store);
      std::uint64_t there = 0;
      while (there < scenario.batches() && content != scenario.after(there)) ++there;
      REQUIRE(content == scenario.after(there));
      REQUIRE(there <= done + 1);
      if (full) REQUIRE(there >= done);
      if (there < done) ++lost;
      acknowledged = there;
    }
  }
  if (is_long())
    WARN((full ? "full: " : "process: ") << runs << " runs, each with two losses of power; acknowledged and lost in "
                                         << lost);
  if (!full) CHECK(lost > 0);  // else nothing was put to the test
}
