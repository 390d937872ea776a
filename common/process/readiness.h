// Telling the service manager (sd_notify protocol by own datagrams, path or
// abstract socket). Only the supervisor talks; its children do not see the
// variables. Without NOTIFY_SOCKET every call does nothing.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace spex::process {

class ServiceManager {
 public:
  // Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
  static ServiceManager from_environment();
  bool enabled() const { return !address_.empty(); }
  // How often the manager wants to hear watchdog(): half of its limit; nothing if it does not watch.
  std::optional<base::Duration> watchdog_interval() const { return watchdog_interval_; }

  void ready(std::string_view status);
  void status(std::string_view text);
  void reloading(base::MonotonicTime now);  // follow it with ready()
  void stopping(std::string_view status);
  void watchdog();
  void extend_timeout(base::Duration by);  // while starting, reloading or stopping

 private:
  void send(std::string_view message);
  std::string address_;  // as in sockaddr_un.sun_path; a leading NUL for abstract ones
  base::UniqueFd socket_;
  std::optional<base::Duration> watchdog_interval_;
};

}  // namespace spex::process
