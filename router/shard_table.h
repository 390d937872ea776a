// ShardTable: what the router knows about each shard, as a state machine.
//
// Pure: events and time in, steps out; the router does them. The supervisor is
// the only source of `up` and `down`; a shard is used after it answered HELLO
// itself. An event of an incarnation older than the known one is gossip and ignored.
//
//   awaited ----up----> connecting --READY--> serving --down planned--> held --up--> connecting
//   any -----down----> down | parked          a hold that lasts too long -> down
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/strong_id.h"
#include "process/supervisor_channel.h"

namespace spex::router {

enum class ShardPhase : std::uint8_t {
  awaited,     // nothing was said about it since the router started
  down,        // it is being restarted, or stopped for good
  parked,      // it died too often
  connecting,  // a fresh socket, HELLO sent
  serving,     // READY came
  held,        // planned restart: the old one finishes, requests wait for the new one
};
std::string_view name_of(ShardPhase phase);

// What happens to a new request to a shard.
enum class Admission : std::uint8_t { send, hold, refuse };

// What the router has to do after an event, in this order.
struct ShardStep {
  bool fail_sent = false;    // what was handed to the old incarnation: outcome unknown
  bool fail_queued = false;  // what was not handed out: not executed
  bool say_last = false;     // to the incarnation that is being replaced: nothing follows
  bool close = false;        // the socket of the old incarnation
  bool open = false;         // a fresh socket to `endpoint`, with HELLO
  bool serve = false;        // send what waits
};

struct ShardEntry {
  ShardPhase phase = ShardPhase::awaited;
  base::Incarnation incarnation;
  std::string endpoint;
  bool has_socket = false;
  bool hold_expired = false;  // connecting for too long: requests are refused meanwhile
  base::MonotonicTime hold_until;
  base::MonotonicTime hello_again;
};

class ShardTable {
 public:
  ShardTable(std::uint32_t shards, base::Duration hold_max, base::Duration hello_timeout, base::MonotonicTime now);

  ShardStep on_up(const process::ShardUp& up, base::MonotonicTime now);
  ShardStep on_down(const process::ShardDown& down, base::MonotonicTime now);
  // READY came on the socket of `shard`, saying that it is `said`, `incarnation`.
  ShardStep on_ready(base::ShardId shard, base::ShardId said, base::Incarnation incarnation);
  ShardStep on_time(base::ShardId shard, base::MonotonicTime now);

  Admission admission(base::ShardId shard) const;
  const ShardEntry& at(base::ShardId shard) const;
  bool knows(base::ShardId shard) const { return shard.value() >= 1 && shard.value() <= entries_.size(); }
  std::uint32_t size() const { return static_cast<std::uint32_t>(entries_.size()); }
  void set_hold_max(base::Duration hold_max) { hold_max_ = hold_max; }

 private:
  ShardEntry& entry(base::ShardId shard);
  base::Duration hold_max_;
  base::Duration hello_timeout_;
  std::vector<ShardEntry> entries_;
};

}  // namespace spex::router
