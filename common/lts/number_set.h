// NumberSet: a set of 64-bit numbers under construction.
//
// Signatures, observations and rows of a graph are such sets: most are short,
// and there is one for each state. Up to eight numbers are put in order without
// a branch on them, which would be taken by chance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace spex::lts {

class NumberSet {
 public:
  NumberSet() : numbers_(kShortMax) {}

  // Makes it empty, with room for `size_max` numbers, which go where the result points. finish() makes a set of those
  // before `end`: in order, and each once.
  std::uint64_t* start(std::size_t size_max) {
    size_ = 0;
    if (size_max > numbers_.size()) numbers_.resize(2 * size_max);
    return numbers_.data();
  }
  void finish(const std::uint64_t* end);
  // Adds those of another set.
  void unite(std::span<const std::uint64_t> others);

  std::size_t size() const { return size_; }
  std::span<const std::uint64_t> numbers() const { return {numbers_.data(), size_}; }

 private:
  static constexpr std::size_t kShortMax = 8;

  std::vector<std::uint64_t> numbers_;  // those from size_ on are not in use
  std::vector<std::uint64_t> united_;   // as numbers_, while two are made one
  std::size_t size_ = 0;
};

}  // namespace spex::lts
