// FreeNumbers: which numbers are free, lowest first. A bitmap of three levels
// (64 numbers a word): 1.02 bits per number, and taking or giving one touches
// three words.
#pragma once

#include <bit>
#include <cstdint>
#include <optional>

#include "store/segmented_vector.h"

namespace spex::store {

class FreeNumbers {
 public:
  void give(std::uint32_t number) {
    set(levels_[0], number);
    set(levels_[1], number >> 6);
    set(levels_[2], number >> 12);
    ++count_;
  }
  std::optional<std::uint32_t> take_lowest() {
    if (count_ == 0) return std::nullopt;
    for (std::size_t top = 0; top < levels_[2].size(); ++top) {
      if (!levels_[2][top]) continue;
      const std::size_t middle = top << 6 | lowest(levels_[2][top]);
      const std::size_t bottom = middle << 6 | lowest(levels_[1][middle]);
      const std::size_t number = bottom << 6 | lowest(levels_[0][bottom]);
      if (clear(levels_[0], number) && clear(levels_[1], bottom)) clear(levels_[2], middle);
      --count_;
      return static_cast<std::uint32_t>(number);
    }
    return std::nullopt;
  }
  std::size_t count() const { return count_; }

 private:
  using Level = SegmentedVector<std::uint64_t, 9>;
  static unsigned lowest(std::uint64_t word) { return static_cast<unsigned>(std::countr_zero(word)); }
  static void set(Level& level, std::size_t bit) {
    level.grow_to((bit >> 6) + 1);
    level[bit >> 6] |= std::uint64_t{1} << (bit & 63);
  }
  // True if the word is empty now.
  static bool clear(Level& level, std::size_t bit) {
    return (level[bit >> 6] &= ~(std::uint64_t{1} << (bit & 63))) == 0;
  }

  Level levels_[3];
  std::size_t count_ = 0;
};

}  // namespace spex::store
