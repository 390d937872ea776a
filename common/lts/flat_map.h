// FlatMap: 64-bit keys to 32-bit values in one array.
//
// Open addressing, because the maps of an explanation have an entry per state
// and an allocation for each would take longer than the rest. Nothing is ever
// taken out. Used by pair_map.h and weak_trace.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace spex::lts {

class FlatMap {
 public:
  // No key.
  static constexpr std::uint64_t kNoKey = ~std::uint64_t{0};

  // The value, or null; until the next insert().
  std::uint32_t* find(std::uint64_t key) {
    if (slots_.empty()) return nullptr;
    Slot& slot = slots_[place_of(key)];
    return slot.key == key ? &slot.value : nullptr;
  }
  // The key's value, which is the given one if it was not there, and whether it was not.
  std::pair<std::uint32_t*, bool> insert(std::uint64_t key, std::uint32_t value) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    Slot& slot = slots_[place_of(key)];
    const bool is_new = slot.key == kNoKey;
    if (is_new) {
      slot = {key, value};
      ++size_;
    }
    return {&slot.value, is_new};
  }

 private:
  struct Slot {
    std::uint64_t key = kNoKey;
    std::uint32_t value = 0;
  };
  static constexpr std::size_t kSlotsAtFirst = 64;

  // Where the key is, or would be.
  std::size_t place_of(std::uint64_t key) const {
    const std::size_t mask = slots_.size() - 1;
    std::uint64_t hash = key * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 32U;
    std::size_t place = hash & mask;
    while (slots_[place].key != key && slots_[place].key != kNoKey) place = (place + 1) & mask;
    return place;
  }
  void grow() {
    std::vector<Slot> old(slots_.empty() ? kSlotsAtFirst : 2 * slots_.size());
    slots_.swap(old);
    for (const Slot& slot : old) {
      if (slot.key != kNoKey) slots_[place_of(slot.key)] = slot;
    }
  }

  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace spex::lts
