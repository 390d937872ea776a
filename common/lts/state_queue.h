// StateQueue: a set of states of which the least is taken out.
//
// A tree of bits, 64 to a word: a word has a bit for each word below it that
// is not empty. So a queue of few among millions costs no more than one of
// many, and nothing is sorted. Refinements look at states in ascending order,
// because a tau leads to a lower number and what it leads to must be known;
// states found out on the way have higher numbers. Used by local_refinement.h
// and level_partition.h.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "lts/lts.h"

namespace spex::lts {

class StateQueue {
 public:
  explicit StateQueue(std::uint32_t state_count) {
    std::size_t words = 0;
    std::size_t count = state_count;
    do {
      count = (count + 63) / 64;
      begins_[depth_++] = words;
      words += count;
    } while (count > 1);
    words_.assign(words, 0);
  }

  bool empty() const { return words_.back() == 0; }
  bool contains(StateId state) const { return (words_[state / 64] >> (state % 64) & 1U) != 0; }

  void insert(StateId state) {
    for (unsigned level = 0; level < depth_; ++level) {
      std::uint64_t& word = words_[begins_[level] + state / 64];
      const bool was_empty = word == 0;
      word |= std::uint64_t{1} << (state % 64);
      if (!was_empty) return;
      state /= 64;
    }
  }

  // There must be one.
  StateId take_least() {
    StateId state = 0;
    for (unsigned level = depth_; level-- > 0;) {
      state = state * 64 + static_cast<StateId>(std::countr_zero(words_[begins_[level] + state]));
    }
    StateId cleared = state;
    for (unsigned level = 0; level < depth_; ++level) {
      std::uint64_t& word = words_[begins_[level] + cleared / 64];
      word &= ~(std::uint64_t{1} << (cleared % 64));
      if (word != 0) break;
      cleared /= 64;
    }
    return state;
  }

 private:
  static constexpr std::size_t kDepthMax = 6;  // 64^6 is more than there are states
  unsigned depth_ = 0;
  std::array<std::size_t, kDepthMax> begins_{};  // of each level in words_, the lowest first
  std::vector<std::uint64_t> words_;
};

}  // namespace spex::lts
