// Times the verdict on two `.aut` files: `compare_aut A B [RELATION]`, where RELATION is branching, strong or
// divergence. Prints verdict, seconds of reading and deciding, and the process's peak memory.
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "lts/aut_format.h"
#include "lts/branching_bisimulation.h"

namespace {

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  using namespace spex::lts;
  if (argc < 3) return 2;
  const std::string relation_name = argc > 3 ? argv[3] : "branching";
  const Bisimilarity relation = relation_name == "strong"       ? Bisimilarity::strong
                                : relation_name == "divergence" ? Bisimilarity::divergence_preserving
                                                                : Bisimilarity::branching;
  const auto left = read_aut_file(argv[1]);
  const auto right = read_aut_file(argv[2]);
  if (!left || !right) {
    std::fprintf(stderr, "%s\n", spex::base::to_string(left ? right.error() : left.error()).c_str());
    return 2;
  }
  const double read = cpu_seconds();
  const auto verdict = bisimilar(*left, *right, relation);
  if (!verdict) return 2;
  const double total = cpu_seconds();
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf("%s read %.3f decide %.3f total %.3f s, %ld MB\n", *verdict ? "true" : "false", read, total - read, total,
              usage.ru_maxrss / 1024);
  return *verdict ? 0 : 1;
}
