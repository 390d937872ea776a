// Signals as a descriptor for poll loops (signalfd). Call from the only thread
// before anything else starts, because the signals are blocked from then on.
#pragma once

#include <initializer_list>
#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"

namespace spex::process {

class SignalFd {
 public:
  // Blocks the given signals and routes them to the descriptor.
  static base::Result<SignalFd> create(std::initializer_list<int> signals);
  int fd() const { return fd_.get(); }  // readable when a signal waits
  // The number of the next waiting signal; nothing if there is none. Never blocks.
  std::optional<int> next();

 private:
  explicit SignalFd(base::UniqueFd fd) : fd_(std::move(fd)) {}
  base::UniqueFd fd_;
};

// A peer that goes away (SIGPIPE) and a file that may not grow (SIGXFSZ) are
// error codes here, never signals.
void ignore_failure_signals();

}  // namespace spex::process
