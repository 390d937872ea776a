// LevelPartition: how many observations it takes to tell two states apart.
//
// States are related at level 0. They are related at level k + 1 if they are
// at level k and have the same { ([x], a, [y]) : s =tau*=> x -a-> y } with
// classes of level k, where a is not tau or [x] differs from [y]. This is
// the refinement behind formulas of least depth: J. Martens, J.F. Groote,
// "Minimal depth distinguishing formulas without until for branching
// bisimulation" (2024). For strong bisimilarity: { (a, [y]) : s -a-> y }.
//
// Computed for the states within a horizon only: level k for those that are at
// most K - k observations away from the initial states, K being the last level.
// Of these only the ones whose observations may have changed are looked at
// again, and the largest part of a class keeps its number: a chain of n states
// costs n log n, not n^2. Observations are compared by 64-bit hashes: a formula
// built on a collision would fail formula_eval.h's check. Called by
// explanation.cpp.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "lts/horizon.h"
#include "lts/merged_graph.h"
#include "lts/signature.h"
#include "lts/sources.h"
#include "lts/state_queue.h"

namespace spex::lts {

class LevelPartition {
 public:
  // Graph and horizon must outlive it. `work_max` bounds the elementary steps.
  LevelPartition(const MergedGraph& graph, const Horizon& horizon, std::uint64_t work_max);

  // Refines level by level, at most to the horizon's, until the initial states differ. The level at which they do;
  // nothing if they still do not, or the budget is spent.
  std::optional<std::uint32_t> refine_until_separated();
  bool budget_spent() const { return work_left_ == 0; }

  // The class of `state` at a level that was computed for it.
  std::uint32_t class_at(StateId state, std::uint32_t level) const;
  // The least level at which they differ; kSame if at none that was computed. What is more than the levels that were
  // computed for both means only: at none of these.
  std::uint32_t separation(StateId a, StateId b) const;
  static constexpr std::uint32_t kSame = 0xFFFFFFFFU;

 private:
  using Element = SignatureElement;  // class before, action, class after
  struct Origin {
    std::uint32_t parent;  // the class it was split from
    std::uint32_t birth;   // at this level
  };
  struct Class {
    std::uint64_t hash;   // of the observations of each of its states
    std::uint32_t begin;  // its states in states_
    std::uint32_t end;
    std::uint32_t first_group;
  };
  struct Stored {
    std::uint32_t begin;
    std::uint32_t end;
    std::uint64_t hash;
  };
  // The states of one class that have changed in the same way.
  struct Group {
    std::uint64_t hash;
    std::uint32_t class_id;
    std::uint32_t next;   // of the same class
    std::uint32_t slot;   // in group_index_
    std::uint32_t begin;  // in states_
    std::uint32_t end;
  };
  struct Change {
    StateId state;
    std::uint32_t group;
  };

  // One level; false if no class was split or the budget is spent.
  bool refine();
  bool look_at_changed();
  void look_at_actions();
  std::uint32_t store(std::uint64_t hash);
  void change(StateId state, std::uint64_t hash);
  // The hash of the state's observations.
  std::uint64_t observe(StateId state);
  std::uint64_t hash_of_current() const;
  // The stored observations of its tau successors: the greatest, or kNoStore.
  std::uint32_t collect_stored(StateId state);
  bool covers(std::uint32_t stored) const;
  void compact();
  std::uint32_t group_of(std::uint32_t class_id, std::uint64_t hash);
  void grow_group_index();
  void divide(std::uint32_t class_id);
  void make_class(std::uint32_t begin, std::uint32_t end, std::uint64_t hash, std::uint32_t parent);
  void move_changed();
  void put(StateId state, std::uint32_t place);
  void find_dirty();
  // If it matters for the level.
  void mark_dirty(StateId state, std::uint32_t level);
  // Whether its class has no other state.
  bool is_alone(StateId state) const {
    const Class& own = classes_[class_of_[state]];
    return own.end - own.begin == 1;
  }
  void spend(std::uint64_t work) { work_left_ -= work < work_left_ ? work : work_left_; }
  Element element(std::uint32_t before, ActionId action, std::uint32_t after) const {
    return (std::uint64_t{before} << (action_bits_ + class_bits_)) | (std::uint64_t{action} << class_bits_) | after;
  }

  const MergedGraph& graph_;
  const std::vector<std::uint32_t>& distances_;
  std::uint32_t level_max_;
  std::uint64_t work_left_;
  unsigned class_bits_;
  unsigned action_bits_;
  std::uint32_t level_ = 0;
  StateQueue dirty_;  // the states to look at, in this level or, after it, in the next

  std::vector<std::uint32_t> class_of_;
  std::vector<Origin> origins_;  // by class
  std::vector<Class> classes_;
  std::vector<StateId> states_;  // by class
  std::vector<std::uint32_t> place_of_;
  Sources sources_;  // those for which another level is needed
  // Observations of the states that a tau leads to.
  std::vector<bool> is_tau_target_;
  std::vector<std::uint32_t> stored_of_;
  std::vector<Stored> stored_;
  std::vector<Element> elements_;
  std::size_t compacted_size_ = 0;
  // Of the level under way.
  std::vector<Change> changes_;
  std::vector<Group> groups_;
  std::vector<std::uint32_t> changed_classes_;
  std::vector<std::uint32_t> group_index_;  // by class and hash: group + 1; 0 is empty
  std::vector<StateId> renamed_;
  NumberSet current_;
  std::vector<std::uint32_t> successors_stored_;
};

}  // namespace spex::lts
