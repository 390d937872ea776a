// ListingPace: how long a page of all_instances may be, so that listing everything
// does not hold up those who ask for something else. While they do, a page is as
// long as what they asked of this shard since the page before, at least kLeast;
// after kQuietAfter without them it is as long as one may be.
//
// Pure: time is an argument.
#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "base/clock.h"
#include "protocol/messages.h"

namespace spex::shard_worker {

class ListingPace {
 public:
  static constexpr std::size_t kLeast = 32;
  static constexpr base::Duration kQuietAfter = std::chrono::seconds(1);

  // A request that is no page came.
  void asked(base::MonotonicTime now) {
    ++asked_;
    asked_at_ = now;
  }
  // Instances that the page made now may have.
  std::size_t next_page(base::MonotonicTime now) {
    const bool is_quiet = !asked_at_ || now - *asked_at_ >= kQuietAfter;
    return is_quiet ? protocol::kPageInstancesMax
                    : std::clamp(std::exchange(asked_, 0), kLeast, protocol::kPageInstancesMax);
  }

 private:
  std::size_t asked_ = 0;  // since the last page
  std::optional<base::MonotonicTime> asked_at_;
};

}  // namespace spex::shard_worker
