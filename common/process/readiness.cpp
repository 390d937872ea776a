#include "process/readiness.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/log.h"

namespace spex::process {
namespace {

std::optional<std::uint64_t> number_in(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  std::uint64_t number = 0;
  const char* end = text + std::strlen(text);
  const auto parsed = std::from_chars(text, end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end || number == 0) return std::nullopt;
  return number;
}

std::string with_status(std::string_view verb, std::string_view status) {
  std::string message(verb);
  message += "\nSTATUS=";
  message += status;
  // One assignment a line: a line break in the status would begin another one.
  std::replace(message.begin() + static_cast<std::ptrdiff_t>(verb.size()) + 1, message.end(), '\n', ' ');
  return message;
}

std::uint64_t microseconds(base::Duration duration) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(duration).count());
}

}  // namespace

ServiceManager ServiceManager::from_environment() {
  ServiceManager manager;
  const char* address = std::getenv("NOTIFY_SOCKET");
  if (address == nullptr || (address[0] != '/' && address[0] != '@')) return manager;
  if (std::strlen(address) >= sizeof(sockaddr_un{}.sun_path)) return manager;
  manager.socket_ = base::UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!manager.socket_) return manager;
  manager.address_ = address;
  if (address[0] == '@') manager.address_[0] = '\0';
  const auto watchdog = number_in("WATCHDOG_USEC");
  const auto pid = number_in("WATCHDOG_PID");
  if (watchdog && (!pid || *pid == static_cast<std::uint64_t>(::getpid()))) {
    manager.watchdog_interval_ = std::chrono::microseconds(*watchdog / 2);
  }
  return manager;
}

void ServiceManager::ready(std::string_view text) { send(with_status("READY=1", text)); }
void ServiceManager::status(std::string_view text) { send(with_status("", text).substr(1)); }
void ServiceManager::stopping(std::string_view text) { send(with_status("STOPPING=1", text)); }
void ServiceManager::watchdog() { send("WATCHDOG=1"); }

void ServiceManager::reloading(base::MonotonicTime now) {
  // MONOTONIC_USEC lets systemd 253 and later (Type=notify-reload) order it; older ones ignore it.
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(microseconds(now.time_since_epoch())));
}

void ServiceManager::extend_timeout(base::Duration by) {
  send("EXTEND_TIMEOUT_USEC=" + std::to_string(microseconds(by)));
}

void ServiceManager::send(std::string_view message) {
  if (!enabled()) return;
  sockaddr_un target{};
  target.sun_family = AF_UNIX;
  std::memcpy(target.sun_path, address_.data(), address_.size());
  const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address_.size());
  const auto sent = ::sendto(socket_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                             reinterpret_cast<const sockaddr*>(&target), length);
  if (sent < 0) base::log_limited(base::LogLevel::warning, "service_manager_unreachable");
}

}  // namespace spex::process
