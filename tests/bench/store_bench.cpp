// spex-store-bench: one store alone, without transport and conformance. Each section prints
// JSON lines {"what", "value", "unit"}:
//   batches  transitions per second by batch and durability (with --keys 1: with request keys)
//   scale    N instances: creation, throughput, memory, disk, start after SIGKILL
//   prune    a tenth of N removed in slices beside other requests
//   churn    N created, moved and removed, a tenth of them alive at a time: the file against a fresh one
//   evicted  states of a tenth of N in memory: random requests, and nine in ten to a twentieth
// `spex-store-bench SECTION [--instances N] [--seconds S] [--keys 0|1] [--dir D]`
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "store/instance_store.h"

namespace {

using namespace spex;
using namespace spex::store;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kCreatedAtOnce = 1'024;
constexpr std::size_t kPrunedPerSlice = 256;
constexpr std::size_t kVisitsPerSlice = 4'096;

struct Arguments {
  std::string section;
  std::uint32_t instances = 100'000;
  double seconds = 3;
  bool keys = false;
  std::string directory = ".";
};

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

void figure(const std::string& what, double value, const char* unit) {
  std::printf("{\"what\": \"%s\", \"value\": %.3f, \"unit\": \"%s\"}\n", what.c_str(), value, unit);
  std::fflush(stdout);
}

void stop_at(const base::Error& error) {
  std::fprintf(stderr, "spex-store-bench: %s\n", base::to_string(error).c_str());
  std::exit(1);
}

template <typename T>
T checked(base::Result<T> result) {
  if (!result) stop_at(result.error());
  return std::move(result).value();
}

void checked(const base::Result<void>& result) {
  if (!result) stop_at(result.error());
}

std::string identifier(std::uint64_t n) {
  char text[32];
  std::snprintf(text, sizeof text, "instance%08llx", static_cast<unsigned long long>(n));
  return text;
}

double resident_bytes() {
  std::ifstream status("/proc/self/statm");
  double total = 0;
  double resident = 0;
  status >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

// The times of something done often.
class Times {
 public:
  template <typename Work>
  void take(const Work& work) {
    const auto begun = Clock::now();
    work();
    milliseconds_.push_back(since(begun) * 1e3);
  }
  void tell(const std::string& what) {
    std::sort(milliseconds_.begin(), milliseconds_.end());
    figure(what + ", p50", share(0.5), "ms");
    figure(what + ", p99", share(0.99), "ms");
    figure(what + ", longest", milliseconds_.back(), "ms");
  }

 private:
  double share(double part) const {
    return milliseconds_[static_cast<std::size_t>(part * static_cast<double>(milliseconds_.size() - 1))];
  }
  std::vector<double> milliseconds_;
};

class Bench {
 public:
  explicit Bench(const Arguments& arguments) : arguments_(arguments) {
    arguments_.directory += "/spex-store-bench-" + std::to_string(::getpid());
    options_.path = arguments_.directory + "/shard_1.sqlite";
    options_.shard = base::ShardId(1);
    options_.cluster_id = "bench";
    options_.instances_max = 1'000'000'000;
    options_.now = at_;
  }
  ~Bench() { std::filesystem::remove_all(arguments_.directory); }

  void batches() {
    for (const bool full : {true, false}) {
      options_.full_durability = full;
      begin();
      create(0, arguments_.instances);
      for (const std::size_t batch : {1U, 16U, 64U, 256U, 1024U}) {
        run(std::string("store, ") + (full ? "full" : "process") + ", batch " + std::to_string(batch), batch);
      }
    }
  }

  void scale() {
    const std::string name = "store, " + std::to_string(arguments_.instances) + " instances";
    const pid_t child = ::fork();
    if (child == 0) {
      begin();
      const double before = resident_bytes();
      const auto begun = Clock::now();
      create(0, arguments_.instances);
      figure(name + ", created", arguments_.instances / since(begun), "/s");
      checkpoint();
      const double file = file_bytes();
      figure(name + ", disk per instance", file / arguments_.instances, "B");
      run(name + ", batch 64", 64);
      run(name + ", batch 1024", 1024);
      figure(name + ", resident per instance", (resident_bytes() - before) / arguments_.instances, "B");
      checkpoint();
      figure(name + ", disk per transition", (file_bytes() - file) / static_cast<double>(moved_), "B");
      ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (!WIFSIGNALED(status)) std::exit(1);
    const double before = resident_bytes();
    const auto begun = Clock::now();
    const std::clock_t processor = std::clock();
    store_ = checked(InstanceStore::open(options_));
    move_some(1);
    checked(store_->commit());
    figure(name + ", SIGKILL until the first answer", since(begun), "s");
    figure(name + ", of that CPU time", static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC, "s");
    figure(name + ", of that replayed", static_cast<double>(store_->statistics().recovered_records), "records");
    figure(name + ", resident per instance after that", (resident_bytes() - before) / arguments_.instances, "B");
  }

  void prune() {
    const std::string name = "store, a tenth of " + std::to_string(arguments_.instances) + " pruned";
    begin();
    create(0, arguments_.instances);
    Times times;
    std::uint64_t pruned = 0;
    const auto begun = Clock::now();
    std::optional<InstanceNumber> from(InstanceNumber(1));
    while (from) {
      times.take([&] {
        move_some(64);
        pruned += prune_slice(from);
        checked(store_->commit());
      });
      checked(store_->maintain(at_));
    }
    const double seconds = since(begun);
    figure(name + ", pruned", static_cast<double>(pruned) / seconds, "/s");
    times.tell(name + ", commit of 64 with a slice");
    Times upkeep;
    at_ += options_.reclaim_within;
    for (bool more = true; more;) {
      upkeep.take([&] {
        more = checked(store_->maintain(at_));
        checked(store_->commit());
      });
    }
    upkeep.tell(name + ", slice of giving back");
  }

  void churn() {
    const std::string name = "store, churn of " + std::to_string(arguments_.instances);
    const std::uint64_t alive = std::max(arguments_.instances / 10, 2U * static_cast<unsigned>(kCreatedAtOnce));
    begin();
    create(0, alive);
    Times times;
    double largest = 0;
    const auto begun = Clock::now();
    for (std::uint64_t n = alive; n < arguments_.instances; n += kPrunedPerSlice) {
      times.take([&] {
        for (std::uint64_t i = n; i < n + kPrunedPerSlice; ++i) {
          create_one(i);
          finish(i);
          checked(store_->remove(*store_->find(identifier(i - alive)), nullptr, nullptr));
        }
        checked(store_->commit());
      });
      times.take([&] { checked(store_->maintain(at_)); });
      if (n / kPrunedPerSlice % 64 == 0) largest = std::max(largest, file_bytes());
    }
    figure(name + ", created, moved twice and removed",
           (arguments_.instances - static_cast<double>(alive)) / since(begun), "/s");
    times.tell(name + ", slice of 256");
    const double end = file_bytes();
    begin();
    for (std::uint64_t n = 0; n < alive; ++n) {
      create_one(n);
      finish(n);
      if (n % kCreatedAtOnce == 0) checked(store_->commit());
    }
    checkpoint();
    figure(name + ", largest file : live data in a new one", std::max(largest, end) / file_bytes(), "");
  }

  void evicted() {
    options_.instances_in_memory_max = arguments_.instances / 10;
    const std::string name = "store, a tenth of " + std::to_string(arguments_.instances) + " states in memory";
    begin();
    const double before = resident_bytes();
    create(0, arguments_.instances);
    run(name + ", random, batch 1024", 1024);
    hot_ = arguments_.instances / 20;
    run(name + ", 9 of 10 to a twentieth, batch 1024", 1024);
    figure(name + ", states in memory", static_cast<double>(store_->statistics().states_in_memory), "");
    figure(name + ", resident per instance", (resident_bytes() - before) / arguments_.instances, "B");
  }

 private:
  void begin() {
    store_.reset();
    std::filesystem::remove_all(arguments_.directory);
    std::filesystem::create_directories(arguments_.directory);
    store_ = checked(InstanceStore::open(options_));
    specification_ = checked(store_->intern_specification("order"));
    action_ = checked(store_->intern("step"));
    state_ = checked(store_->intern("moved"));
    checked(store_->commit());
  }

  void create_one(std::uint64_t n) {
    static const std::string meta(40, 'm');
    checked(store_->create(identifier(n), specification_, meta, {action_, state_, ++at_, {}, 0}, nullptr, nullptr));
  }
  void create(std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t n = first; n < first + count; ++n) {
      create_one(n);
      if (n % kCreatedAtOnce != kCreatedAtOnce - 1) continue;
      checked(store_->commit());
      checked(store_->maintain(at_));
    }
    checked(store_->commit());
  }
  void finish(std::uint64_t n) {
    const auto number = store_->find(identifier(n));
    for (int i = 0; i < 2; ++i) {
      checked(store_->append(*number, {action_, state_, ++at_, {}, 0}, nullptr, nullptr));
    }
  }

  std::uint64_t some_instance() {
    if (hot_ > 0 && random_() % 10 != 0) return random_() % hot_;
    return random_() % arguments_.instances;
  }
  // Uncommitted; those that are no more are left out.
  void move_some(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto number = store_->find(identifier(some_instance()));
      if (!number) continue;
      const RequestKey key{random_() % 64, ++key_number_, 7};
      StoredOutcome outcome;
      const RequestKey* const used = arguments_.keys ? &key : nullptr;
      checked(store_->append(*number, {action_, state_, ++at_, {}, 0}, used, used ? &outcome : nullptr));
      ++moved_;
    }
  }
  void run(const std::string& what, std::size_t batch) {
    Times times;
    const std::uint64_t before = moved_;
    const auto start = Clock::now();
    while (since(start) < arguments_.seconds) {
      times.take([&] {
        move_some(batch);
        checked(store_->commit());
      });
      checked(store_->maintain(at_));
    }
    figure(what, static_cast<double>(moved_ - before) / since(start), "/s");
    times.tell(what + ", commit");
  }
  // As the worker does: a bounded part of all is looked at, a bounded number removed, each an event.
  std::size_t prune_slice(std::optional<InstanceNumber>& from) {
    std::vector<InstanceNumber> old;
    std::size_t visits = 0;
    std::optional<InstanceNumber> rest;
    store_->scan(*from, [&](const Instance& instance) {
      if (visits == kVisitsPerSlice || old.size() == kPrunedPerSlice) {
        rest = instance.number;
        return false;
      }
      ++visits;
      if (instance.number.value() % 10 == 0) old.push_back(instance.number);
      return true;
    });
    for (const InstanceNumber number : old) {
      checked(store_->append_event(at_, checked(store_->details(number)).identifier + std::string(100, 'e')));
      checked(store_->remove(number, nullptr, nullptr));
    }
    from = rest;
    return old.size();
  }
  void checkpoint() {
    checked(store_->close());
    store_ = checked(InstanceStore::open(options_));
  }
  double file_bytes() const {
    return static_cast<double>(store_->statistics().file_bytes + store_->statistics().wal_bytes);
  }

  Arguments arguments_;
  StoreOptions options_;
  std::unique_ptr<InstanceStore> store_;
  SpecificationId specification_;
  NameId action_, state_;
  base::Timestamp at_ = 1'790'000'000'000'000;
  std::mt19937_64 random_{1};
  std::uint64_t hot_ = 0;
  std::uint64_t moved_ = 0;
  std::uint64_t key_number_ = 0;
};

}  // namespace

int main(int count, char** values) {
  Arguments arguments;
  if (count > 1) arguments.section = values[1];
  bool understood = count % 2 == 0;
  for (int i = 2; i + 1 < count; i += 2) {
    const std::string_view name = values[i];
    if (name == "--keys") {
      arguments.keys = std::string_view(values[i + 1]) == "1";
    } else if (name == "--instances") {
      arguments.instances = static_cast<std::uint32_t>(std::strtoul(values[i + 1], nullptr, 10));
    } else if (name == "--seconds") {
      arguments.seconds = std::strtod(values[i + 1], nullptr);
    } else if (name == "--dir") {
      arguments.directory = values[i + 1];
    } else {
      understood = false;
    }
  }
  const std::pair<std::string_view, void (Bench::*)()> sections[] = {{"batches", &Bench::batches},
                                                                     {"scale", &Bench::scale},
                                                                     {"prune", &Bench::prune},
                                                                     {"churn", &Bench::churn},
                                                                     {"evicted", &Bench::evicted}};
  for (const auto& [name, section] : sections) {
    if (!understood || name != arguments.section || arguments.instances == 0) continue;
    Bench bench(arguments);
    (bench.*section)();
    return 0;
  }
  std::fprintf(stderr,
               "usage: spex-store-bench batches|scale|prune|churn|evicted [--instances N] [--seconds S] [--keys 0|1] "
               "[--dir D]\n");
  return 2;
}
