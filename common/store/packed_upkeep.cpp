// What is done when no reply waits: checkpoints, archiving, giving back space, the
// reserve, checking the file.
#include <limits>
#include <utility>

#include "base/log.h"
#include "store/packed_store.h"

namespace spex::store {

using base::fail;
using base::Reason;
using base::Result;

namespace {

constexpr std::uint32_t kChunksAtOnce = 32;
constexpr std::uint32_t kInstancesWithSmallCache = 1'000'000;
constexpr base::Timestamp kArchivingPause = 60'000'000;  // after a failure that may pass
constexpr base::Timestamp kReservePause = 1'000'000;
// So many free pages are kept for what comes next, and a share of the file.
constexpr std::uint64_t kFreePagesKept = 256;
constexpr std::uint64_t kFreePagesShare = 8;
constexpr const char* kShrinkSlice = "PRAGMA incremental_vacuum(64)";

std::string reserve_path(const StoreOptions& options) {
  const std::size_t dot = options.path.rfind(".sqlite");
  return options.path.substr(0, dot) + ".reserve";
}

}  // namespace

PackedStore::PackedStore(StoreOptions options, ShardFile file)
    : options_(std::move(options)),
      file_(std::move(file)),
      reserve_(reserve_path(options_), options_.reserve_bytes),
      shrunk_at_(options_.now) {
  if (reserve_.is_wanted()) file_.hold_room();
}

Result<void> PackedStore::checkpoint() {
  auto done = database().checkpoint();
  if (done) {
    file_.room_was_given_up();
  } else {
    ++counters_.checkpoint_failures;
    base::log_limited(base::LogLevel::error, "store_checkpoint_failed", {{"error", base::to_string(done.error())}});
    if (done.error().reason == Reason::storage_full) give_up_reserve(done.error());
  }
  return done;
}

Result<bool> PackedStore::maintain(base::Timestamp now) {
  if (broken_) return *broken_;
  newest_time_ = std::max(newest_time_, now);
  if (failed_) return false;
  SPEX_TRY(bound_cache());
  if (low_space_ && now >= next_reserve_at_) {
    next_reserve_at_ = now + kReservePause;
    take_reserve();
  }
  const std::uint32_t pages_max = low_space_ ? 1 : options_.checkpoint_pages;
  if (!transaction_open_ && database().wal_frames() >= pages_max) {
    SPEX_TRY(checkpoint());
    return true;
  }
  SPEX_TRY_ASSIGN(const bool archiving, archive(now));
  if (archiving) return true;
  SPEX_TRY_ASSIGN(const bool freeing, free_space(now));
  if (freeing) return true;
  SPEX_TRY(idle_check_->step(now));
  return false;
}

// Where there are many instances the cache of pages holds few of what is read, and each shard has one.
Result<void> PackedStore::bound_cache() {
  if (has_small_cache_ || memory_->states.size() < kInstancesWithSmallCache) return {};
  SPEX_TRY(database().run("PRAGMA cache_size=-512"));
  has_small_cache_ = true;
  return {};
}

Result<bool> PackedStore::archive(base::Timestamp now) {
  if (archiving_paused_until_ && now < *archiving_paused_until_) return false;
  archiving_paused_until_.reset();
  const bool batch_is_ours = !has_uncommitted();
  if (archiver_->is_due(*memory_, now, options_.reclaim_within)) {
    auto stepped = begin();
    if (stepped) stepped = archiver_->step(*memory_, now, options_.reclaim_within);
    if (!stepped) return archiving_failed(std::move(stepped).error(), now, batch_is_ours);
    return true;
  }
  if (!archiver_->waits_for_snapshots(*memory_)) return false;
  SPEX_TRY(begin());
  chunks_to_save_ = kChunksAtOnce;
  return true;
}

Result<bool> PackedStore::archiving_failed(base::Error error, base::Timestamp now, bool batch_is_ours) {
  if (error.reason == Reason::storage_corrupt) {
    ++counters_.corrupt_records;
    archiving_paused_until_ = std::numeric_limits<base::Timestamp>::max();
  } else {
    archiving_paused_until_ = now + kArchivingPause;
  }
  base::log_limited(base::LogLevel::error, "store_archiving_failed", {{"error", base::to_string(error)}});
  if (error.reason == Reason::storage_corrupt && archiver_->is_collecting() && !lost_transaction()) return false;
  return upkeep_failed(std::move(error), batch_is_ours);
}

// A change in several statements was not finished: nothing of the batch may stay.
base::Error PackedStore::upkeep_failed(base::Error error, bool batch_is_ours) {
  if (batch_is_ours) return drop_batch(std::move(error));
  failed_ = error;
  return error;
}

// The rows of removed instances first, then the pages that are free.
Result<bool> PackedStore::free_space(base::Timestamp now) {
  const bool batch_is_ours = !has_uncommitted();
  if (!memory_->withheld.empty()) {
    const std::uint32_t number = *memory_->withheld.begin();
    SPEX_TRY(begin());
    auto deleted = archiver_->delete_some(number);
    if (!deleted) return upkeep_failed(std::move(deleted).error(), batch_is_ours);
    if (*deleted) {
      memory_->withheld.erase(number);
      memory_->free.give(number);
    }
    return true;
  }
  SPEX_TRY_ASSIGN(const bool shrink, wants_to_shrink(now));
  if (!shrink) return false;
  SPEX_TRY(begin());
  if (auto shrunk = database().run(kShrinkSlice); !shrunk) {
    return upkeep_failed(std::move(shrunk).error(), batch_is_ours);
  }
  return true;
}

Result<bool> PackedStore::wants_to_shrink(base::Timestamp now) {
  const ResetAtEnd reset(count_pages_);
  SPEX_TRY(count_pages_.step());
  free_pages_ = count_pages_.unsigned_integer(0);
  if (!can_shrink_) return false;
  if (free_pages_ == 0) {
    shrinking_ = false;
    shrunk_at_ = now;
    return false;
  }
  // What was deleted lies in free pages too: they have to go in time.
  if (low_space_ || now - shrunk_at_ >= options_.reclaim_within / 2) shrinking_ = true;
  return shrinking_ || free_pages_ > kFreePagesKept + count_pages_.unsigned_integer(1) / kFreePagesShare;
}

void PackedStore::take_reserve() {
  auto taken = low_space_ ? reserve_.take_again() : reserve_.take();
  if (taken) {
    if (low_space_) base::log(base::LogLevel::info, "store_space_again", {{"file", options_.path}});
    low_space_.reset();
    return;
  }
  base::log_limited(base::LogLevel::error, "store_reserve", {{"error", base::to_string(taken.error())}});
  if (taken.error().reason == Reason::storage_full) give_up_reserve(taken.error());
}

void PackedStore::give_up_reserve(const base::Error& cause) {
  if (!reserve_.is_wanted()) return;
  reserve_.give_up();
  low_space_ = fail(Reason::storage_full, "the disk is full (" + cause.message +
                                              "); instances can be deleted, and are created and changed again when " +
                                              std::to_string(reserve_.bytes() >> 9) + " KiB are free");
}

}  // namespace spex::store
