#include "ctl/replay_plan.h"

#include "base/assert.h"

namespace spex::ctl {

ReplayPlan::ReplayPlan(const CaseLog& log, std::uint32_t first, std::uint32_t last)
    : first_(first), cases_(last > first ? last - first : 0) {
  for (std::uint32_t i = 0; i < log.events.size(); ++i) {
    const std::uint32_t number = log.events[i].case_number;
    if (number >= first && number < last) cases_[number - first].events.push_back(i);
  }
  for (std::uint32_t i = 0; i < cases_.size(); ++i) {
    runnable_.push_back(i);
    remaining_ += 1 + cases_[i].events.size();
  }
}

std::optional<ReplayStep> ReplayPlan::next() {
  if (runnable_.empty()) return std::nullopt;
  const std::uint32_t index = runnable_.front();
  runnable_.pop_front();
  const Case& one = cases_[index];
  if (!one.initialised) return ReplayStep{first_ + index, std::nullopt};
  return ReplayStep{first_ + index, one.events[one.next]};
}

void ReplayPlan::done(std::uint32_t case_number, bool go_on) {
  const std::uint32_t index = case_number - first_;
  SPEX_ASSERT(index < cases_.size() && remaining_ > 0);
  Case& one = cases_[index];
  --remaining_;
  if (one.initialised) {
    ++one.next;
  } else {
    one.initialised = true;
  }
  const std::size_t left = one.events.size() - one.next;
  if (!go_on) {
    remaining_ -= left;
    skipped_ += left;
    one.next = one.events.size();
  } else if (left > 0) {
    // Cases under way go first, so that few are open at any time, as in life.
    runnable_.push_front(index);
  }
}

}  // namespace spex::ctl
