// LocalRefinement: rounds of signatures that look only at states whose
// successors changed class.
//
// Takes over from signature.h when its rounds split little: a difference that
// travels along a chain of n states costs O(n) here, where whole rounds cost
// O(n^2). Systems with many inert taus may still make every round touch all
// states; so the work is limited, and refinement.h goes on from the partition
// reached. Signatures are as in signature.h and compared in full.
//
// Invariants between rounds, for every class of two or more states:
//  - its signature is that of each of its states but those that have an inert
//    tau and can do no more than the class can;
//  - a state for which that may have ceased to hold is in changed_ (with some that are alone in their class).
// A class that is split keeps its number for the states that were not looked
// at or still have its signature or, if there are none, for the largest part:
// only renamed states give their predecessors work.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "lts/merged_graph.h"
#include "lts/signature.h"
#include "lts/sources.h"
#include "lts/state_queue.h"

namespace spex::lts {

class LocalRefinement {
 public:
  // Goes on after `begun`. `work_max` bounds the elementary steps; 0: some per state and transition.
  LocalRefinement(const MergedGraph& graph, SignatureRound begun, std::uint64_t work_max = 0);

  // As SignatureRefinement::run(); `unsettled` when the work allowed is done.
  SignatureOutcome run(bool stop_when_separated);
  std::uint32_t rounds() const { return rounds_; }
  // Dense numberings of the classes now and one round earlier, in the relation that signature.h states. The object
  // is spent.
  SignatureClasses take_classes() &&;

 private:
  struct Class {
    std::uint32_t size;
    std::uint32_t parent;
    std::uint32_t heir;   // of a class that all states have left, while a round ends
    std::uint32_t begin;  // of its signature in arena_
    std::uint32_t end;
    std::uint32_t hash;
    bool has_signature;
  };

  void take_over(SignatureRound begun);
  void rename_signature(Class& named, std::span<const std::uint32_t> number_of);
  void pass_on(StateId moved);
  // Forgets all signatures, so that all states are looked at.
  void start_anew();
  void round();
  void examine(StateId state);
  std::uint32_t classify(std::uint32_t own, std::uint32_t candidate);
  bool has_signature(std::uint32_t class_id) const;
  bool contains_signature(std::uint32_t class_id) const;
  std::uint32_t find_or_add(std::uint32_t parent);
  void grow_index();
  void raise(StateId moved);
  void finish_round();
  void choose_heirs();
  void rename_in_signatures();
  void spend(std::uint64_t steps) { work_left_ -= std::min(steps, work_left_); }

  const MergedGraph& graph_;
  std::uint64_t work_left_;
  std::vector<std::uint32_t> class_of_;
  std::vector<std::uint32_t> next_;  // as class_of_, after the round under way
  std::vector<Class> classes_;       // some may be empty
  std::uint32_t first_new_ = 0;      // of classes_: those of the round
  Sources sources_;
  std::uint32_t rounds_ = 0;
  std::vector<SignatureElement> arena_;
  NumberSet signature_;
  StateQueue changed_;  // the states to look at, in this round or, after it, in the next
  std::vector<StateId> moved_;
  std::vector<std::uint32_t> index_;  // classes of the round by signature: class + 1; 0 is empty
  std::vector<std::uint32_t> used_slots_;
};

}  // namespace spex::lts
