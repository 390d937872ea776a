#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

#include "base/unique_fd.h"
#include "ctl/cluster_access.h"

namespace spex::ctl {
namespace {

constexpr std::size_t kAnswerBytesMax = 64u << 20;

// False when the time is over.
bool wait_for(int fd, short events, base::MonotonicTime deadline) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - base::SystemClock().monotonic());
    if (left.count() <= 0) return false;
    pollfd polled{fd, events, 0};
    const int ready = ::poll(&polled, 1, static_cast<int>(std::min<long long>(left.count() + 1, 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

base::Error timed_out(const std::string& path) {
  return base::fail(base::Reason::deadline_exceeded, path + " did not answer in time");
}

base::Result<void> send_line(int fd, std::string line, const std::string& path, base::MonotonicTime deadline) {
  line += "\n";
  std::string_view rest = line;
  while (!rest.empty()) {
    if (!wait_for(fd, POLLOUT, deadline)) return timed_out(path);
    const ssize_t sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return base::system_error("send to " + path, errno);
    if (sent > 0) rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return {};
}

base::Result<std::string> receive_line(int fd, const std::string& path, base::MonotonicTime deadline) {
  std::string answer;
  char buffer[16 * 1024];
  while (answer.size() < kAnswerBytesMax) {
    if (!wait_for(fd, POLLIN, deadline)) return timed_out(path);
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return base::system_error("read " + path, errno);
    answer.append(buffer, static_cast<std::size_t>(got));
    if (const std::size_t end = answer.find('\n'); end != std::string::npos) return answer.substr(0, end);
    if (got == 0) break;
  }
  if (answer.empty()) return base::fail(base::Reason::shard_unavailable, path + " closed without an answer");
  return answer;
}

}  // namespace

base::Result<std::string> ask_control_socket(const std::string& run_dir, const std::string& command,
                                             base::Duration timeout) {
  const std::string path = run_dir + "/control.sock";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return base::fail(base::Reason::invalid_argument, path + " is longer than a socket's path may be");
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const base::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return base::system_error("open a socket", errno);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return base::fail(base::Reason::shard_unavailable, path + " answers: " + std::strerror(errno));
  }
  const base::MonotonicTime deadline = base::SystemClock().monotonic() + timeout;
  SPEX_TRY(send_line(fd.get(), command, path, deadline));
  return receive_line(fd.get(), path, deadline);
}

}  // namespace spex::ctl
