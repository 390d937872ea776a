// Memory: what the packed store holds of its file: identifiers, states, request
// keys, which chunks of these are saved, and the log rows of the open transaction.
// Dropped and recovered as a whole (recovery.h).
#pragma once

#include <memory>
#include <set>
#include <vector>

#include "store/byte_index.h"
#include "store/chunk_tracker.h"
#include "store/free_numbers.h"
#include "store/key_table.h"
#include "store/record.h"
#include "store/state_table.h"

namespace spex::store {

// The rows that are not in the file yet, and the counters that go on from row to row.
struct LogTail {
  std::vector<std::unique_ptr<RowBuffer>> rows;
  std::uint64_t next_row = 1;        // that is not in the file; rows[0] has this number
  std::uint64_t records_before = 0;  // all records ever, without those of the last pending row
  std::uint64_t replay_from = 1;     // of the newest row in the file

  std::uint64_t last_row() const { return next_row + rows.size() - 1; }
  std::uint64_t records() const { return records_before + (rows.empty() ? 0 : rows.back()->records()); }
  // Where the next record will lie; makes a new row if the last one is full. `at` and
  // `key_position` are those of the record, for the header of a new row.
  Address reserve(std::int64_t at, std::uint64_t key_position);
  void add(const LogRecord& record) { rows.back()->add(record); }
  // The pending rows are in the file now.
  void written(std::uint64_t replay_from_in_them);
};

class Memory {
 public:
  Memory(std::uint64_t seed, std::size_t instances_expected, std::uint32_t keys_max)
      : directory(seed, instances_expected), keys(keys_max) {}

  // The effect of a record on states and counters; its place in the log is `address`.
  void apply(const LogRecord& record, Address address);
  // Whether that effect is possible: the record goes on where its instance stands.
  bool continues(const LogRecord& record, Address address) const;
  void touch(ChunkId chunk, std::uint64_t row) { chunks.changed(chunk, row, operations); }
  static ChunkId chunk_of_instance(std::uint32_t number) {
    return {ChunkKind::states, static_cast<std::uint32_t>(number / StateTable::kPerChunk)};
  }
  static ChunkId chunk_of_key(std::uint64_t position) {
    return {ChunkKind::keys, static_cast<std::uint32_t>(position / KeyTable::kKeysPerChunk)};
  }
  static ChunkId chunk_of_client(std::uint32_t slot) {
    return {ChunkKind::clients, static_cast<std::uint32_t>(slot / KeyTable::kClientsPerChunk)};
  }
  // The bytes of a chunk as they are saved.
  std::vector<std::uint8_t> encode(ChunkId chunk) const;
  // Keeps the bound of states in memory; ends what references to them are worth.
  void evict(std::size_t looks_max) {
    states.evict(looks_max, [&](std::uint32_t chunk) { return chunks.is_saved({ChunkKind::states, chunk}); });
  }
  // Counts living instances and their records anew, and finds the free numbers.
  void count();

  ByteIndex directory;
  StateTable states;  // number 0 is never used
  FreeNumbers free;
  std::set<std::uint32_t> withheld;  // not living, not free: rows of their past are still in the archive
  KeyTable keys;
  ChunkTracker chunks;
  LogTail log;
  std::vector<std::uint64_t> instances_by_specification;
  std::uint64_t living = 0;
  std::uint64_t living_records = 0;  // in log and archive
  std::uint64_t operations = 0;      // for the pace of snapshots
  std::uint64_t saved_at_operation = 0;
  std::uint64_t replayed = 0;

 private:
  void count_instance(const State& state, std::int64_t by);
};

inline std::uint64_t chunk_seed(ChunkId chunk, std::uint64_t row) {
  return static_cast<std::uint64_t>(chunk.row()) * 0x9E3779B97F4A7C15U ^ row;
}

}  // namespace spex::store
