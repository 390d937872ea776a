#include "lts/number_set.h"

#include <algorithm>
#include <array>
#include <utility>

namespace spex::lts {
namespace {

// Networks that sort four and eight numbers, with five and nineteen comparisons, which is least (Knuth, The Art of
// Computer Programming 3, 5.3.4).
using Comparison = std::pair<std::size_t, std::size_t>;
template <std::size_t kCount>
constexpr auto kNetwork = std::array<Comparison, 1>{{{0, 1}}};
template <>
constexpr auto kNetwork<4> = std::array<Comparison, 5>{{{0, 2}, {1, 3}, {0, 1}, {2, 3}, {1, 2}}};
template <>
constexpr auto kNetwork<8> = std::array<Comparison, 19>{{{0, 2},
                                                         {1, 3},
                                                         {4, 6},
                                                         {5, 7},
                                                         {0, 4},
                                                         {1, 5},
                                                         {2, 6},
                                                         {3, 7},
                                                         {0, 1},
                                                         {2, 3},
                                                         {4, 5},
                                                         {6, 7},
                                                         {2, 4},
                                                         {3, 5},
                                                         {1, 4},
                                                         {3, 6},
                                                         {1, 2},
                                                         {3, 4},
                                                         {5, 6}}};

// Sorts by a network of comparisons that does not depend on the numbers; what is missing to kCount is filled up with
// the last one, as if it were there several times. Returns how many are left.
template <std::size_t kCount>
std::size_t make_short_set(std::uint64_t* numbers, std::size_t size) {
  std::array<std::uint64_t, kCount> sorted;
  for (std::size_t i = 0; i < kCount; ++i) sorted[i] = numbers[std::min(i, size - 1)];
  // Exchanges them if need be; by std::min and std::max it became a branch.
  const auto order = [&](std::size_t a, std::size_t b) {
    const std::uint64_t changed = (sorted[a] ^ sorted[b]) & (std::uint64_t{0} - (sorted[b] < sorted[a] ? 1U : 0U));
    sorted[a] ^= changed;
    sorted[b] ^= changed;
  };
  for (const auto& [a, b] : kNetwork<kCount>) order(a, b);
  std::size_t left = 0;
  for (std::size_t i = 0; i < kCount; ++i) {
    numbers[left] = sorted[i];
    left += i + 1 == kCount || sorted[i] != sorted[i + 1] ? 1U : 0U;
  }
  return left;
}

}  // namespace

void NumberSet::finish(const std::uint64_t* end) {
  std::uint64_t* const begin = numbers_.data();
  size_ = static_cast<std::size_t>(end - begin);
  if (size_ < 2) return;
  if (size_ == 2) {
    size_ = make_short_set<2>(begin, size_);
  } else if (size_ <= 4) {
    size_ = make_short_set<4>(begin, size_);
  } else if (size_ <= kShortMax) {
    size_ = make_short_set<kShortMax>(begin, size_);
  } else {
    if (!std::is_sorted(begin, begin + size_)) std::sort(begin, begin + size_);
    size_ = static_cast<std::size_t>(std::unique(begin, begin + size_) - begin);
  }
}

// Which of two is less moves places, and is no branch.
void NumberSet::unite(std::span<const std::uint64_t> others) {
  if (united_.size() < size_ + others.size()) united_.resize(2 * (size_ + others.size()));
  std::size_t own = 0;
  std::size_t other = 0;
  std::size_t end = 0;
  while (own < size_ && other < others.size()) {
    const std::uint64_t a = numbers_[own];
    const std::uint64_t b = others[other];
    united_[end++] = std::min(a, b);
    own += a <= b ? 1U : 0U;
    other += b <= a ? 1U : 0U;
  }
  while (own < size_) united_[end++] = numbers_[own++];
  while (other < others.size()) united_[end++] = others[other++];
  numbers_.swap(united_);
  size_ = end;
}

}  // namespace spex::lts
