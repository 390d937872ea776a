// KeyTable: the request keys of the last requests with their outcomes, and per
// client the floor: numbers up to it are no longer known and must not be executed.
// In memory; the log's records and snapshot chunks make it durable.
//
// Outcomes lie in a ring by position; positions grow for ever, [tail, next) is
// kept. Clients have slots. A slot whose client has no key in the ring may go to
// another client, longest unused first; its floor then becomes part of the floor
// of all clients without a slot. Both are bounded by `keys_max`.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "store/instance_store.h"
#include "store/record.h"
#include "store/segmented_vector.h"

namespace spex::store {

// As saved in chunks.
struct KeyEntry {
  std::uint64_t number = 0;
  std::uint64_t address = 0;
  std::int64_t at = 0;
  std::uint32_t client_slot = 0;
  std::uint32_t fingerprint = 0;
  std::uint32_t instance = 0;
  std::uint32_t sequence = 0;
  std::uint8_t reason = 0;
  std::uint8_t reported = 0;
  std::uint8_t model_was_missing = 0;
  std::array<std::uint8_t, 5> unused{};
};
static_assert(sizeof(KeyEntry) == 48);

struct KeyClient {
  std::uint64_t client = 0;
  std::uint64_t floor = 0;
  std::uint64_t last_position = 0;  // of its newest key
};
static_assert(sizeof(KeyClient) == 24);

// What the keyed record at `address` says of its key and outcome.
inline KeyEntry key_entry_of(const LogRecord& record, Address address) {
  KeyEntry entry;
  entry.number = record.key_number;
  entry.address = address;
  entry.at = record.at;
  entry.client_slot = record.client_slot;
  entry.fingerprint = record.fingerprint;
  entry.instance = record.number;
  entry.sequence = record.sequence;
  entry.reason = record.reason;
  entry.reported = record.reported;
  entry.model_was_missing = record.model_was_missing ? 1 : 0;
  return entry;
}

inline StoredOutcome outcome_of(const KeyEntry& e) {
  return {e.reason, e.reported, e.model_was_missing != 0, InstanceNumber(e.instance), e.sequence, e.address};
}

class KeyTable {
 public:
  static constexpr std::size_t kKeysPerChunk = 82;
  static constexpr std::size_t kClientsPerChunk = 160;

  explicit KeyTable(std::uint32_t keys_max);

  KeyLookup find(const RequestKey& key) const;

  // Makes room for one more key and finds the client's slot. `assigned` tells that
  // the slot is new for this client: the caller logs that first.
  struct Slot {
    std::uint32_t number = 0;
    bool assigned = false;
  };
  Slot prepare(std::uint64_t client);
  const KeyClient& client(std::uint32_t slot) const { return clients_[slot]; }
  void put(const KeyEntry& entry);

  void forget_before(std::int64_t time);
  // Numbers of this client up to `number` are forgotten (its outcome was kept elsewhere).
  void raise_floor(std::uint64_t client, std::uint64_t number);
  void raise_floor_of_all(std::uint64_t number);
  // What is kept: oldest first; clients in the order of their slots.
  template <typename Visit>  // of (const KeyEntry&, std::uint64_t client); false ends it
  void scan(const Visit& visit) const {
    for (std::uint64_t position = tail_; position < next_; ++position) {
      if (!visit(entry(position), clients_[entry(position).client_slot].client)) return;
    }
  }
  // Slots whose floor was raised since the last call; each is to be logged.
  std::vector<std::uint32_t> take_raised_floors();
  bool has_unlogged_changes() const { return unlogged_; }

  std::uint64_t next() const { return next_; }
  std::uint64_t tail() const { return tail_; }
  std::uint64_t floor_of_all() const { return floor_of_all_; }
  // Chunks of keys that fell out of the ring since the last call: [first, second).
  std::pair<std::uint32_t, std::uint32_t> take_dropped_chunks();

  Bytes keys_chunk(std::uint32_t chunk) const;
  std::vector<KeyClient> clients_chunk(std::uint32_t chunk) const;
  bool keeps_keys_chunk(std::uint32_t chunk) const { return (std::uint64_t{chunk} + 1) * kKeysPerChunk > tail_; }
  std::uint32_t slots() const { return static_cast<std::uint32_t>(clients_.size()); }

  // Recovery: where the ring begins, then chunks and replayed entries in any order, then finish.
  void begin_recovery(std::uint64_t tail, std::uint64_t floor_of_all);
  void restore(std::uint64_t position, const KeyEntry& entry);
  void restore_used(std::uint32_t slot, std::uint64_t position);
  void restore_client(std::uint32_t slot, const KeyClient& client);
  void restore_floor(std::uint32_t slot, std::uint64_t floor);
  // Builds the indexes. False if what was restored does not fit together.
  bool finish_recovery(std::uint64_t next);

 private:
  static constexpr std::uint32_t kNone = 0xffffffffU;
  using Block = std::array<KeyEntry, kKeysPerChunk>;
  struct Links {  // of slots without a key in the ring, longest unused first
    std::uint32_t keys = 0;
    std::uint32_t before = kNone;
    std::uint32_t after = kNone;
  };
  KeyEntry& entry(std::uint64_t position) {
    return (*blocks_[position / kKeysPerChunk - first_block_])[position % kKeysPerChunk];
  }
  const KeyEntry& entry(std::uint64_t position) const {
    return (*blocks_[position / kKeysPerChunk - first_block_])[position % kKeysPerChunk];
  }
  void make_block_for(std::uint64_t position);
  std::size_t home(std::uint32_t slot, std::uint64_t number) const;
  void index(std::uint64_t position);
  void unindex(std::uint64_t position);
  void evict_oldest();
  void evict(std::size_t count);
  void link_idle(std::uint32_t slot);
  void unlink_idle(std::uint32_t slot);
  void raise(std::uint32_t slot, std::uint64_t number);

  std::uint32_t keys_max_;
  std::deque<std::unique_ptr<Block>> blocks_;
  std::uint64_t first_block_ = 0;
  std::uint64_t tail_ = 1;
  std::uint64_t next_ = 1;
  std::vector<std::uint64_t> index_;  // (client, number) → position, by open addressing; 0: empty
  SegmentedVector<KeyClient, 8> clients_;
  SegmentedVector<Links, 8> links_;
  std::unordered_map<std::uint64_t, std::uint32_t> slot_of_;
  std::uint32_t idle_first_ = kNone;
  std::uint32_t idle_last_ = kNone;
  std::uint64_t floor_of_all_ = 0;
  std::vector<std::uint32_t> raised_;
  std::uint32_t dropped_from_ = 0;
  bool unlogged_ = false;
};

}  // namespace spex::store
