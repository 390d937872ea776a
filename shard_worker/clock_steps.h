// ClockSteps: what the wall clock did while this process ran, in eras between its
// steps, forward or back. A time stamp may fit into several eras, and one that lay in
// the future of its era was raised to that of an earlier record: of all that it can mean
// the youngest counts, so that a wrong clock never makes anything due early. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "shard_worker/request.h"

namespace spex::shard_worker {

class ClockSteps {
 public:
  // At the beginning of every turn, before anything gets a time stamp: a step of the wall clock between
  // two turns is then later than every stamp made before it.
  void observe(Now now);
  // How old a record with this time stamp is at least; 0 if its time is still to come.
  std::int64_t age(base::Timestamp stamp, Now now) const;

 private:
  static constexpr std::int64_t kTolerance = 2'000'000;
  static constexpr std::size_t kErasMax = 64;
  struct Era {
    base::Timestamp begin;  // the wall clock in it: from, to
    base::Timestamp end;
    base::MonotonicTime end_time;
  };
  std::optional<Now> last_;
  base::Timestamp begin_ = std::numeric_limits<base::Timestamp>::min();  // of the era that lasts
  std::vector<Era> past_;
};

}  // namespace spex::shard_worker
