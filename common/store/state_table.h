// StateTable: the state of every instance, 32 bytes each, by number. The same bytes are
// saved as snapshot chunks of the file, from which those that are cold are read again.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/result.h"
#include "store/prefetch.h"
#include "store/record.h"
#include "store/segmented_vector.h"

namespace spex::store {

struct State {
  std::uint64_t head_and_specification = 0;  // 48 bits: newest history record, 0: none; 16: specification
  std::uint64_t born_and_flags = 0;          // 48 bits: record that made it, 0: no instance; 16: flags
  std::int64_t at = 0;                       // of the newest record, or of creation
  std::uint32_t sequence = 0;                // number of history records
  std::uint32_t state = 0;

  static constexpr unsigned kAddressBits = 48;
  static constexpr std::uint64_t kAddressMask = (std::uint64_t{1} << kAddressBits) - 1;
  static constexpr std::uint64_t kTimeoutReported = std::uint64_t{1} << kAddressBits;

  Address head() const { return head_and_specification & kAddressMask; }
  Address born() const { return born_and_flags & kAddressMask; }
  bool is_living() const { return born() != 0; }
  std::uint16_t specification() const { return static_cast<std::uint16_t>(head_and_specification >> kAddressBits); }
  bool timeout_reported() const { return born_and_flags & kTimeoutReported; }
  void set_head(Address head) { head_and_specification = (head_and_specification & ~kAddressMask) | head; }

  void create(Address address, const LogRecord& record) {
    const bool has_history = record.kind == RecordKind::creation;
    *this = {(has_history ? address : 0) | std::uint64_t{record.specification} << kAddressBits, address, record.at,
             has_history ? 1U : 0U, record.state};
  }
  void append(Address address, const LogRecord& record) {
    set_head(address);
    born_and_flags &= ~kTimeoutReported;
    at = record.at;
    ++sequence;
    state = record.state;
  }
};
static_assert(sizeof(State) == 32);

// The states by number, in chunks. Beyond `chunks_max` chunks in memory those that were not used
// for the longest time (nearly: a clock) leave it, if the file has them as they are, and come back when they are used.
// References are valid until evict().
class StateTable {
 public:
  static constexpr std::uint32_t kPerChunk = 124;  // a chunk fits a page
  using Chunk = std::array<State, kPerChunk>;
  // Fills a chunk that is not in memory, from the file.
  using Read = std::function<base::Result<void>(std::uint32_t chunk, Chunk& to)>;

  void read_with(Read read, std::size_t chunks_max) {
    read_ = std::move(read);
    chunks_max_ = chunks_max;
  }
  std::uint32_t size() const { return size_; }
  std::size_t loaded() const { return loaded_; }  // chunks
  std::size_t chunks() const { return slots_.size(); }
  void grow_to(std::uint32_t size) {
    size_ = std::max(size_, size);
    slots_.grow_to((size_ + kPerChunk - 1) / kPerChunk);
  }
  State& operator[](std::uint32_t number) { return in_memory(number / kPerChunk)[number % kPerChunk]; }
  const State& operator[](std::uint32_t number) const { return in_memory(number / kPerChunk)[number % kPerChunk]; }
  // Asks the processor for a state that will be used.
  void prefetch(std::uint32_t number) const {
    if (number >= size_) return;
    if (const Slot& slot = slots_[number / kPerChunk]; slot.chunk) {
      store::prefetch(&(*slot.chunk)[number % kPerChunk]);
    }
  }
  bool is_living(std::uint32_t number) const { return number < size() && (*this)[number].is_living(); }
  // Visits the states from `number` on until `visit` returns false. No chunk comes into memory for that.
  template <typename Visit>  // of (std::uint32_t number, const State&)
  void for_each(std::uint32_t number, const Visit& visit) const {
    Chunk read;
    while (number < size_) {
      const std::uint32_t chunk = number / kPerChunk;
      const Chunk* states = slots_[chunk].chunk.get();
      if (!states) {
        read.fill({});
        fill(chunk, read);
        states = &read;
      }
      const std::uint32_t end = std::min(size_, (chunk + 1) * kPerChunk);
      for (; number < end; ++number) {
        if (!visit(number, (*states)[number % kPerChunk])) return;
      }
    }
  }
  // What the file has, while there is room.
  void offer(std::uint32_t chunk, const Chunk& content);

  // How many chunks there are in memory beyond the bound.
  std::size_t beyond_bound() const { return loaded_ > chunks_max_ ? loaded_ - chunks_max_ : 0; }
  // Lets chunks go for which `may_go` is true until the bound is kept, looking at `looks_max` of them.
  template <typename MayGo>  // of (std::uint32_t chunk)
  void evict(std::size_t looks_max, const MayGo& may_go) {
    for (; beyond_bound() > 0 && looks_max > 0; --looks_max, hand_ = (hand_ + 1) % slots_.size()) {
      Slot& slot = slots_[hand_];
      if (!slot.chunk || std::exchange(slot.used, false) || !may_go(static_cast<std::uint32_t>(hand_))) continue;
      slot.chunk.reset();
      --loaded_;
    }
  }
  // Of reading a chunk. From then on wrong states are given out: nothing done with them may last.
  const std::optional<base::Error>& failure() const { return failure_; }

 private:
  struct Slot {
    std::unique_ptr<Chunk> chunk;
    bool used = false;  // since the clock's hand went by
  };
  Chunk& in_memory(std::size_t chunk) const {
    Slot& slot = slots_[chunk];
    if (!slot.chunk) return bring_in(static_cast<std::uint32_t>(chunk));
    slot.used = true;
    return *slot.chunk;
  }
  Chunk& bring_in(std::uint32_t chunk) const;
  void fill(std::uint32_t chunk, Chunk& to) const;

  mutable SegmentedVector<Slot, 8> slots_;
  std::uint32_t size_ = 0;
  Read read_;
  std::size_t chunks_max_ = ~std::size_t{0};
  mutable std::size_t loaded_ = 0;
  std::size_t hand_ = 0;
  mutable std::optional<base::Error> failure_;
};

}  // namespace spex::store
