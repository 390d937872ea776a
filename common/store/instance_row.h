// The checksum of a row of the table `instances`: 32 bits of what makes the instance
// known (identifier, specification, creation), 32 bits of its meta. Damage to the
// first refuses the file, to the second makes only this instance unreadable.
#pragma once

#include <cstdint>
#include <string_view>

#include "store/record.h"

namespace spex::store {

struct InstanceRow {
  std::uint32_t number = 0;
  std::string_view identifier;
  std::uint32_t specification = 0;
  std::int64_t created = 0;
  std::uint32_t base_state = 0;
};

inline std::uint32_t head_checksum(const InstanceRow& row) {
  constexpr std::uint64_t kMix = 0x9E3779B97F4A7C15U;
  std::uint64_t seed = row.number;
  for (const std::uint64_t part :
       {std::uint64_t{row.specification}, static_cast<std::uint64_t>(row.created), std::uint64_t{row.base_state}}) {
    seed = (seed ^ part) * kMix;
    seed ^= seed >> 29;
  }
  return checksum32(as_bytes(row.identifier), seed);
}

// As stored.
inline std::int64_t instance_checksum(const InstanceRow& row, std::string_view meta) {
  return static_cast<std::int64_t>(std::uint64_t{head_checksum(row)} << 32 | checksum32(as_bytes(meta), row.number));
}

inline bool is_head_sound(const InstanceRow& row, std::int64_t stored) {
  return static_cast<std::uint64_t>(stored) >> 32 == head_checksum(row);
}

}  // namespace spex::store
