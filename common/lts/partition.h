// Partition: the states in blocks, the blocks in constellations.
//
// A refinable partition (A. Valmari, P. Lehtinen, STACS 2008): one permutation
// of the states in which every block and every constellation is a range, so a
// part is taken out of a block in time proportional to the part. Used by
// refinement.h alone.
//
// Invariants: a block is [bottom states | others]; a bottom state has no inert
// tau (one inside its block); blocks of one constellation are neighbours.
#pragma once

#include <cstdint>
#include <vector>

#include "lts/merged_graph.h"

namespace spex::lts {

using BlockId = std::uint32_t;
using SetId = std::uint32_t;
inline constexpr std::uint32_t kNone = 0xFFFFFFFFU;

struct Block {
  std::uint32_t begin;
  std::uint32_t bottom_end;
  std::uint32_t end;
  std::uint32_t constellation;
  SetId first_set = kNone;    // of its outgoing transitions, see transition_sets.h
  SetId own_tau_set = kNone;  // the taus into its own constellation

  std::uint32_t size() const { return end - begin; }
  std::uint32_t bottom_count() const { return bottom_end - begin; }
};

class Partition {
 public:
  // `constellations` is coarser than `classes`; both are dense numberings.
  Partition(const MergedGraph& graph, std::vector<std::uint32_t> classes, std::uint32_t class_count,
            std::vector<std::uint32_t> constellations, std::uint32_t constellation_count);

  // Takes address space for all blocks there may be, so that growing never holds two arrays. Better late: what is not
  // written should not lie where something else was, which is in memory.
  void make_room();

  std::vector<Block> blocks;
  std::vector<std::uint32_t> block_of;
  std::vector<StateId> states;           // the permutation
  std::vector<std::uint32_t> place_of;   // its inverse
  std::vector<std::uint32_t> inert_out;  // how many inert taus leave the state

  bool is_bottom(StateId state) const { return inert_out[state] == 0; }

  // Moves a bottom state to place `place`, a bottom's place too.
  void swap_to(StateId state, std::uint32_t place) {
    const StateId other = states[place];
    const std::uint32_t old_place = place_of[state];
    states[old_place] = other;
    place_of[other] = old_place;
    states[place] = state;
    place_of[state] = place;
  }
  // `state` lost its last inert tau.
  void make_bottom(StateId state) { swap_to(state, blocks[block_of[state]].bottom_end++); }

  // Makes a new block of `bottoms` bottom states (the first ones of `block`, or the last) and `others`.
  BlockId take_out(BlockId block, std::uint32_t bottoms, bool first, const std::vector<StateId>& others);

  // A block with at most half the states of some constellation of several blocks, now a constellation of its
  // own; kNone if every constellation is one block.
  BlockId detach_small_block();

 private:
  struct Constellation {
    std::uint32_t begin;
    std::uint32_t end;
    bool waits;  // in split_
  };

  void make_ranges(std::uint32_t constellation_count);
  void exchange(std::uint32_t begin, std::uint32_t middle, std::uint32_t end);

  std::vector<Constellation> constellations_;
  std::vector<std::uint32_t> split_;  // constellations that may have several blocks
};

// The order of `keys` that sorts them, given an order to refine; stable counting sort.
void sort_by_key(std::vector<std::uint32_t>& order, std::uint32_t key_count, const auto& key_of) {
  std::vector<std::uint32_t> begins(key_count + std::size_t{1}, 0);
  for (const std::uint32_t item : order) ++begins[key_of(item) + std::size_t{1}];
  for (std::size_t i = 1; i < begins.size(); ++i) begins[i] += begins[i - 1];
  std::vector<std::uint32_t> sorted(order.size());
  for (const std::uint32_t item : order) sorted[begins[key_of(item)]++] = item;
  order = std::move(sorted);
}

}  // namespace spex::lts
