// Waiting in tests: on a condition, with a deadline, never for a fixed time.
#pragma once

#include <chrono>
#include <thread>

namespace spex::test {

// Long enough for a loaded machine with sanitizers; a healthy run needs a fraction.
inline constexpr std::chrono::seconds kPatience{30};

// Polls `condition` until it holds; false when the deadline passed first.
template <typename Condition>
bool eventually(Condition condition, std::chrono::milliseconds deadline = kPatience) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

}  // namespace spex::test
