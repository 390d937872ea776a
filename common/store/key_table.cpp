#include "store/key_table.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace spex::store {

KeyTable::KeyTable(std::uint32_t keys_max)
    : keys_max_(std::max(keys_max, 1U)), index_(std::bit_ceil(std::size_t{keys_max_} * 2)) {}

std::size_t KeyTable::home(std::uint32_t slot, std::uint64_t number) const {
  std::uint64_t mixed = (number ^ (std::uint64_t{slot} << 40)) * 0x9E3779B97F4A7C15U;
  mixed = (mixed ^ (mixed >> 32)) * 0xD6E8FEB86659FD93U;
  return (mixed ^ (mixed >> 32)) & (index_.size() - 1);
}

KeyLookup KeyTable::find(const RequestKey& key) const {
  const auto found = slot_of_.find(key.client);
  const std::uint64_t floor = found == slot_of_.end() ? floor_of_all_ : clients_[found->second].floor;
  const KeyLookup absent{key.number <= floor ? KeyState::expired : KeyState::unknown, {}};
  if (found == slot_of_.end()) return absent;
  for (std::size_t i = home(found->second, key.number); index_[i]; i = (i + 1) & (index_.size() - 1)) {
    const KeyEntry& e = entry(index_[i]);
    if (e.client_slot != found->second || e.number != key.number) continue;
    if (e.fingerprint != key.fingerprint) return {KeyState::reused, {}};
    return {KeyState::known, outcome_of(e)};
  }
  return absent;
}

// g++ 12.2 crashes in its peephole pass on this function from -O2 on.
[[gnu::optimize("no-peephole2")]] KeyTable::Slot KeyTable::prepare(std::uint64_t client) {
  // Many at once, so that a client with several of them has its floor logged once.
  if (next_ - tail_ >= keys_max_) evict(std::max<std::size_t>(1, keys_max_ / 64));
  if (const auto found = slot_of_.find(client); found != slot_of_.end()) return {found->second, false};
  std::uint32_t slot = slots();
  if (slot < keys_max_) {
    clients_.grow_to(std::size_t{slot} + 1);
    links_.grow_to(std::size_t{slot} + 1);
  } else {
    slot = idle_first_;
    SPEX_ASSERT(slot != kNone);  // fewer keys than slots, so some slot has none
    unlink_idle(slot);
    floor_of_all_ = std::max(floor_of_all_, clients_[slot].floor);
    slot_of_.erase(clients_[slot].client);
  }
  clients_[slot] = {client, floor_of_all_, next_};
  link_idle(slot);
  slot_of_.emplace(client, slot);
  return {slot, true};
}

void KeyTable::put(const KeyEntry& added) {
  const std::uint64_t position = next_++;
  make_block_for(position);
  entry(position) = added;
  index(position);
  const std::uint32_t slot = added.client_slot;
  clients_[slot].last_position = position;
  if (links_[slot].keys++ == 0) unlink_idle(slot);
}

void KeyTable::make_block_for(std::uint64_t position) {
  if (blocks_.empty()) first_block_ = std::min(tail_, position) / kKeysPerChunk;
  while (first_block_ + blocks_.size() <= position / kKeysPerChunk) blocks_.push_back(std::make_unique<Block>());
}

void KeyTable::index(std::uint64_t position) {
  const KeyEntry& e = entry(position);
  std::size_t i = home(e.client_slot, e.number);
  while (index_[i]) i = (i + 1) & (index_.size() - 1);
  index_[i] = position;
}

// Closes the gap by moving back what lies nearer to its home then (Knuth, TAOCP 3, 6.4 R).
void KeyTable::unindex(std::uint64_t position) {
  const std::size_t mask = index_.size() - 1;
  std::size_t gap = home(entry(position).client_slot, entry(position).number);
  while (index_[gap] != position) gap = (gap + 1) & mask;
  for (std::size_t i = (gap + 1) & mask; index_[i]; i = (i + 1) & mask) {
    const KeyEntry& e = entry(index_[i]);
    if (((i - home(e.client_slot, e.number)) & mask) < ((i - gap) & mask)) continue;
    index_[gap] = index_[i];
    gap = i;
  }
  index_[gap] = 0;
}

void KeyTable::evict_oldest() {
  const KeyEntry& e = entry(tail_);
  unindex(tail_);
  raise(e.client_slot, e.number);
  if (--links_[e.client_slot].keys == 0) link_idle(e.client_slot);
  ++tail_;
  unlogged_ = true;
  while (!blocks_.empty() && first_block_ < tail_ / kKeysPerChunk) {
    blocks_.pop_front();
    ++first_block_;
  }
}

void KeyTable::evict(std::size_t count) {
  for (; count && tail_ < next_; --count) evict_oldest();
}

void KeyTable::forget_before(std::int64_t time) {
  while (tail_ < next_ && entry(tail_).at < time) evict_oldest();
}

void KeyTable::raise(std::uint32_t slot, std::uint64_t number) {
  if (clients_[slot].floor >= number) return;
  clients_[slot].floor = number;
  raised_.push_back(slot);
}

void KeyTable::raise_floor(std::uint64_t client, std::uint64_t number) {
  unlogged_ = true;
  const auto found = slot_of_.find(client);
  if (found != slot_of_.end()) return raise(found->second, number);
  floor_of_all_ = std::max(floor_of_all_, number);
}

void KeyTable::raise_floor_of_all(std::uint64_t number) {
  unlogged_ = true;
  floor_of_all_ = std::max(floor_of_all_, number);
}

std::vector<std::uint32_t> KeyTable::take_raised_floors() {
  unlogged_ = false;
  std::sort(raised_.begin(), raised_.end());
  raised_.erase(std::unique(raised_.begin(), raised_.end()), raised_.end());
  return std::exchange(raised_, {});
}

std::pair<std::uint32_t, std::uint32_t> KeyTable::take_dropped_chunks() {
  const auto to = static_cast<std::uint32_t>(tail_ / kKeysPerChunk);
  return {std::exchange(dropped_from_, to), to};
}

Bytes KeyTable::keys_chunk(std::uint32_t chunk) const {
  const Block& block = *blocks_[chunk - first_block_];
  return {reinterpret_cast<const std::uint8_t*>(block.data()), sizeof block};
}

std::vector<KeyClient> KeyTable::clients_chunk(std::uint32_t chunk) const {
  std::vector<KeyClient> clients;
  const std::size_t first = chunk * kClientsPerChunk;
  for (std::size_t i = first; i < std::min(first + kClientsPerChunk, clients_.size()); ++i) {
    clients.push_back(clients_[i]);
  }
  return clients;
}

void KeyTable::link_idle(std::uint32_t slot) {
  links_[slot].before = idle_last_;
  links_[slot].after = kNone;
  (idle_last_ == kNone ? idle_first_ : links_[idle_last_].after) = slot;
  idle_last_ = slot;
}

void KeyTable::unlink_idle(std::uint32_t slot) {
  const Links links = links_[slot];
  (links.before == kNone ? idle_first_ : links_[links.before].after) = links.after;
  (links.after == kNone ? idle_last_ : links_[links.after].before) = links.before;
  links_[slot].before = links_[slot].after = kNone;
}

void KeyTable::begin_recovery(std::uint64_t tail, std::uint64_t floor_of_all) {
  tail_ = next_ = tail;
  first_block_ = tail / kKeysPerChunk;
  dropped_from_ = static_cast<std::uint32_t>(first_block_);
  floor_of_all_ = floor_of_all;
}

void KeyTable::restore(std::uint64_t position, const KeyEntry& restored) {
  if (position < tail_) return;
  make_block_for(position);
  entry(position) = restored;
}

void KeyTable::restore_client(std::uint32_t slot, const KeyClient& client) {
  clients_.grow_to(std::size_t{slot} + 1);
  links_.grow_to(std::size_t{slot} + 1);
  clients_[slot] = client;
}

void KeyTable::restore_used(std::uint32_t slot, std::uint64_t position) {
  if (slot < slots()) clients_[slot].last_position = position;
}

void KeyTable::restore_floor(std::uint32_t slot, std::uint64_t floor) {
  if (slot < slots()) clients_[slot].floor = floor;
}

bool KeyTable::finish_recovery(std::uint64_t next) {
  if (next < tail_) return false;
  next_ = next;
  index_.assign(std::max(index_.size(), std::bit_ceil((next - tail_ + 1) * 2)), 0);
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    if (!slot_of_.emplace(clients_[slot].client, slot).second) return false;
  }
  for (std::uint64_t position = tail_; position < next_; ++position) {
    if (position / kKeysPerChunk >= first_block_ + blocks_.size()) return false;
    const KeyEntry& e = entry(position);
    if (!e.address || e.client_slot >= slots()) return false;
    ++links_[e.client_slot].keys;
    index(position);
  }
  std::vector<std::uint32_t> idle;
  for (std::uint32_t slot = 0; slot < slots(); ++slot) {
    if (!links_[slot].keys) idle.push_back(slot);
  }
  std::sort(idle.begin(), idle.end(),
            [&](std::uint32_t a, std::uint32_t b) { return clients_[a].last_position < clients_[b].last_position; });
  for (const std::uint32_t slot : idle) link_idle(slot);
  if (next_ - tail_ > keys_max_) evict(next_ - tail_ - keys_max_);  // the window was made smaller
  return true;
}

}  // namespace spex::store
