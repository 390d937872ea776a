// Sources: the states that have a transition to a given one, those with a tau
// first. Incoming: the transitions themselves, in the same order.
//
// Sources is made by local_refinement.h and level_partition.h, which pass
// changes on against the transitions, Incoming by refinement.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "lts/merged_graph.h"

namespace spex::lts {

// Two lists for each target state: what leads there by the internal action (nothing for strong bisimilarity), then
// the rest.
class ListsByTarget {
 public:
  std::span<const std::uint32_t> all(StateId state) const { return lists(2 * std::size_t{state}, 2); }
  std::span<const std::uint32_t> by_tau(StateId state) const { return lists(2 * std::size_t{state}, 1); }

 protected:
  ListsByTarget() = default;
  explicit ListsByTarget(const MergedGraph& graph)
      : has_inert_(graph.has_inert), begins_(2 * std::size_t{graph.state_count} + 2, 0) {}

  // In this order: all of them are counted, there is made room for them, they are put, and it is done.
  void count(const Transition& step) { ++begins_[list_of(step) + 2]; }
  void make_room();
  void put(const Transition& step, std::uint32_t item) { items_[begins_[list_of(step) + 1]++] = item; }
  void finish() { begins_.pop_back(); }

 private:
  std::size_t list_of(const Transition& step) const {
    return 2 * std::size_t{step.target} + (has_inert_ && step.action == kTau ? 0U : 1U);
  }
  std::span<const std::uint32_t> lists(std::size_t first, std::size_t count) const {
    return {items_.data() + begins_[first], items_.data() + begins_[first + count]};
  }

  bool has_inert_ = false;
  std::vector<std::uint32_t> begins_;  // of each list and, while they are made, one place later
  std::vector<std::uint32_t> items_;
};

class Sources : public ListsByTarget {
 public:
  // Of no state.
  Sources() = default;
  // All sources or, if `distances` are given, those that are no more than `distance_max` away.
  explicit Sources(const MergedGraph& graph, const std::vector<std::uint32_t>* distances = nullptr,
                   std::uint32_t distance_max = 0);
};

class Incoming : public ListsByTarget {
 public:
  explicit Incoming(const MergedGraph& graph);
};

}  // namespace spex::lts
