#include "shard_worker/background_pace.h"

#include <algorithm>

namespace spex::shard_worker {

using base::Duration;
using base::MonotonicTime;

bool BackgroundPace::may_work(MonotonicTime now, bool has_requests) const {
  return now >= resume_at_ && (!has_requests || now - worked_at_ >= kStarvedAfter);
}

bool BackgroundPace::gives_way(MonotonicTime now) {
  if (is_quiet(now)) return false;
  if (!waits_since_) waits_since_ = now;
  if (now - *waits_since_ >= kGiveWayMost) return false;
  resume_at_ = now + kAskAgain;
  return true;
}

void BackgroundPace::sliced(MonotonicTime begun, MonotonicTime ended, bool was_full) {
  if (is_quiet(ended) || ended - begun <= std::max(kTarget, 3 * usual_commit_)) {
    if (was_full) changes_max_ = std::min(changes_max_ + kChangesStep, kChangesMost);
  } else {
    changes_max_ = std::max(changes_max_ / 2, kChangesLeast);
  }
  rest(begun, ended);
}

void BackgroundPace::rest(MonotonicTime begun, MonotonicTime ended) {
  waits_since_.reset();
  worked_at_ = ended;
  resume_at_ = is_quiet(ended) ? ended : ended + std::min(ended - begun, kPauseMost);
}

}  // namespace spex::shard_worker
