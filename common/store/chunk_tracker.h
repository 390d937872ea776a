// ChunkTracker: which chunks of memory differ from their rows in the table
// `snapshot`, and since which log row. Chunks are saved longest dirty first, so
// that the log row from which recovery must replay moves on.
//
// I1: a chunk row with `n` holds the effect on it of all log rows <= n, of none later.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <unordered_map>

#include "store/segmented_vector.h"

namespace spex::store {

enum class ChunkKind : std::uint8_t { states = 0, keys = 1, clients = 2 };

struct ChunkId {
  ChunkKind kind = ChunkKind::states;
  std::uint32_t index = 0;
  std::int64_t row() const { return static_cast<std::int64_t>(kind) << 32 | index; }
  static ChunkId of_row(std::int64_t row) {
    return {static_cast<ChunkKind>(row >> 32 & 0xff), static_cast<std::uint32_t>(row & 0xffffffff)};
  }
};

// The pace of saving: operations between two chunks. Times chunks, it is about how many of them a start replays:
// 300,000 or one per instance, whichever is more; fewer with few chunks, as `slowest` bounds it; at most ten million.
inline std::uint64_t operations_per_chunk(std::uint64_t chunks, std::uint64_t instances_per_chunk,
                                          std::uint64_t slowest) {
  constexpr std::uint64_t kReplayedFew = 300'000;
  constexpr std::uint64_t kReplayedMax = 10'000'000;
  chunks = std::max<std::uint64_t>(chunks, 1);
  const std::uint64_t pace = std::min(std::max(kReplayedFew / chunks, instances_per_chunk), kReplayedMax / chunks);
  return std::max<std::uint64_t>(1, std::min(pace, slowest));
}

class ChunkTracker {
 public:
  // Log row `row` changes the chunk; `operation` counts operations.
  void changed(ChunkId id, std::uint64_t row, std::uint64_t operation) {
    Info& info = info_of(id);
    if (info.dirty_since_row) return;
    info.dirty_since_row = row;
    queue_.push_back({id, row, operation});
  }
  // Whether the chunk is as its row says; and the log row as of which that is, 0: there is none.
  bool is_saved(ChunkId id) { return info_of(id).dirty_since_row == 0; }
  std::uint64_t saved_row(ChunkId id) { return info_of(id).saved_row; }
  bool holds(ChunkId id, std::uint64_t row) { return info_of(id).saved_row >= row; }
  void saved(ChunkId id, std::uint64_t row) { info_of(id) = {row, 0}; }
  // A chunk that needs no saving any more; it stays queued until take_oldest() meets it.
  void forget(ChunkId id) { sparse_.erase(id.row()); }

  struct Dirty {
    ChunkId id;
    std::uint64_t row = 0;
    std::uint64_t operation = 0;
  };
  // The chunk that has been dirty longest, or null; stays queued.
  const Dirty* oldest() {
    while (!queue_.empty() && !is_current(queue_.front())) queue_.pop_front();
    return queue_.empty() ? nullptr : &queue_.front();
  }

 private:
  struct Info {
    std::uint64_t saved_row = 0;
    std::uint64_t dirty_since_row = 0;  // 0: as saved
  };
  // Chunks of keys come and go with ever higher indexes; the others are dense.
  Info& info_of(ChunkId id) {
    if (id.kind == ChunkKind::keys) return sparse_[id.row()];
    auto& dense = id.kind == ChunkKind::states ? states_ : clients_;
    dense.grow_to(std::size_t{id.index} + 1);
    return dense[id.index];
  }
  bool is_current(const Dirty& dirty) {
    if (dirty.id.kind == ChunkKind::keys && !sparse_.contains(dirty.id.row())) return false;
    return info_of(dirty.id).dirty_since_row == dirty.row;
  }

  SegmentedVector<Info, 8> states_;
  SegmentedVector<Info, 8> clients_;
  std::unordered_map<std::int64_t, Info> sparse_;
  std::deque<Dirty> queue_;
};

}  // namespace spex::store
