// TransitionSets: the transitions grouped by source block, action and target
// constellation; a group is called a set here.
//
// The sets of one block form a list. A set is a range of one permutation, and
// within it the marked transitions come first; what the mark means is
// refinement.h's business. Transitions that leave a set all go to one new set
// until finish_moves(). Besides, counts how many transitions of one state
// share action and target constellation (R. Paige, R. Tarjan, "Three partition
// refinement algorithms", SIAM J. Comput. 1987).
#pragma once

#include <cstdint>
#include <vector>

#include "lts/partition.h"

namespace spex::lts {

struct TransitionSet {
  std::uint32_t begin;
  std::uint32_t marked_end;
  std::uint32_t end;
  SetId moved_to = kNone;  // where its transitions go until finish_moves()
  SetId next = kNone;
  SetId previous = kNone;
  SetId rest = kNone;    // with `guides`: same block and action, the other half of the constellation
  bool pending = false;  // its block may be unstable under it
  bool guides = false;   // and then under its rest, too
  bool alive = true;

  bool empty() const { return begin == end; }
};

class TransitionSets {
 public:
  TransitionSets(const MergedGraph& graph, Partition& partition);

  std::vector<TransitionSet> sets;
  std::vector<std::uint32_t> transitions;  // the permutation
  std::vector<SetId> set_of;
  std::vector<StateId> source_of;  // by transition

  StateId first_source(SetId set) const { return source_of[transitions[sets[set].begin]]; }
  ActionId action(SetId set) const { return graph_.transitions[transitions[sets[set].begin]].action; }

  void mark(std::uint32_t transition) {
    TransitionSet& set = sets[set_of[transition]];
    if (place_of_[transition] >= set.marked_end) put(transition, set.marked_end++);
  }
  void mark_all(SetId set) { sets[set].marked_end = sets[set].end; }
  void unmark_all(SetId set) { sets[set].marked_end = sets[set].begin; }

  // Moves the transition out of its set; the sets left so are in touched().
  void move(std::uint32_t transition) {
    const SetId from = set_of[transition];
    if (sets[from].moved_to == kNone) touch(from);
    TransitionSet& old = sets[from];
    TransitionSet& now = sets[old.moved_to];
    // [marked | others] [marked | others]: over the border between the two sets, staying in its part.
    const bool is_marked = place_of_[transition] < old.marked_end;
    if (is_marked) put(transition, --old.marked_end);
    put(transition, --old.end);
    now.begin = old.end;
    if (!is_marked && --now.marked_end != now.begin) put(transition, now.marked_end);
    set_of[transition] = old.moved_to;
  }
  const std::vector<SetId>& touched() const { return touched_; }
  void clear_touched();

  void link(SetId set, Block& block);
  void unlink(SetId set, Block& block);
  // The number may be used again.
  void release(SetId set) { free_.push_back(set); }

  // The target's block has become a constellation: the count for it is separate from that for the rest.
  void separate_count(std::uint32_t transition);
  // After all incoming transitions of the block.
  void finish_counts();
  // Whether its source has no transition with this action to the rest of the constellation; until the next
  // forget_lone_counts().
  bool is_lone(std::uint32_t transition) const { return (counts_[count_of_[transition]] & kLone) != 0; }
  void forget_lone_counts();

 private:
  static constexpr std::uint32_t kLone = 1U << 31U;
  static constexpr std::uint32_t kSeparating = 1U << 30U;
  struct Separation {
    std::uint32_t old_count;
    std::uint32_t new_count;
    std::uint32_t left;  // of the old
  };

  void make_sets(Partition& partition);
  void make_counts();
  void touch(SetId from);
  void put(std::uint32_t transition, std::uint32_t place) {
    const std::uint32_t other = transitions[place];
    const std::uint32_t old_place = place_of_[transition];
    transitions[old_place] = other;
    place_of_[other] = old_place;
    transitions[place] = transition;
    place_of_[transition] = place;
  }
  std::uint32_t new_count();

  const MergedGraph& graph_;
  std::vector<std::uint32_t> place_of_;
  std::vector<SetId> touched_;
  std::vector<SetId> free_;
  std::vector<std::uint32_t> count_of_;
  std::vector<std::uint32_t> counts_;
  std::vector<std::uint32_t> free_counts_;
  std::vector<Separation> separations_;
  std::vector<std::uint32_t> lone_counts_;
};

}  // namespace spex::lts
