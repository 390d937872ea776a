#include "transport/socket.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <zmq.hpp>

namespace spex::transport {
namespace {

using base::fail;
using base::Reason;
using base::Result;

int to_ms(std::chrono::milliseconds duration) { return static_cast<int>(duration.count()); }

void apply(zmq::socket_t& socket, SocketType type, const SocketOptions& options) {
  socket.set(zmq::sockopt::sndhwm, options.send_hwm);
  socket.set(zmq::sockopt::rcvhwm, options.receive_hwm);
  socket.set(zmq::sockopt::maxmsgsize, options.message_bytes_max);
  socket.set(zmq::sockopt::linger, to_ms(options.linger));
  socket.set(zmq::sockopt::immediate, options.immediate);
  socket.set(zmq::sockopt::reconnect_ivl, to_ms(options.reconnect_min));
  socket.set(zmq::sockopt::reconnect_ivl_max, to_ms(options.reconnect_max));
  socket.set(zmq::sockopt::handshake_ivl, to_ms(options.handshake));
  if (type == SocketType::router) socket.set(zmq::sockopt::router_mandatory, true);
}

// Options of the connections that the next bind or connect makes.
void apply_heartbeat(zmq::socket_t& socket, const std::string& endpoint, std::chrono::milliseconds heartbeat) {
  const bool is_tcp = endpoint.starts_with("tcp://");
  const int interval = is_tcp ? to_ms(heartbeat) : 0;
  socket.set(zmq::sockopt::heartbeat_ivl, interval);
  socket.set(zmq::sockopt::heartbeat_timeout, 3 * interval);
  socket.set(zmq::sockopt::heartbeat_ttl, 3 * interval);  // libzmq wraps at 6553.5 s; ours are seconds
  if (is_tcp) socket.set(zmq::sockopt::tcp_keepalive, 1);
}

// What is wrong with the text of an endpoint stays wrong; all else is the system's "not now".
base::Error endpoint_error(const std::string& what, const zmq::error_t& error) {
  const bool is_final = error.num() == EINVAL || error.num() == EPROTONOSUPPORT || error.num() == ENOCOMPATPROTO ||
                        error.num() == ENAMETOOLONG;
  return fail(is_final ? Reason::invalid_argument : Reason::storage_open, what + ": " + error.what());
}

}  // namespace

struct Context::Impl {
  explicit Impl(int io_threads) : context(io_threads) {}
  zmq::context_t context;
};

Context::Context(int io_threads) : impl_(std::make_unique<Impl>(io_threads)) {}
Context::Context(Context&&) noexcept = default;
Context& Context::operator=(Context&&) noexcept = default;
Context::~Context() = default;

struct Message::Impl {
  std::array<zmq::message_t, kFramesMax> frames;
  zmq::message_t surplus;
  std::size_t size = 0;
  bool truncated = false;
};

Message::Message() : impl_(std::make_unique<Impl>()) {}
Message::Message(Message&&) noexcept = default;
Message& Message::operator=(Message&&) noexcept = default;
Message::~Message() = default;

std::size_t Message::size() const { return impl_->size; }
bool Message::truncated() const { return impl_->truncated; }

std::string_view Message::frame(std::size_t index) const {
  SPEX_ASSERT(index < impl_->size);
  const zmq::message_t& frame = impl_->frames[index];
  return {frame.data<char>(), frame.size()};
}

struct Socket::Impl {
  zmq::socket_t socket;
  std::chrono::milliseconds heartbeat;
  bool tells_room;        // a DEALER: whether there is room can be asked for
  bool was_full = false;  // the last send met a full queue
};

Socket::Socket(std::unique_ptr<Impl> impl, int fd) : impl_(std::move(impl)), fd_(fd) {}
Socket::Socket(Socket&&) noexcept = default;
Socket& Socket::operator=(Socket&&) noexcept = default;
Socket::~Socket() = default;

Result<Socket> Socket::open(Context& context, SocketType type, const SocketOptions& options) {
  try {
    const auto zmq_type = type == SocketType::router ? zmq::socket_type::router : zmq::socket_type::dealer;
    auto impl = std::make_unique<Impl>(
        Impl{zmq::socket_t(context.impl_->context, zmq_type), options.heartbeat, type == SocketType::dealer});
    apply(impl->socket, type, options);
    const int fd = static_cast<int>(impl->socket.get(zmq::sockopt::fd));
    return Socket(std::move(impl), fd);
  } catch (const zmq::error_t& error) {
    return fail(Reason::invalid_argument, std::string("open a ZeroMQ socket: ") + error.what());
  }
}

Result<void> Socket::bind(const std::string& endpoint) {
  try {
    apply_heartbeat(impl_->socket, endpoint, impl_->heartbeat);
    impl_->socket.bind(endpoint);
    stale_ = true;
    return {};
  } catch (const zmq::error_t& error) {
    return endpoint_error("bind " + endpoint, error);
  }
}

Result<void> Socket::connect(const std::string& endpoint) {
  try {
    apply_heartbeat(impl_->socket, endpoint, impl_->heartbeat);
    impl_->socket.connect(endpoint);
    stale_ = true;
    return {};
  } catch (const zmq::error_t& error) {
    return endpoint_error("connect " + endpoint, error);
  }
}

std::string Socket::last_endpoint() const { return impl_->socket.get(zmq::sockopt::last_endpoint); }

SendOutcome Socket::send(std::span<const std::string_view> frames) {
  SPEX_ASSERT(!frames.empty());
  stale_ = true;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const int flags = ZMQ_DONTWAIT | (i + 1 < frames.size() ? ZMQ_SNDMORE : 0);
    int sent = 0;
    do {
      sent = zmq_send(impl_->socket.handle(), frames[i].data(), frames[i].size(), flags);
    } while (sent < 0 && zmq_errno() == EINTR);
    if (sent >= 0) continue;
    // Only the first frame meets a full queue; a later one fails only when the
    // peer goes away meanwhile, and then libzmq has rolled the others back.
    const int number = zmq_errno();
    if (number == EHOSTUNREACH) return SendOutcome::unreachable;
    SPEX_ASSERT(number == EAGAIN || number == ENOMEM);
    impl_->was_full = impl_->tells_room;
    return SendOutcome::would_block;
  }
  return SendOutcome::sent;
}

bool Socket::receive(Message& message) {
  Message::Impl& into = *message.impl_;
  into.size = 0;
  into.truncated = false;
  for (bool more = true; more;) {
    const bool keeps = into.size < kFramesMax;
    zmq::message_t& frame = keeps ? into.frames[into.size] : into.surplus;
    int received = 0;
    do {
      received = zmq_msg_recv(frame.handle(), impl_->socket.handle(), ZMQ_DONTWAIT);
    } while (received < 0 && zmq_errno() == EINTR);
    if (received < 0) {
      SPEX_ASSERT(zmq_errno() == EAGAIN);
      // An empty receive has taken every command, so the descriptor tells about the next.
      // It may have taken the word that a full queue has room again: then the caller must look once more.
      stale_ = impl_->was_full && (impl_->socket.get(zmq::sockopt::events) & ZMQ_POLLOUT) != 0;
      if (stale_) impl_->was_full = false;
      return false;
    }
    stale_ = true;
    if (keeps) ++into.size;
    into.truncated = !keeps;
    more = frame.more();
  }
  return true;
}

}  // namespace spex::transport
