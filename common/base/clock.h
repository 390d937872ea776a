// Time behind a seam: logic takes time as an argument, loops ask a Clock.
#pragma once

#include <chrono>
#include <cstdint>

namespace spex::base {

// Microseconds since 1970-01-01 UTC; the unit of every stored and wire timestamp.
using Timestamp = std::int64_t;
// A point of the monotonic clock; never stored, never compared across processes.
using MonotonicTime = std::chrono::steady_clock::time_point;
using Duration = std::chrono::nanoseconds;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp wall() const = 0;
  virtual MonotonicTime monotonic() const = 0;
};

class SystemClock final : public Clock {
 public:
  Timestamp wall() const override {
    const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count();
  }
  MonotonicTime monotonic() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace spex::base
