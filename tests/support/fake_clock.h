// FakeClock: time that moves only when a test says so.
#pragma once

#include "base/clock.h"

namespace spex::test {

class FakeClock final : public base::Clock {
 public:
  base::Timestamp wall() const override { return wall_; }
  base::MonotonicTime monotonic() const override { return monotonic_; }
  void advance(base::Duration by) {
    monotonic_ += std::chrono::duration_cast<base::MonotonicTime::duration>(by);
    wall_ += std::chrono::duration_cast<std::chrono::microseconds>(by).count();
  }

 private:
  base::Timestamp wall_ = 1'700'000'000'000'000;
  base::MonotonicTime monotonic_{std::chrono::hours(1)};
};

}  // namespace spex::test
