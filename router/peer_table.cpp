#include "router/peer_table.h"

#include <utility>

#include "base/assert.h"
#include "base/log.h"

namespace spex::router {
namespace {

// Replies are packed up to about this size into one message.
constexpr std::size_t kMessageBytesSoft = 512 * 1024;

}  // namespace

using base::MonotonicTime;
using transport::SendOutcome;

void PeerTable::tell_lost(std::size_t messages, const char* why) {
  if (messages == 0) return;
  undeliverable_ += messages;
  base::log_limited(base::LogLevel::warning, "messages_undeliverable",
                    {{"count", std::to_string(messages)}, {"reason", why}, {"in_all", std::to_string(undeliverable_)}});
}

std::optional<PeerId> PeerTable::find_or_add(std::string_view routing_id, MonotonicTime now) {
  auto found = by_routing_id_.find(routing_id);
  if (found == by_routing_id_.end()) {
    if (by_routing_id_.size() >= limits_.peers_max && !evict_one()) return std::nullopt;
    if (free_peers_.empty()) {
      free_peers_.push_back(static_cast<std::uint32_t>(peers_.size()));
      peers_.emplace_back();
    }
    const std::uint32_t index = free_peers_.back();
    free_peers_.pop_back();
    peers_[index].id = PeerId(++added_ << 32 | index);
    peers_[index].routing_id = routing_id;
    peers_[index].used_place = by_use_.insert(by_use_.end(), index);
    found = by_routing_id_.emplace(std::string(routing_id), index).first;
  }
  Peer& peer = peers_[found->second];
  peer.last_used = now;
  by_use_.splice(by_use_.end(), by_use_, peer.used_place);
  return peer.id;
}

PeerTable::Peer& PeerTable::peer_of(PeerId id) {
  Peer& peer = peers_[index_of(id)];
  SPEX_ASSERT(peer.id == id);
  return peer;
}

bool PeerTable::evict_one() {
  // Only a few are looked at: with a full table every new peer comes here.
  constexpr int kLookedAtMax = 64;
  int looked_at = 0;
  for (const std::uint32_t index : by_use_) {
    if (++looked_at > kLookedAtMax) break;
    const Peer& peer = peers_[index];
    if (peer.expected > 0 || peer.is_dirty || peer.is_blocked) continue;
    forget(index);
    return true;
  }
  return false;
}

void PeerTable::forget(std::uint32_t index) {
  Peer& peer = peers_[index];
  by_routing_id_.erase(peer.routing_id);
  by_use_.erase(peer.used_place);
  peer = Peer();
  free_peers_.push_back(index);
}

void PeerTable::sweep(MonotonicTime now) {
  for (auto place = by_use_.begin(); place != by_use_.end();) {
    const std::uint32_t index = *place++;
    const Peer& peer = peers_[index];
    if (now - peer.last_used < limits_.idle_max) return;
    if (peer.expected == 0 && !peer.is_dirty && !peer.is_blocked) forget(index);
  }
}

ReplyTo PeerTable::open(PeerId peer, bool is_delimited) {
  if (!is_delimited) return {peer, kNoEnvelope};
  if (free_envelopes_.empty()) {
    free_envelopes_.push_back(static_cast<std::uint32_t>(envelopes_.size()));
    envelopes_.emplace_back();
  }
  const std::uint32_t envelope = free_envelopes_.back();
  free_envelopes_.pop_back();
  envelopes_[envelope].pending = 1;  // until it is closed
  ++peer_of(peer).expected;
  return {peer, envelope};
}

void PeerTable::expect(const ReplyTo& to) {
  if (to.envelope == kNoEnvelope) {
    ++peer_of(to.peer).expected;
  } else {
    ++envelopes_[to.envelope].pending;
  }
}

void PeerTable::reply(const ReplyTo& to, std::string_view encoded) {
  Peer& peer = peer_of(to.peer);
  if (to.envelope != kNoEnvelope) {
    envelopes_[to.envelope].replies.add(encoded);
    settle(to);
    return;
  }
  SPEX_ASSERT(peer.expected > 0);
  --peer.expected;
  if (!peer.replies.empty() && peer.replies.size() + encoded.size() > kMessageBytesSoft) {
    queue_replies(index_of(to.peer));
  }
  peer.replies.add(encoded);
  mark_dirty(index_of(to.peer));
}

void PeerTable::close(const ReplyTo& to) {
  if (to.envelope != kNoEnvelope) settle(to);
}

void PeerTable::settle(const ReplyTo& to) {
  Envelope& envelope = envelopes_[to.envelope];
  SPEX_ASSERT(envelope.pending > 0);
  if (--envelope.pending > 0) return;
  queue(index_of(to.peer), {true, std::string(envelope.replies.message())});
  mark_dirty(index_of(to.peer));
  envelope.replies.clear();
  free_envelopes_.push_back(to.envelope);
  --peer_of(to.peer).expected;
}

void PeerTable::send_message(PeerId peer, std::string message) {
  if (peers_[index_of(peer)].id != peer) return tell_lost(1, "the client is forgotten");
  queue_replies(index_of(peer));
  queue(index_of(peer), {false, std::move(message)});
  mark_dirty(index_of(peer));
}

void PeerTable::queue_replies(std::uint32_t index) {
  Peer& peer = peers_[index];
  if (peer.replies.empty()) return;
  queue(index, {false, std::string(peer.replies.message())});
  peer.replies.clear();
}

void PeerTable::queue(std::uint32_t index, Outgoing outgoing) {
  Peer& peer = peers_[index];
  const std::size_t size = outgoing.message.size();
  // One that is not blocked may have what it asked for in one turn, whatever its size.
  if (peer.is_blocked &&
      (peer.unsent_bytes + size > limits_.peer_bytes_max || unsent_bytes_ + size > limits_.total_bytes_max)) {
    return tell_lost(1, "the client reads too slowly and its bound is reached");
  }
  peer.unsent.push_back(std::move(outgoing));
  peer.unsent_bytes += size;
  unsent_bytes_ += size;
}

void PeerTable::mark_dirty(std::uint32_t index) {
  if (std::exchange(peers_[index].is_dirty, true)) return;
  dirty_.push_back(index);
}

void PeerTable::drop_unsent(Peer& peer) {
  tell_lost(peer.unsent.size() + (peer.replies.empty() ? 0 : 1), "the client is gone, or took nothing for too long");
  unsent_bytes_ -= peer.unsent_bytes;
  peer.unsent_bytes = 0;
  peer.unsent.clear();
  peer.replies.clear();
}

void PeerTable::send_peer(std::uint32_t index, const Send& send, MonotonicTime now) {
  Peer& peer = peers_[index];
  SendOutcome outcome = SendOutcome::sent;
  bool progressed = false;
  while (!peer.unsent.empty()) {
    const Outgoing& first = peer.unsent.front();
    outcome = send(peer.routing_id, first.is_delimited, first.message);
    if (outcome != SendOutcome::sent) break;
    progressed = true;
    peer.unsent_bytes -= first.message.size();
    unsent_bytes_ -= first.message.size();
    peer.unsent.pop_front();
  }
  if (outcome == SendOutcome::sent && !peer.replies.empty()) {
    // The usual case: straight from the packed replies, without a copy.
    outcome = send(peer.routing_id, false, peer.replies.message());
    if (outcome == SendOutcome::sent) peer.replies.clear();
  }
  const bool was_blocked = peer.is_blocked;
  if (progressed || !was_blocked) peer.blocked_since = now;
  const bool is_stalled = was_blocked && now - peer.blocked_since > limits_.stall_max;
  if (outcome == SendOutcome::unreachable || (outcome == SendOutcome::would_block && is_stalled)) drop_unsent(peer);
  peer.is_blocked = outcome == SendOutcome::would_block && !is_stalled;
  if (!peer.is_blocked) return;
  queue_replies(index);
  blocked_.push_back(index);
}

void PeerTable::flush(const Send& send, MonotonicTime now) {
  if (dirty_.empty()) return;
  scratch_.clear();
  scratch_.swap(dirty_);
  for (const std::uint32_t index : scratch_) {
    peers_[index].is_dirty = false;
    // What is blocked already waits, in order, for retry().
    if (peers_[index].is_blocked) {
      queue_replies(index);
    } else {
      send_peer(index, send, now);
    }
  }
}

void PeerTable::retry(const Send& send, MonotonicTime now) {
  if (blocked_.empty()) return;
  scratch_.clear();
  scratch_.swap(blocked_);
  for (const std::uint32_t index : scratch_) send_peer(index, send, now);
}

}  // namespace spex::router
