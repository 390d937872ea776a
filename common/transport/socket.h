// Socket: an owning, never blocking ZeroMQ socket; Context: what it lives in;
// Message: the frames of one received message. The only door to libzmq: its
// exceptions and error numbers end here.
//
// "Sent" means taken by the local queue, never delivered: only a reply, a new
// incarnation or a deadline ends a request. Frames go out as copies. Not
// thread-safe: a socket belongs to the thread of its Reactor (reactor.h).
// Used by router, shard worker and the C++ client.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spex::transport {

// Longest path of an ipc endpoint that libzmq 4.3.4 accepts (sun_path less its end).
constexpr std::size_t kIpcPathBytesMax = 107;
// Frames of one message that are kept; the rest is read and thrown away.
constexpr std::size_t kFramesMax = 8;

// One per process that speaks ZeroMQ. Create it after every fork; destroy it
// after its sockets. Destruction waits for the linger time of the sockets at most.
class Context {
 public:
  explicit Context(int io_threads = 1);
  Context(Context&&) noexcept;
  Context& operator=(Context&&) noexcept;
  ~Context();

 private:
  friend class Socket;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The frames of the last received message. Reuse one object: its views are
// valid until the next receive into it.
class Message {
 public:
  Message();
  Message(Message&&) noexcept;
  Message& operator=(Message&&) noexcept;
  ~Message();

  std::size_t size() const;  // frames kept, at most kFramesMax
  std::string_view frame(std::size_t index) const;
  bool truncated() const;  // there were more frames than kFramesMax

 private:
  friend class Socket;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// A ROUTER is always MANDATORY: an unknown or full peer is told, never dropped silently.
enum class SocketType : std::uint8_t { router, dealer };

struct SocketOptions {
  int send_hwm = 1000;                  // messages per peer
  int receive_hwm = 1000;               // messages per peer
  std::int64_t message_bytes_max = -1;  // per frame; a peer that sends more is disconnected; -1: no limit
  std::chrono::milliseconds linger{0};
  bool immediate = false;  // a DEALER queues only for a peer that is connected
  std::chrono::milliseconds reconnect_min{10};
  std::chrono::milliseconds reconnect_max{1000};
  std::chrono::milliseconds handshake{10'000};
  // tcp only; 0: none. A peer that is silent for three intervals is disconnected.
  std::chrono::milliseconds heartbeat{0};
};

enum class SendOutcome : std::uint8_t {
  sent,         // in the local queue
  would_block,  // the queue to that peer (or to all of a DEALER's) is full
  unreachable,  // a ROUTER has no peer of that routing id
};

class Socket {
 public:
  // Fails with invalid_argument when libzmq has no socket or descriptor left.
  static base::Result<Socket> open(Context& context, SocketType type, const SocketOptions& options = {});
  Socket(Socket&&) noexcept;
  Socket& operator=(Socket&&) noexcept;
  ~Socket();

  // Fails with invalid_argument if `endpoint` is none, with storage_open if the
  // system refuses it now; the message names endpoint and cause. An ipc bind
  // takes the path over from whoever has it (libzmq): lock before you bind.
  base::Result<void> bind(const std::string& endpoint);
  base::Result<void> connect(const std::string& endpoint);
  // The endpoint of the last bind or connect, with the port that `tcp://…:*` got.
  std::string last_endpoint() const;

  // All frames or none. Never blocks.
  SendOutcome send(std::span<const std::string_view> frames);
  SendOutcome send(std::string_view frame) { return send({&frame, 1}); }
  // False if nothing waits. Never blocks. With a ROUTER frame 0 is the routing id.
  bool receive(Message& message);

  // For Reactor: the descriptor that becomes readable when a socket that is not
  // stale may have changed; level-triggered poll on it is right as long as
  // every stale socket is received from until it is empty before blocking.
  int fd() const { return fd_; }
  // Whether something was sent or received since the last empty receive, so
  // that the descriptor may stay silent about a message that waits.
  bool stale() const { return stale_; }

 private:
  struct Impl;
  explicit Socket(std::unique_ptr<Impl> impl, int fd);
  std::unique_ptr<Impl> impl_;
  int fd_ = -1;
  bool stale_ = true;
};

}  // namespace spex::transport
