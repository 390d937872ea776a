// Connection: one DEALER socket to a router and what is known about its life: a
// ping that tells a slow router from a dead one, and one router from its
// successor; a fresh socket after silence. Knows no requests.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "base/result.h"
#include "protocol/replies.h"
#include "transport/reactor.h"
#include "transport/socket.h"

namespace spex::client {

class Connection {
 public:
  // Ids of pings have this bit, which no request id ever reaches.
  static constexpr std::uint64_t kPingBit = 1ull << 62;
  static constexpr base::Duration kPingInterval = std::chrono::milliseconds(500);
  static constexpr base::Duration kFreshSocketAfter = std::chrono::seconds(3);

  // `on_ready`: receive until empty and send what waits; answers whether it received.
  Connection(std::string endpoint, std::uint64_t client, transport::Context& context, transport::Reactor& reactor,
             std::function<bool()> on_ready);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Fails with invalid_argument if the endpoint is none.
  base::Result<void> open(base::MonotonicTime now);
  bool is_open() const { return socket_.has_value(); }
  // False: the queue is full or there is no connection; try again after on_ready.
  bool send(std::string_view message);
  bool receive(transport::Message& message, base::MonotonicTime now);

  // Called regularly while something is awaited: pings, and opens a fresh socket
  // after a long silence. `waiting_since`: when the wait for anything began.
  void keep_alive(base::MonotonicTime waiting_since, base::MonotonicTime now);
  // The reply to a ping. The router is another one than before: nothing sent
  // before the returned time will be answered.
  std::optional<base::MonotonicTime> on_ping_reply(const protocol::ReplyView& reply, std::uint64_t id);

  std::optional<base::MonotonicTime> last_heard() const { return last_heard_; }
  std::uint64_t reconnects() const { return reconnects_; }

 private:
  std::string endpoint_;
  std::uint64_t client_;
  transport::Context& context_;
  transport::Reactor& reactor_;
  std::function<bool()> on_ready_;
  std::optional<transport::Socket> socket_;
  std::optional<base::MonotonicTime> last_heard_;
  base::MonotonicTime opened_at_;
  base::MonotonicTime ping_at_;
  base::MonotonicTime ping_sent_at_;
  std::uint64_t ping_number_ = 0;
  std::optional<std::pair<std::uint64_t, std::uint64_t>> router_;  // incarnation, process id
  std::uint64_t reconnects_ = 0;
};

}  // namespace spex::client
