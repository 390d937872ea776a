// spex-store-bench: transitions per second of one store alone, without transport and
// conformance: batches of 1, 16, 256 and 1024 with both durabilities, and what opening
// the file costs after that. `spex-store-bench [--instances N] [--seconds S] [--keys] [--dir D]`
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "store/instance_store.h"

namespace {

using namespace spex;
using namespace spex::store;
using Clock = std::chrono::steady_clock;

struct Arguments {
  std::uint32_t instances = 100'000;
  double seconds = 3;
  bool keys = false;
  std::string directory = ".";
};

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

template <typename T>
T checked(base::Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "spex-store-bench: %s\n", base::to_string(result.error()).c_str());
    std::exit(1);
  }
  return std::move(result).value();
}

void checked(const base::Result<void>& result) {
  if (!result) {
    std::fprintf(stderr, "spex-store-bench: %s\n", base::to_string(result.error()).c_str());
    std::exit(1);
  }
}

std::string identifier(std::uint32_t n) {
  char text[17];
  std::snprintf(text, sizeof text, "instance%08x", n);
  return text;
}

StoreOptions options_of(const Arguments& arguments, bool full) {
  StoreOptions options;
  options.path = arguments.directory + "/shard_1.sqlite";
  options.shard = base::ShardId(1);
  options.cluster_id = "bench";
  options.full_durability = full;
  options.now = 1'790'000'000'000'000;
  return options;
}

void fill(InstanceStore& store, const Arguments& arguments, base::Timestamp at) {
  const auto specification = checked(store.intern_specification("order"));
  const NameId name = checked(store.intern("created"));
  const std::string meta(40, 'm');
  const auto start = Clock::now();
  for (std::uint32_t n = 0; n < arguments.instances; ++n) {
    checked(store.create(identifier(n), specification, meta, {name, name, at, {}, 0}, nullptr, nullptr));
    if (n % 1'024 != 1'023) continue;
    checked(store.commit());
    checked(store.maintain(at));
  }
  checked(store.commit());
  std::printf("created %u instances: %.0f/s, %.0f bytes each\n", arguments.instances,
              arguments.instances / since(start),
              static_cast<double>(store.statistics().file_bytes + store.statistics().wal_bytes) / arguments.instances);
}

void run(InstanceStore& store, const Arguments& arguments, const char* durability, std::size_t batch,
         base::Timestamp& at) {
  const NameId action = checked(store.intern("step"));
  const NameId state = checked(store.intern("moved"));
  std::mt19937_64 random(batch);
  std::vector<double> commits;
  std::uint64_t done = 0;
  static std::uint64_t key_number = 1;
  const auto start = Clock::now();
  while (since(start) < arguments.seconds) {
    const auto begun = Clock::now();
    for (std::size_t i = 0; i < batch; ++i) {
      const auto number = store.find(identifier(static_cast<std::uint32_t>(random() % arguments.instances)));
      const RequestKey key{random() % 64, key_number++, 7};
      StoredOutcome outcome;
      const RequestKey* const used = arguments.keys ? &key : nullptr;
      checked(store.append(*number, {action, state, ++at, {}, 0}, used, used ? &outcome : nullptr));
    }
    checked(store.commit());
    commits.push_back(since(begun) * 1e3);
    checked(store.maintain(at));
    done += batch;
  }
  const double took = since(start);
  std::sort(commits.begin(), commits.end());
  const auto share = [&](double part) {
    return commits[static_cast<std::size_t>(part * static_cast<double>(commits.size() - 1))];
  };
  std::printf("%-8s batch %5zu  %9.0f transitions/s   batch p50 %.2f  p99 %.2f  max %.1f ms\n", durability, batch,
              static_cast<double>(done) / took, share(0.5), share(0.99), commits.back());
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** values) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string_view name = values[i];
    if (name == "--keys") {
      arguments.keys = true;
    } else if (name == "--instances" && i + 1 < count) {
      arguments.instances = static_cast<std::uint32_t>(std::strtoul(values[++i], nullptr, 10));
    } else if (name == "--seconds" && i + 1 < count) {
      arguments.seconds = std::strtod(values[++i], nullptr);
    } else if (name == "--dir" && i + 1 < count) {
      arguments.directory = values[++i];
    } else {
      std::fprintf(stderr, "usage: spex-store-bench [--instances N] [--seconds S] [--keys] [--dir D]\n");
      return 2;
    }
  }
  arguments.directory += "/spex-store-bench";
  for (const bool full : {true, false}) {
    std::filesystem::remove_all(arguments.directory);
    std::filesystem::create_directories(arguments.directory);
    const StoreOptions options = options_of(arguments, full);
    auto store = checked(InstanceStore::open(options));
    base::Timestamp at = options.now;
    fill(*store, arguments, at);
    for (const std::size_t batch : {1U, 16U, 64U, 256U, 1024U})
      run(*store, arguments, full ? "full" : "process", batch, at);
    const double bytes = static_cast<double>(store->statistics().file_bytes + store->statistics().wal_bytes);
    const auto records = static_cast<double>(store->statistics().records);
    store.reset();
    const auto opening = Clock::now();
    store = checked(InstanceStore::open(options));
    std::printf("file: %.1f bytes per record; opened in %.0f ms, %llu records replayed\n", bytes / records,
                since(opening) * 1e3, static_cast<unsigned long long>(store->statistics().recovered_records));
  }
  std::filesystem::remove_all(arguments.directory);
  return 0;
}
