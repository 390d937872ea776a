// AsyncWindow: the numbers of one client's fire-and-forget requests and how far
// the router lets it go. Numbers are consecutive from 1. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

namespace spex::client {

class AsyncWindow {
 public:
  // Before a router has granted anything it takes this many.
  static constexpr std::uint64_t kUngranted = 64;

  // Whether the next one, after `more` others, may go out.
  bool may_send(std::uint64_t more = 0) const { return last_ + more < allowed_; }
  void sent() { ++last_; }
  std::uint64_t last() const { return last_; }

  // CREDIT: numbers up to `number` may be sent; 0: the router is new and knows nothing.
  void grant(std::uint64_t number) { allowed_ = number == 0 ? last_ + kUngranted : std::max(allowed_, number); }

 private:
  std::uint64_t last_ = 0;
  std::uint64_t allowed_ = kUngranted;
};

}  // namespace spex::client
