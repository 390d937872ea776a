// StrongId: integers that cannot be mixed up (a shard is not an incarnation).
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace spex::base {

template <typename Tag, typename Integer = std::uint32_t>
class StrongId {
 public:
  using integer_type = Integer;
  constexpr StrongId() = default;
  constexpr explicit StrongId(Integer value) : value_(value) {}
  constexpr Integer value() const { return value_; }
  constexpr auto operator<=>(const StrongId&) const = default;

 private:
  Integer value_ = 0;
};

// Shards are numbered from 1, as in `shard_<n>.sqlite`.
using ShardId = StrongId<struct ShardTag>;
// Counts the starts of one child under one supervisor, from 1. A late report
// that carries an old incarnation is ignored.
using Incarnation = StrongId<struct IncarnationTag, std::uint64_t>;

}  // namespace spex::base

template <typename Tag, typename Integer>
struct std::hash<spex::base::StrongId<Tag, Integer>> {
  std::size_t operator()(spex::base::StrongId<Tag, Integer> id) const noexcept {
    return std::hash<Integer>{}(id.value());
  }
};
