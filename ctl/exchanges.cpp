#include "ctl/exchanges.h"

#include <algorithm>

namespace spex::ctl {
namespace {

std::vector<std::vector<lts::RunStep>> stretches_of(const std::vector<lts::RunStep>& run) {
  std::vector<std::vector<lts::RunStep>> stretches(1);
  for (const lts::RunStep& step : run) {
    stretches.back().push_back(step);
    if (!step.action.empty()) stretches.emplace_back();
  }
  return stretches;
}

}  // namespace

std::vector<Exchange> exchanges_of(const lts::Explanation* explanation) {
  std::vector<Exchange> exchanges;
  if (explanation == nullptr) return exchanges;
  for (const lts::GameStep& step : explanation->game) exchanges.push_back({step.left, step.right});
  if (explanation->kind != lts::Explanation::Kind::trace) return exchanges;
  const auto left = stretches_of(explanation->left_run);
  const auto right = stretches_of(explanation->right_run);
  for (std::size_t i = 0; i < std::max(left.size(), right.size()); ++i) {
    exchanges.push_back({i < left.size() ? left[i] : std::vector<lts::RunStep>(),
                         i < right.size() ? right[i] : std::vector<lts::RunStep>()});
  }
  return exchanges;
}

}  // namespace spex::ctl
