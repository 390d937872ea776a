// StringTable: byte strings interned to consecutive 32-bit ids.
//
// Holds the action labels and state names of an LTS. All bytes lie in one
// arena and the index is open addressing, so a table of a million labels costs
// little more than their text. Labels are opaque: any bytes, also none.
// Strings are never removed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spex::lts {

class StringTable {
 public:
  // The id of `text`; a new one if it was not there. At most 2^32 - 2 strings.
  std::uint32_t intern(std::string_view text);
  std::optional<std::uint32_t> find(std::string_view text) const;
  // Valid until the next intern().
  std::string_view text(std::uint32_t id) const;
  std::uint32_t size() const { return static_cast<std::uint32_t>(ends_.size()); }
  bool empty() const { return ends_.empty(); }
  std::size_t bytes() const { return arena_.size(); }

 private:
  std::size_t slot_of(std::string_view text) const;
  void grow();

  std::string arena_;
  std::vector<std::size_t> ends_;
  std::vector<std::uint32_t> index_;  // id + 1; 0 is an empty slot; size is a power of two
};

}  // namespace spex::lts
