// LevelPartition: how many observations it takes to tell two states apart.
//
// States are related at level 0. They are related at level k + 1 if they are
// at level k and have the same { ([x], a, [y]) : s =tau*=> x -a-> y } with
// classes of level k, where a is not tau or [x] differs from [y]. This is
// the refinement behind formulas of least depth: J. Martens, J.F. Groote,
// "Minimal depth distinguishing formulas without until for branching
// bisimulation" (2024). For strong bisimilarity: { (a, [y]) : s -a-> y }.
//
// Only states whose observations may have changed are looked at again, and the
// largest part of a class keeps its number: a chain of n states costs n log n,
// not n^2. Observations are compared by 64-bit hashes: a formula built on a
// collision would fail formula_eval.h's check. Called by explanation.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lts/merged_graph.h"

namespace spex::lts {

class LevelPartition {
 public:
  // The graph must outlive it. `work_max` bounds the elementary steps.
  LevelPartition(const MergedGraph& graph, std::uint64_t work_max);

  // Refines level by level until the states differ, at most `level_max` times. The level at which they do;
  // nothing if they still do not, or the budget is spent.
  std::optional<std::uint32_t> refine_until_separated(StateId left, StateId right, std::uint32_t level_max);
  bool budget_spent() const { return work_left_ == 0; }
  std::uint64_t work_left() const { return work_left_; }

  // The class of `state` at a level that was computed.
  std::uint32_t class_at(StateId state, std::uint32_t level) const;
  // The least level at which they differ; kSame if at none that was computed.
  std::uint32_t separation(StateId a, StateId b) const;
  static constexpr std::uint32_t kSame = 0xFFFFFFFFU;

 private:
  using Element = std::uint64_t;  // class before, action, class after
  struct ClassInfo {
    std::uint32_t parent;  // the class it was split from
    std::uint32_t birth;   // at this level
    std::uint32_t begin;   // its states in states_
    std::uint32_t end;
  };
  struct Stored {
    std::uint32_t begin;
    std::uint32_t end;
    std::uint64_t hash;
  };

  struct Change {
    std::uint32_t class_id;
    std::uint64_t hash;
    StateId state;
  };

  void index_incoming();
  // One level; false if no class was split or the budget is spent.
  bool refine();
  // The hash of the state's observations.
  std::uint64_t observe(StateId state);
  // The stored observations of its tau successors: the greatest, or kNoStore.
  std::uint32_t collect_stored(StateId state);
  bool covers(std::uint32_t stored) const;
  void compact();
  void split_class(std::vector<Change>::const_iterator begin, std::vector<Change>::const_iterator end);
  void put(StateId state, std::uint32_t place);
  void make_class(std::uint32_t begin, std::uint32_t end, std::uint32_t parent);
  void find_dirty();
  void mark_dirty(StateId state);
  bool has_incoming_tau(StateId state) const { return in_tau_ends_[state] > in_begins_[state]; }
  void spend(std::uint64_t work) { work_left_ -= work < work_left_ ? work : work_left_; }
  Element element(std::uint32_t before, ActionId action, std::uint32_t after) const {
    return (std::uint64_t{before} << (action_bits_ + class_bits_)) | (std::uint64_t{action} << class_bits_) | after;
  }

  const MergedGraph& graph_;
  std::uint64_t work_left_;
  unsigned class_bits_;
  unsigned action_bits_;
  std::uint32_t level_ = 0;

  std::vector<std::uint32_t> class_of_;
  std::vector<std::uint64_t> hash_of_;  // of each state's observations; equal within a class
  std::vector<ClassInfo> classes_;
  std::vector<StateId> states_;  // by class
  std::vector<std::uint32_t> place_of_;
  // Sources by target, those of taus first.
  std::vector<std::uint32_t> in_begins_;
  std::vector<std::uint32_t> in_tau_ends_;
  std::vector<StateId> in_;
  // Observations of the states that a tau leads to.
  std::vector<std::uint32_t> stored_of_;
  std::vector<Stored> stored_;
  std::vector<Element> elements_;
  std::size_t compacted_size_ = 0;
  // Of the level under way.
  std::vector<StateId> dirty_;
  std::vector<bool> is_dirty_;
  std::vector<Change> changes_;
  std::vector<std::uint32_t> borders_;
  std::vector<StateId> renamed_;
  std::vector<Element> current_;
  std::vector<std::uint32_t> successors_stored_;
};

}  // namespace spex::lts
