// ReplayPlan: which step of an event log goes out next. The steps of a case are
// its initialisation and then its events, one after the other; cases overlap. A
// case that cannot be initialised is given up with all its events. Pure.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "ctl/case_log.h"

namespace spex::ctl {

struct ReplayStep {
  std::uint32_t case_number = 0;
  std::optional<std::uint32_t> event;  // into CaseLog::events; nothing: the initialisation
};

class ReplayPlan {
 public:
  // Of the cases numbered [first, last).
  ReplayPlan(const CaseLog& log, std::uint32_t first, std::uint32_t last);

  // A step whose case has none under way; nothing if all that is left must wait.
  std::optional<ReplayStep> next();
  // The step of this case under way is over; `go_on` false: skip the rest of the case.
  void done(std::uint32_t case_number, bool go_on);
  bool finished() const { return remaining_ == 0; }
  std::uint64_t skipped_events() const { return skipped_; }

 private:
  struct Case {
    std::vector<std::uint32_t> events;
    std::size_t next = 0;
    bool initialised = false;
  };
  std::uint32_t first_;
  std::vector<Case> cases_;
  std::deque<std::uint32_t> runnable_;  // by case number less first_
  std::uint64_t remaining_ = 0;         // steps not done
  std::uint64_t skipped_ = 0;
};

}  // namespace spex::ctl
