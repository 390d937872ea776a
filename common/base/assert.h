// SPEX_ASSERT: invariants that stay checked in release builds.
//
// A broken invariant is a bug: print it, abort, and let the supervisor restart
// the process from durable state. Errors of operation are never asserted; they
// are `Result` values (result.h).
#pragma once

namespace spex::base {

// Writes one line to standard error and aborts (SIGABRT, so a core can be had).
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace spex::base

#define SPEX_ASSERT(expression) \
  (static_cast<bool>(expression) ? void(0) : ::spex::base::assertion_failed(#expression, __FILE__, __LINE__))
