// Deadlines: transition timeouts that fall due, and the pruning of instances
// that nobody needs any more. Both work in small slices, a slice a turn, and
// their changes are committed with the batch of that turn.
//
// Timeouts run on the monotonic clock (timeout_queue.h). Pruning compares wall
// times and knows the steps that the wall clock made, so that a wrong clock never
// deletes anything early.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "base/result.h"
#include "shard_worker/request.h"

namespace spex::shard_worker {

class Shard;

// Fills the timeout queue anew from the newest records of all instances. O(instances).
void rebuild_timeouts(Shard& shard, Now now);

class Deadlines {
 public:
  explicit Deadlines(Shard& shard) : shard_(shard) {}

  // Once, when the shard has been loaded: what fell due while it was away is
  // reported (or skipped) in the first slices and summed up in one log line.
  void start(Now now);
  // One slice of due timeouts and of a prune pass, of at most so many changes each. Answers whether there
  // is more to do at once.
  base::Result<bool> run_slice(Now now, std::size_t changes_max);
  // When run_slice has something to do again.
  base::MonotonicTime next(Now now) const;

 private:
  base::Result<bool> report_due(Now now, std::size_t changes_max);
  base::Result<void> report(store::InstanceNumber number, Now now);
  base::Result<bool> prune_some(Now now, std::size_t changes_max);
  bool is_prunable(const store::Instance& instance, Now now);
  void end_pass(Now now);

  Shard& shard_;
  base::MonotonicTime started_;
  std::uint64_t overdue_at_start_ = 0;
  bool catching_up_ = true;
  std::optional<store::InstanceNumber> prune_cursor_;  // of the pass under way
  std::optional<base::MonotonicTime> next_prune_;      // nothing: no further pass
  std::uint64_t pruned_in_pass_ = 0;
};

}  // namespace spex::shard_worker
