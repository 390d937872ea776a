// prefetch(): asks the processor for memory that will be used soon.
#pragma once

namespace spex::store {

inline void prefetch(const void* at) {
  __builtin_prefetch(at, 1);
  // Without this GCC takes a function that does nothing else for one without effect, and drops its calls.
  asm volatile("");
}

}  // namespace spex::store
