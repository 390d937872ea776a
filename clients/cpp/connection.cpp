#include "clients/cpp/connection.h"

#include <algorithm>
#include <utility>

#include "protocol/msgpack_reader.h"
#include "protocol/requests.h"

namespace spex::client {

Connection::Connection(std::string endpoint, std::uint64_t client, transport::Context& context,
                       transport::Reactor& reactor, std::function<bool()> on_ready)
    : endpoint_(std::move(endpoint)),
      client_(client),
      context_(context),
      reactor_(reactor),
      on_ready_(std::move(on_ready)) {}

Connection::~Connection() {
  if (socket_) reactor_.remove(*socket_);
}

base::Result<void> Connection::open(base::MonotonicTime now) {
  if (socket_) reactor_.remove(*socket_);
  socket_.reset();
  transport::SocketOptions options;
  options.immediate = true;  // nothing waits in a queue to nobody
  options.linger = std::chrono::milliseconds(200);
  options.heartbeat = std::chrono::seconds(2);
  SPEX_TRY_ASSIGN(transport::Socket socket, transport::Socket::open(context_, transport::SocketType::dealer, options));
  SPEX_TRY(socket.connect(endpoint_));
  socket_.emplace(std::move(socket));
  reactor_.add(*socket_, on_ready_);
  opened_at_ = now;
  ping_at_ = now;
  return {};
}

bool Connection::send(std::string_view message) {
  return socket_ && socket_->send(message) == transport::SendOutcome::sent;
}

bool Connection::receive(transport::Message& message, base::MonotonicTime now) {
  if (!socket_ || !socket_->receive(message)) return false;
  last_heard_ = now;
  return true;
}

void Connection::keep_alive(base::MonotonicTime waiting_since, base::MonotonicTime now) {
  const base::MonotonicTime quiet_since = std::max({waiting_since, opened_at_, last_heard_.value_or(opened_at_)});
  if (!socket_ || now - quiet_since > kFreshSocketAfter) {
    ++reconnects_;
    (void)open(now);  // the endpoint was good before
  }
  if (now < ping_at_) return;
  ping_at_ = now + kPingInterval;
  protocol::RequestMessageWriter writer(client_);
  writer.add(kPingBit | (ping_number_ + 1), protocol::Operation::ping, {}, {});
  if (!send(writer.message())) return;
  ++ping_number_;
  ping_sent_at_ = now;
}

std::optional<base::MonotonicTime> Connection::on_ping_reply(const protocol::ReplyView& reply, std::uint64_t id) {
  protocol::MsgpackReader reader(reply.body);
  std::uint32_t size = 0;
  std::string_view version;
  std::uint64_t incarnation = 0;
  if (!reply.ok || !reader.read_array(size) || size < 2 || !reader.read_string(version) ||
      !reader.read_uint(incarnation)) {
    return std::nullopt;
  }
  // Incarnations begin anew with the supervisor, so the process counts as well.
  std::uint64_t process = 0;
  if (size >= 3 && !reader.read_uint(process)) return std::nullopt;
  const std::pair router(incarnation, process);
  const bool is_newest = id == (kPingBit | ping_number_);
  const bool is_other = router_ && *router_ != router;
  router_ = router;
  if (!is_other || !is_newest) return std::nullopt;
  return ping_sent_at_;
}

}  // namespace spex::client
