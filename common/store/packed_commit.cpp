// Transactions: commit, what a failed one leaves, closing. Upkeep: packed_upkeep.cpp.
#include <cstring>
#include <utility>

#include "base/log.h"
#include "store/packed_store.h"

namespace spex::store {

using base::fail;
using base::Reason;
using base::Result;

namespace {

// A snapshot is not worth while until so many operations (times snapshot_every) would be replayed.
constexpr std::uint64_t kQuietSnapshots = 100;
// When checkpoints fail, the write-ahead log may grow to so many times its normal size.
constexpr std::uint64_t kWalOverrun = 16;
constexpr std::size_t kLooksPerCommit = 4'096;
constexpr std::uint32_t kDropSlice = 4'096;

}  // namespace

bool PackedStore::has_uncommitted() const {
  if (broken_) return false;
  return failed_ || has_read_failed() || !memory_->log.rows.empty() || memory_->keys.has_unlogged_changes() ||
         transaction_open_;
}

Result<void> PackedStore::commit() {
  if (broken_) return *broken_;
  if (!has_uncommitted()) return {};
  if (!failed_ && has_read_failed()) failed_ = memory_->states.failure();
  if (!failed_) {
    if (auto written = write_batch(); !written) failed_ = std::move(written).error();
  }
  if (failed_) return drop_batch(*failed_);
  ++counters_.commits;
  if (auto in_place = file_.check_in_place(); !in_place) {
    broken_ = in_place.error();
    return in_place;
  }
  evict(kLooksPerCommit);
  // Usually maintain() has done it before, when no reply was waiting.
  if (database().wal_frames() >= 2 * options_.checkpoint_pages) (void)checkpoint();
  return {};
}

Result<void> PackedStore::write_batch() {
  if (database().wal_frames() >= kWalOverrun * options_.checkpoint_pages) SPEX_TRY(checkpoint());
  SPEX_TRY(begin());
  log_raised_floors();
  if (chunks_to_save_) memory_->log.reserve(newest_time_, memory_->keys.next());
  if (!memory_->log.rows.empty()) {
    SPEX_TRY(drop_key_chunks());
    SPEX_TRY(save_chunks());
    SPEX_TRY(write_rows());
  }
  SPEX_TRY(commit_.execute());
  transaction_open_ = false;
  return {};
}

// What the key table forgot: floors as records, the rest in the rows' headers.
void PackedStore::log_raised_floors() {
  KeyTable& keys = memory_->keys;
  if (!keys.has_unlogged_changes()) return;
  memory_->log.reserve(newest_time_, keys.next());
  for (const std::uint32_t slot : keys.take_raised_floors()) {
    LogRecord record;
    record.kind = RecordKind::floor_raised;
    record.number = slot;
    record.key_number = keys.client(slot).floor;
    const Address address = memory_->log.reserve(newest_time_, keys.next());
    memory_->log.add(record);
    memory_->touch(Memory::chunk_of_client(slot), row_of(address));
  }
}

Result<void> PackedStore::drop_key_chunks() {
  const auto [first, end] = memory_->keys.take_dropped_chunks();
  if (first == end) return {};
  for (std::uint32_t chunk = first; chunk < end; ++chunk) memory_->chunks.forget({ChunkKind::keys, chunk});
  return drop_chunks_.bind(1, ChunkId{ChunkKind::keys, first}.row())
      .bind(2, ChunkId{ChunkKind::keys, end}.row())
      .execute();
}

std::uint64_t PackedStore::operations_per_snapshot() const {
  return operations_per_chunk(memory_->states.chunks(), StateTable::kPerChunk, options_.snapshot_every);
}

// What is left over goes with the next commits, or comes back when it was used again.
void PackedStore::evict(std::size_t looks_max) {
  if (memory_->states.beyond_bound() > 0) memory_->evict(looks_max);
}

// At a steady pace, so that no commit has many of them and replaying stays bounded.
Result<void> PackedStore::save_chunks() {
  Memory& memory = *memory_;
  const std::uint64_t pace = operations_per_snapshot();
  for (; memory.saved_at_operation + pace <= memory.operations; memory.saved_at_operation += pace) {
    const ChunkTracker::Dirty* const dirty = memory.chunks.oldest();
    if (!dirty || memory.operations - dirty->operation < kQuietSnapshots * pace) continue;
    SPEX_TRY(save_chunk(dirty->id));
  }
  // Only what is saved can leave memory.
  for (std::size_t beyond = memory.states.beyond_bound(); beyond > 0; --beyond) {
    if (const ChunkTracker::Dirty* const dirty = memory.chunks.oldest()) SPEX_TRY(save_chunk(dirty->id));
  }
  for (; chunks_to_save_ > 0; --chunks_to_save_) {
    if (const ChunkTracker::Dirty* const dirty = memory.chunks.oldest()) SPEX_TRY(save_chunk(dirty->id));
  }
  return {};
}

Result<void> PackedStore::save_chunk(ChunkId chunk) {
  const std::uint64_t row = memory_->log.last_row();
  const std::vector<std::uint8_t> content = memory_->encode(chunk);
  std::vector<std::uint8_t> body(4 + content.size());
  std::memcpy(&body[4], content.data(), content.size());
  put_word(body.data(), checksum32(content, chunk_seed(chunk, row)));
  SPEX_TRY(save_chunk_.bind(1, chunk.row()).bind(2, row).bind(3, Bytes(body)).execute());
  memory_->chunks.saved(chunk, row);
  return {};
}

Result<void> PackedStore::write_rows() {
  LogTail& log = memory_->log;
  const ChunkTracker::Dirty* const dirty = memory_->chunks.oldest();
  // At least the newest row, which tells the next position of a request key.
  const std::uint64_t replay_from = dirty ? dirty->row : log.last_row();
  for (const auto& row : log.rows) {
    const Bytes body = row->finish(replay_from, memory_->keys.tail(), memory_->keys.floor_of_all());
    SPEX_TRY(insert_row_.bind(1, row->row()).bind(2, body).execute());
  }
  // Should COMMIT fail now, all of memory is dropped anyway.
  log.written(replay_from);
  return {};
}

base::Error PackedStore::drop_batch(base::Error cause) {
  base::log_limited(base::LogLevel::error, "store_commit_failed", {{"error", base::to_string(cause)}});
  if (cause.reason == Reason::storage_full) give_up_reserve(cause);
  failed_.reset();
  transaction_open_ = false;
  ++counters_.recoveries;
  if (database().in_transaction()) {
    if (auto rolled_back = database().run("ROLLBACK"); !rolled_back && database().in_transaction()) {
      broken_ = rolled_back.error();
      return cause;
    }
  }
  if (auto loaded = load(); !loaded) {
    broken_ = loaded.error();
  } else {
    supersede_failed_commit();
  }
  return cause;
}

// A COMMIT that failed when it was synced has left a complete transaction behind the
// end of the write-ahead log; SQLite would find it there after a crash. A small
// commit takes its place, whether or not it can be synced.
void PackedStore::supersede_failed_commit() {
  const std::string recoveries = std::to_string(counters_.recoveries);
  auto superseded = begin();
  if (superseded) superseded = catalog_->put_setting("store.recoveries", recoveries);
  if (superseded) superseded = commit_.execute();
  transaction_open_ = false;
  if (superseded) {
    database().cut_log();  // so that nobody takes the rest of the failed one for damage (log_end.h)
    return;
  }
  if (database().in_transaction()) superseded = database().run("ROLLBACK");
  if (database().in_transaction()) broken_ = superseded.error();
}

Result<void> PackedStore::drop_all_instances() {
  SPEX_TRY(check_usable());
  for (std::uint32_t number = 1; number < memory_->states.size(); ++number) {
    if (memory_->states.is_living(number)) SPEX_TRY(remove(InstanceNumber(number), nullptr, nullptr));
    if (number % kDropSlice == 0) SPEX_TRY(commit());
  }
  return commit();
}

Result<void> PackedStore::close() {
  if (broken_) return *broken_;
  SPEX_TRY(commit());
  SPEX_TRY(checkpoint());
  broken_ = fail(Reason::storage_open, "the store is closed");
  memory_.reset();
  catalog_.reset();
  events_.reset();
  history_.reset();
  archiver_.reset();
  idle_check_.reset();
  for (Statement* statement : {&begin_, &commit_, &insert_row_, &save_chunk_, &drop_chunks_, &insert_instance_,
                               &update_instance_, &remove_instance_, &details_, &count_pages_}) {
    *statement = Statement();
  }
  file_.close();
  return {};
}

}  // namespace spex::store
