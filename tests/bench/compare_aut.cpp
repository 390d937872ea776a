// Times the verdict on two `.aut` files, and the explanation if it is asked for:
// `compare_aut [--explain|--again] A B [RELATION]`, where RELATION is branching, strong or divergence. Prints the
// verdict, the CPU seconds of reading, deciding and explaining, and the process's peak memory; with --again those of a
// second verdict, too, for which the process has its memory already.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

#include "lts/aut_format.h"
#include "lts/decision.h"
#include "lts/explanation.h"
#include "lts/large_heap.h"

namespace {

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Not ru_maxrss, which remembers what the process was before it became this program.
double peak_megabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace spex::lts;
  const bool explains = argc > 1 && std::string_view(argv[1]) == "--explain";
  const bool decides_again = argc > 1 && std::string_view(argv[1]) == "--again";
  argv += explains || decides_again ? 1 : 0;
  argc -= explains || decides_again ? 1 : 0;
  if (argc < 3) return 2;
  const std::string relation_name = argc > 3 ? argv[3] : "branching";
  const Bisimilarity relation = relation_name == "strong"       ? Bisimilarity::strong
                                : relation_name == "divergence" ? Bisimilarity::divergence_preserving
                                                                : Bisimilarity::branching;
  prepare_large_heap();
  const auto left = read_aut_file(argv[1]);
  const auto right = read_aut_file(argv[2]);
  if (!left || !right) {
    std::fprintf(stderr, "%s\n", spex::base::to_string(left ? right.error() : left.error()).c_str());
    return 2;
  }
  const double read = cpu_seconds();
  const auto decision = decide(*left, *right, relation);
  if (!decision) return 2;
  const double decided = cpu_seconds();
  std::printf("%s read %.4f decide %.4f s, %.1f MB\n", decision->bisimilar ? "true" : "false", read, decided - read,
              peak_megabytes());
  if (decides_again) {
    const double begun = cpu_seconds();
    if (!decide(*left, *right, relation)) return 2;
    std::printf("again %.5f s\n", cpu_seconds() - begun);
  }
  if (decision->bisimilar || !explains) return decision->bisimilar ? 0 : 1;
  trim_large_heap(decision->graph.transitions.size());
  const Explanation explanation = explain(*left, *right, *decision);
  std::printf("explain %.4f s, %.1f MB; trace %zu, game %zu, formula %zu bytes, depth %u; %s\n%s\n",
              cpu_seconds() - decided, peak_megabytes(), explanation.trace.size(), explanation.game.size(),
              explanation.formula.size(), explanation.depth, explanation.note.c_str(),
              tell_story(explanation, *left, *right, "left", "right").substr(0, 300).c_str());
  return 1;
}
