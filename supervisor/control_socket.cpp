#include "supervisor/control_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"

namespace spex::supervisor {
namespace {

constexpr std::size_t kConnectionsMax = 64;
constexpr std::size_t kLineBytesMax = 4'096;
// For a client to send its line, and again to take its answer.
constexpr std::chrono::seconds kPatience{10};

bool is_trusted(int fd) {
  ucred peer{};
  socklen_t length = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

}  // namespace

base::Result<ControlSocket> ControlSocket::open(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return base::fail(base::Reason::invalid_argument, "control socket " + path + ": the path is too long");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  ControlSocket socket;
  socket.listener_ = base::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const mode_t before = ::umask(0177);  // born with mode 0600: never open to others, not even for an instant
  const bool bound = socket.listener_ &&
                     ::bind(socket.listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int error = errno;
  ::umask(before);
  if (!bound) return base::system_error("open control socket " + path, error, base::Reason::storage_open);
  if (::listen(socket.listener_.get(), 64) != 0) {
    return base::system_error("listen on control socket " + path, errno, base::Reason::storage_open);
  }
  return socket;
}

void ControlSocket::collect(std::vector<pollfd>& descriptors) const {
  if (connections_.size() < kConnectionsMax) descriptors.push_back({listener_.get(), POLLIN, 0});
  for (const auto& [id, connection] : connections_) {
    // One that waits for its answer is not watched: its end would be reported again and again.
    if (connection.asked && !connection.answered) continue;
    descriptors.push_back({connection.fd.get(), static_cast<short>(connection.answered ? POLLOUT : POLLIN), 0});
  }
}

std::vector<ControlRequest> ControlSocket::service(base::MonotonicTime now) {
  accept_waiting(now);
  std::vector<ControlRequest> requests;
  for (auto it = connections_.begin(); it != connections_.end();) {
    it = advance(it->first, it->second, requests, now) ? std::next(it) : connections_.erase(it);
  }
  return requests;
}

void ControlSocket::accept_waiting(base::MonotonicTime now) {
  while (connections_.size() < kConnectionsMax) {
    base::UniqueFd fd(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    if (!is_trusted(fd.get())) {
      base::log_limited(base::LogLevel::warning, "control_connection_refused");
      continue;
    }
    connections_.emplace(next_++, Connection{std::move(fd), "", "", false, false, now + kPatience});
  }
}

// False when the connection is over.
bool ControlSocket::advance(ConnectionId id, Connection& connection, std::vector<ControlRequest>& requests,
                            base::MonotonicTime now) {
  if (connection.asked && !connection.answered) return true;
  if (now >= connection.expires) return false;
  if (connection.answered) {
    const ssize_t sent =
        ::send(connection.fd.get(), connection.output.data(), connection.output.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent > 0) connection.output.erase(0, static_cast<std::size_t>(sent));
    return !connection.output.empty() && (sent >= 0 || errno == EAGAIN || errno == EINTR);
  }
  char buffer[1'024];
  const ssize_t got = ::recv(connection.fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  if (got == 0) return false;
  connection.input.append(buffer, static_cast<std::size_t>(got));
  if (connection.input.size() > kLineBytesMax) return false;
  const auto end = connection.input.find('\n');
  if (end == std::string::npos) return true;
  connection.asked = true;
  requests.push_back({id, connection.input.substr(0, end)});
  return true;
}

void ControlSocket::answer(ConnectionId id, std::string json) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  connection.output = std::move(json) + "\n";
  connection.answered = true;
  connection.expires = base::SystemClock().monotonic() + kPatience;
  // The usual answer fits into the socket's buffer, so that it goes out even if the process ends next.
  const ssize_t sent =
      ::send(connection.fd.get(), connection.output.data(), connection.output.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0) connection.output.erase(0, static_cast<std::size_t>(sent));
  if (connection.output.empty() || (sent < 0 && errno != EAGAIN && errno != EINTR)) connections_.erase(found);
}

bool ControlSocket::idle() const {
  return std::none_of(connections_.begin(), connections_.end(),
                      [](const auto& entry) { return entry.second.answered; });
}

std::optional<base::MonotonicTime> ControlSocket::deadline() const {
  std::optional<base::MonotonicTime> first;
  for (const auto& [id, connection] : connections_) {
    if (connection.asked && !connection.answered) continue;
    if (!first || connection.expires < *first) first = connection.expires;
  }
  return first;
}

}  // namespace spex::supervisor
