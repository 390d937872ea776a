// PairMap: values for pairs of numbers, the first of them dense.
//
// What an explanation remembers lies near to what it remembered just before:
// one subformula after the other, each at few states. So the first pairs with
// one first number are a list in an array that grows at its end, and only what
// goes beyond them is hashed, all over the memory. Used by distinguishing.cpp
// and formula_eval.cpp.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "lts/flat_map.h"

namespace spex::lts {

class PairMap {
 public:
  // The value, or null; until the next insert().
  std::uint32_t* find(std::uint32_t first, std::uint32_t second) {
    if (first >= lists_.size()) return nullptr;
    const List& list = lists_[first];
    for (std::uint32_t at = list.begin; at != kEnd; at = entries_[at].next) {
      if (entries_[at].second == second) return &entries_[at].value;
    }
    return list.length < kLengthMax ? nullptr : others_.find(key(first, second));
  }
  // The pair must not be there.
  void insert(std::uint32_t first, std::uint32_t second, std::uint32_t value) {
    if (first >= lists_.size()) lists_.resize(first + std::size_t{1});
    List& list = lists_[first];
    if (list.length == kLengthMax) {
      others_.insert(key(first, second), value);
      return;
    }
    entries_.push_back({second, value, list.begin});
    list.begin = static_cast<std::uint32_t>(entries_.size() - 1);
    ++list.length;
  }

 private:
  static constexpr std::uint32_t kEnd = 0xFFFFFFFFU;
  static constexpr std::uint32_t kLengthMax = 8;
  struct List {
    std::uint32_t begin = kEnd;
    std::uint32_t length = 0;
  };
  struct Entry {
    std::uint32_t second;
    std::uint32_t value;
    std::uint32_t next;
  };
  static std::uint64_t key(std::uint32_t first, std::uint32_t second) { return std::uint64_t{first} << 32U | second; }

  std::vector<List> lists_;
  std::vector<Entry> entries_;
  FlatMap others_;
};

}  // namespace spex::lts
