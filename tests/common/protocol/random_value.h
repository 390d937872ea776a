// Random values for properties; the caller prints the seed.
#pragma once

#include <random>
#include <string>

#include "protocol/value.h"

namespace spex::protocol {

class RandomValue {
 public:
  explicit RandomValue(std::uint64_t seed) : random_(seed) {}

  Value value(int depth = 4) {
    switch (below(depth > 0 ? 9 : 7)) {
      case 0:
        return Value();
      case 1:
        return Value(below(2) == 1);
      case 2:
        return Value(integer());
      case 3:
        return Value(static_cast<std::uint64_t>(random_()));
      case 4:
        return Value(static_cast<double>(integer()) / 7.0);
      case 5:
        return Value(text());
      case 6:
        return Value(Binary{text()});
      case 7:
        return array(depth - 1);
      default:
        return map(depth - 1);
    }
  }
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }
  std::string text() {
    static const char* const kPieces[] = {"a", "order", "é", "\u20ac", "😀", "$", " ", "\"", "\\", "\n", "0", "x.y"};
    std::string out;
    for (std::uint64_t i = below(below(8) == 0 ? 60 : 4); i > 0; --i) out += kPieces[below(std::size(kPieces))];
    return out;
  }

 private:
  std::int64_t integer() { return static_cast<std::int64_t>(random_()) >> below(64); }
  Value array(int depth) {
    Array elements;
    for (std::uint64_t i = below(below(6) == 0 ? 20 : 4); i > 0; --i) elements.push_back(value(depth));
    return elements;
  }
  Value map(int depth) {
    Map entries;
    for (std::uint64_t i = below(5); i > 0; --i) {
      Value key = below(3) == 0 ? value(depth) : Value(text());
      bool is_new = true;
      for (const auto& entry : entries) is_new = is_new && !(entry.first == key);
      if (is_new) entries.emplace_back(std::move(key), value(depth));
    }
    return entries;
  }

  std::mt19937_64 random_;
};

}  // namespace spex::protocol
