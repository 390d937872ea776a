// SegmentedVector: an array that grows by segments of fixed size. Elements never
// move, and no growth copies what is there: with ten million elements a doubling
// std::vector stops its owner for half a second.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace spex::store {

template <typename T, unsigned kSegmentBits = 12>
class SegmentedVector {
 public:
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return segments_[i >> kSegmentBits][i & kMask]; }
  const T& operator[](std::size_t i) const { return segments_[i >> kSegmentBits][i & kMask]; }
  // New elements are value-initialised. Never shrinks.
  void grow_to(std::size_t size) {
    while (segments_.size() << kSegmentBits < size) segments_.push_back(std::make_unique<T[]>(kMask + 1));
    if (size > size_) size_ = size;
  }
  T& push_back(T value) {
    grow_to(size_ + 1);
    return (*this)[size_ - 1] = std::move(value);
  }

 private:
  static constexpr std::size_t kMask = (std::size_t{1} << kSegmentBits) - 1;
  std::vector<std::unique_ptr<T[]>> segments_;
  std::size_t size_ = 0;
};

}  // namespace spex::store
