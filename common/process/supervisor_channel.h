// The dialogue between the supervisor and each child, both ends: short texts on
// an AF_UNIX SOCK_SEQPACKET pair, descriptor 3 in the child.
//
//   child -> supervisor:  ready | progress | heartbeat {json} | reloaded {json} | failed TEXT | drained
//   router -> supervisor: reaches SHARD INCARNATION
//   supervisor -> router: shard N up INCARNATION ENDPOINT
//                         shard N down INCARNATION restarting|parked|planned|stopped
//   supervisor -> child:  reload | drain
//   supervisor -> shard:  backup TOKEN BYTES_PER_SECOND
//
// Nothing here blocks. End of file means that the other side is gone: a child
// then ends at once. Text and I/O only; what follows from a message is decided elsewhere.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/strong_id.h"
#include "base/unique_fd.h"

namespace spex::process {

constexpr int kChannelDescriptor = 3;                // in the child
constexpr std::size_t kChannelBytesMax = 60 * 1024;  // of one message

// What a child says.
enum class ReportKind : std::uint8_t { ready, progress, heartbeat, reloaded, failed, drained, reaches };
struct Report {
  ReportKind kind = ReportKind::heartbeat;
  std::string text;  // the JSON of heartbeat and reloaded, the reason of failed, "SHARD INCARNATION"; else empty
  bool operator==(const Report&) const = default;
};

// What the supervisor says.
enum class DownReason : std::uint8_t {
  restarting,  // it died and will be back soon
  parked,      // it died too often; retried rarely
  planned,     // it is being replaced: hold its requests up to hold_max
  stopped,     // the service stops
};
struct ShardUp {
  base::ShardId shard;
  base::Incarnation incarnation;
  std::string endpoint;
  bool operator==(const ShardUp&) const = default;
};
struct ShardDown {
  base::ShardId shard;
  base::Incarnation incarnation;
  DownReason reason = DownReason::restarting;
  bool operator==(const ShardDown&) const = default;
};
struct Reload {  // load effective.conf again, apply_reloadable(), then answer `reloaded`
  bool operator==(const Reload&) const = default;
};
struct Drain {  // finish what was accepted, then answer `drained`
  bool operator==(const Drain&) const = default;
};
struct Backup {  // copy the shard's file; how far that has come is told with the heartbeats, under the token
  std::string token;
  std::uint64_t bytes_per_second = 0;  // 0: as fast as it goes
  bool operator==(const Backup&) const = default;
};
using Command = std::variant<ShardUp, ShardDown, Reload, Drain, Backup>;

std::string_view name_of(DownReason reason);
std::string encode(const Report& report);
std::string encode(const Command& command);
std::optional<Report> decode_report(std::string_view message);    // nothing if it is none
std::optional<Command> decode_command(std::string_view message);  // nothing if it is none

// The text of ReportKind::reaches; nothing if it is none.
struct Reached {
  base::ShardId shard;
  base::Incarnation incarnation;
};
std::optional<Reached> decode_reached(std::string_view text);

// One end: whole messages in and out, with a bounded queue for what the socket does not take now.
class ChannelEnd {
 public:
  ChannelEnd() = default;
  explicit ChannelEnd(base::UniqueFd fd) : fd_(std::move(fd)) {}
  int fd() const { return fd_.get(); }
  bool closed() const { return closed_; }  // the other side is gone
  // Queues and tries to send. False, and nothing queued, if the queue is full or the other side gone.
  bool send(std::string message);
  // Sends only if it can go out now; for messages that the next one replaces.
  bool send_or_drop(std::string_view message);
  void flush();                                         // sends what is queued, as far as it goes
  bool wants_write() const { return !queue_.empty(); }  // poll for writability, then flush()
  std::optional<std::string> receive();                 // the next whole message; nothing if none waits or closed()

 private:
  bool send_now(std::string_view message, bool& would_block);
  base::UniqueFd fd_;
  std::deque<std::string> queue_;
  bool closed_ = false;
};

// The child's end, as router and shard worker use it. Watch fd() for
// readability, then call receive() until it gives nothing, then look at closed().
class ChildChannel {
 public:
  explicit ChildChannel(base::UniqueFd fd) : end_(std::move(fd)) {}
  int fd() const { return end_.fd(); }
  bool closed() const { return end_.closed(); }  // the supervisor is gone: end at once
  bool wants_write() const { return end_.wants_write(); }
  void flush() { end_.flush(); }

  void ready();                           // the child serves
  void progress();                        // still starting, alive: extends startup_timeout
  void heartbeat(std::string_view json);  // from the work loop, every heartbeat_interval; an object, one line
  void reloaded(std::string_view json);   // the answer to Reload: {"problems":[{"file","line","reason"},…]}
  void failed(std::string_view reason);   // why it will exit; shown as its last error
  void drained();                         // the answer to Drain
  // The router: this incarnation has said HELLO back, and requests go to it.
  void reaches(base::ShardId shard, base::Incarnation incarnation);

  // The next command; nothing if none waits. Messages that are no command are logged and skipped.
  std::optional<Command> receive();

 private:
  ChannelEnd end_;
};

}  // namespace spex::process
