// PeerTable: the connections of clients (by ZeroMQ routing id) and what is to
// be sent to each: replies packed into one message per turn, one message with
// all replies for a delimited (REQ) one, notices and credits.
//
// Bounded: peers, bytes per peer, bytes in all. A client that does not read
// loses replies (no reply means outcome unknown) after the socket's queue, this
// one and `stall_max` are used up; each loss is counted. Pure: the socket is a function.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/strong_id.h"
#include "protocol/replies.h"
#include "transport/socket.h"

namespace spex::router {

// Never used twice: of a peer that was forgotten it names nobody.
using PeerId = base::StrongId<struct PeerTag, std::uint64_t>;

constexpr std::uint32_t kNoEnvelope = 0xffffffff;

// Where the replies to one message go.
struct ReplyTo {
  PeerId peer;
  std::uint32_t envelope = kNoEnvelope;  // of a delimited message: its replies are collected
};

struct PeerLimits {
  std::size_t peers_max = 16'384;
  std::size_t peer_bytes_max = 16u << 20;    // that one peer's socket queue did not take
  std::size_t total_bytes_max = 256u << 20;  // the same, of all
  base::Duration stall_max = std::chrono::seconds(30);
  base::Duration idle_max = std::chrono::seconds(30);
};

class PeerTable {
 public:
  explicit PeerTable(const PeerLimits& limits) : limits_(limits) {}

  // The peer of a routing id. Nothing if the table is full of peers that are in use.
  std::optional<PeerId> find_or_add(std::string_view routing_id, base::MonotonicTime now);

  // A message has come from the peer: open() it, expect() each reply that will
  // be given later or now, give each by reply(), and close() it when it has been read
  // through. A delimited message is answered when it is closed and nothing is expected.
  ReplyTo open(PeerId peer, bool is_delimited);
  void expect(const ReplyTo& to);
  void reply(const ReplyTo& to, std::string_view encoded);
  void close(const ReplyTo& to);

  // A message by itself (notice, credit, refusal), in order with the replies. To
  // a peer that was forgotten: lost, and counted.
  void send_message(PeerId peer, std::string message);

  // (routing id, delimited, message) -> what became of it.
  using Send = std::function<transport::SendOutcome(std::string_view, bool, std::string_view)>;
  // Sends what was added since the last flush.
  void flush(const Send& send, base::MonotonicTime now);
  // Tries again what the socket did not take before, and gives up what is too old.
  void retry(const Send& send, base::MonotonicTime now);
  bool has_unsent() const { return !blocked_.empty() || !dirty_.empty(); }
  // Forgets peers that are in no use and silent for idle_max.
  void sweep(base::MonotonicTime now);

  std::size_t size() const { return by_routing_id_.size(); }
  std::size_t unsent_bytes() const { return unsent_bytes_; }
  std::uint64_t undeliverable() const { return undeliverable_; }  // messages lost, so far

 private:
  struct Outgoing {
    bool is_delimited = false;
    std::string message;
  };
  struct Peer {
    PeerId id;
    std::string routing_id;
    protocol::ReplyMessageWriter replies;  // of this turn
    std::deque<Outgoing> unsent;
    std::size_t unsent_bytes = 0;
    std::uint32_t expected = 0;  // replies to come, and envelopes open
    bool is_dirty = false;
    bool is_blocked = false;
    base::MonotonicTime blocked_since;
    base::MonotonicTime last_used;
    std::list<std::uint32_t>::iterator used_place;
  };
  struct Envelope {
    std::uint32_t pending = 0;
    protocol::ReplyMessageWriter replies;
  };

  static std::uint32_t index_of(PeerId id) { return static_cast<std::uint32_t>(id.value()); }
  Peer& peer_of(PeerId id);
  // Counts and logs messages that reach nobody.
  void tell_lost(std::size_t messages, const char* why);
  bool evict_one();
  void forget(std::uint32_t index);
  void mark_dirty(std::uint32_t index);
  void settle(const ReplyTo& to);
  void queue(std::uint32_t index, Outgoing outgoing);
  void queue_replies(std::uint32_t index);
  void send_peer(std::uint32_t index, const Send& send, base::MonotonicTime now);
  void drop_unsent(Peer& peer);

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  PeerLimits limits_;
  std::deque<Peer> peers_;
  std::vector<std::uint32_t> free_peers_;
  std::uint64_t added_ = 0;  // peers so far; the upper half of a PeerId
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> by_routing_id_;
  std::list<std::uint32_t> by_use_;  // least recently used first
  std::deque<Envelope> envelopes_;
  std::vector<std::uint32_t> free_envelopes_;
  std::vector<std::uint32_t> dirty_;
  std::vector<std::uint32_t> blocked_;
  std::vector<std::uint32_t> scratch_;
  std::size_t unsent_bytes_ = 0;
  std::uint64_t undeliverable_ = 0;
};

}  // namespace spex::router
