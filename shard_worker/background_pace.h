// BackgroundPace: when a shard may do work that nobody waits for (due timeouts,
// pruning, bulk deletions, maintenance of the store), and how much at once, so
// that requests meanwhile are not held up for long and the work still gets done.
//
// * A slice is followed by a pause as long as it took: at most half of the time.
// * A turn with requests does none, unless there was none for kStarvedAfter.
// * Slices shrink by half when one took too long, commit included, and grow in small
//   steps when not. Too long is kTarget, or three usual commits where these are slow.
// * A shard gives way to another one that is at it (background_turn.h), but not for ever.
// * While nobody asks this shard anything, none of this: large slices, one after the other.
//
// Pure: time is an argument. Used by the worker's loop.
#pragma once

#include <cstddef>
#include <optional>

#include "base/clock.h"

namespace spex::shard_worker {

class BackgroundPace {
 public:
  static constexpr std::size_t kChangesLeast = 32;
  static constexpr std::size_t kChangesMost = 256;
  static constexpr std::size_t kChangesStep = 16;
  static constexpr base::Duration kTarget = std::chrono::milliseconds(5);
  static constexpr base::Duration kPauseMost = std::chrono::milliseconds(100);
  static constexpr base::Duration kStarvedAfter = std::chrono::milliseconds(20);
  static constexpr base::Duration kQuietAfter = std::chrono::seconds(1);
  static constexpr base::Duration kAskAgain = std::chrono::milliseconds(1);
  static constexpr base::Duration kGiveWayMost = std::chrono::seconds(1);

  // A turn has requests.
  void asked(base::MonotonicTime now) { asked_at_ = now; }
  // A commit of requests alone took so long.
  void committed(base::Duration took) { usual_commit_ += (took - usual_commit_) / 8; }

  // Whether a turn that begins now may do some.
  bool may_work(base::MonotonicTime now, bool has_requests) const;
  // When a turn without requests may do some.
  base::MonotonicTime next() const { return resume_at_; }
  // Changes that the next slice may make.
  std::size_t changes_max() const { return changes_max_; }

  // Another shard is at it: true if this one shall wait (see next()), false if it has waited long enough.
  bool gives_way(base::MonotonicTime now);
  // A slice of changes, with its commit; `was_full`: it made as many as it might.
  void sliced(base::MonotonicTime begun, base::MonotonicTime ended, bool was_full);
  // A slice of maintenance.
  void maintained(base::MonotonicTime begun, base::MonotonicTime ended) { rest(begun, ended); }

 private:
  bool is_quiet(base::MonotonicTime now) const { return !asked_at_ || now - *asked_at_ >= kQuietAfter; }
  void rest(base::MonotonicTime begun, base::MonotonicTime ended);

  std::size_t changes_max_ = kChangesMost;
  base::Duration usual_commit_{0};
  base::MonotonicTime resume_at_;
  base::MonotonicTime worked_at_;
  std::optional<base::MonotonicTime> asked_at_;
  std::optional<base::MonotonicTime> waits_since_;  // for another shard
};

}  // namespace spex::shard_worker
