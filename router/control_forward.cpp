#include "router/control_forward.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace spex::router {
namespace {

constexpr std::size_t kExchangesMax = 16;
constexpr std::size_t kAnswerBytesMax = 8u << 20;

// Connected, or an errno: a listening AF_UNIX socket accepts at once or says EAGAIN.
int connect_to(const std::string& path, base::UniqueFd& fd) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
  std::memcpy(address.sun_path, path.data(), path.size());
  fd.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return errno;
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? 0 : errno;
}

}  // namespace

using base::fail;
using base::Reason;
using base::Result;

ControlForward::~ControlForward() {
  for (auto& [number, exchange] : exchanges_) {
    reactor_.remove_fd(exchange.fd.get());
    reactor_.cancel(exchange.timer);
  }
}

void ControlForward::ask(std::string_view line, base::MonotonicTime deadline, Done done) {
  if (exchanges_.size() >= kExchangesMax) {
    return done(fail(Reason::overloaded, "too many control commands are under way"));
  }
  Exchange exchange;
  const int error = connect_to(socket_path_, exchange.fd);
  if (error == EAGAIN) return done(fail(Reason::overloaded, "the supervisor has too many commands waiting"));
  if (error != 0) {
    return done(
        fail(Reason::shard_unavailable, "the supervisor does not listen: " + std::string(std::strerror(error))));
  }
  const std::uint64_t number = next_++;
  exchange.to_send = std::string(line) + "\n";
  exchange.done = std::move(done);
  exchange.timer = reactor_.run_at(deadline, [this, number] {
    finish(number, fail(Reason::deadline_exceeded, "the supervisor did not answer in time"));
  });
  reactor_.add_fd(exchange.fd.get(), POLLIN | POLLOUT, [this, number](short) { on_event(number); });
  exchanges_.emplace(number, std::move(exchange));
}

void ControlForward::on_event(std::uint64_t number) {
  const auto found = exchanges_.find(number);
  if (found == exchanges_.end()) return;
  Exchange& exchange = found->second;
  if (!exchange.to_send.empty()) {
    const ssize_t sent = ::send(exchange.fd.get(), exchange.to_send.data(), exchange.to_send.size(), MSG_NOSIGNAL);
    if (sent > 0) exchange.to_send.erase(0, static_cast<std::size_t>(sent));
    if (exchange.to_send.empty()) reactor_.set_fd_events(exchange.fd.get(), POLLIN);
  }
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = ::recv(exchange.fd.get(), buffer.data(), buffer.size(), 0);
    if (got < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      return finish(number, fail(Reason::shard_unavailable, "the supervisor broke off its answer"));
    }
    if (got == 0) break;
    exchange.answer.append(buffer.data(), static_cast<std::size_t>(got));
    if (exchange.answer.size() > kAnswerBytesMax) {
      return finish(number, fail(Reason::overloaded, "the answer of the supervisor is too long"));
    }
  }
  if (!exchange.answer.ends_with('\n')) {
    return finish(number, fail(Reason::shard_unavailable, "the supervisor broke off its answer"));
  }
  exchange.answer.pop_back();
  finish(number, std::move(exchange.answer));
}

void ControlForward::finish(std::uint64_t number, Result<std::string> result) {
  auto node = exchanges_.extract(number);
  if (node.empty()) return;
  Exchange& exchange = node.mapped();
  reactor_.remove_fd(exchange.fd.get());
  reactor_.cancel(exchange.timer);
  exchange.done(std::move(result));
}

}  // namespace spex::router
