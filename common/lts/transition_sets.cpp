#include "lts/transition_sets.h"

#include <algorithm>
#include <numeric>

#include "base/assert.h"

namespace spex::lts {

TransitionSets::TransitionSets(const MergedGraph& graph, Partition& partition) : graph_(graph) {
  SPEX_ASSERT(graph.transitions.size() < kSeparating);
  source_of.resize(graph.transitions.size());
  for (StateId state = 0; state < graph.state_count; ++state) {
    std::fill(source_of.begin() + graph.row_begins[state], source_of.begin() + graph.row_begins[state + std::size_t{1}],
              state);
  }
  make_sets(partition);
  make_counts(partition);
}

void TransitionSets::make_sets(Partition& partition) {
  const auto constellation_of = [&](std::uint32_t transition) {
    return partition.blocks[partition.block_of[graph_.transitions[transition].target]].constellation;
  };
  const auto action_of = [&](std::uint32_t transition) { return graph_.transitions[transition].action; };
  const auto block_of = [&](std::uint32_t transition) { return partition.block_of[source_of[transition]]; };
  std::uint32_t constellation_count = 0;
  for (const Block& block : partition.blocks)
    constellation_count = std::max(constellation_count, block.constellation + 1);
  transitions.resize(source_of.size());
  std::iota(transitions.begin(), transitions.end(), 0U);
  sort_by_key(transitions, constellation_count, constellation_of);
  sort_by_key(transitions, graph_.action_count, action_of);
  sort_by_key(transitions, static_cast<std::uint32_t>(partition.blocks.size()), block_of);
  sets.reserve(transitions.size());  // address space: what is not used costs nothing, and growing never holds two
  place_of_.resize(transitions.size());
  set_of.resize(transitions.size());
  for (std::uint32_t place = 0; place < transitions.size(); ++place) {
    const std::uint32_t here = transitions[place];
    place_of_[here] = place;
    Block& block = partition.blocks[block_of(here)];
    const std::uint32_t before = place == 0 ? kNone : transitions[place - 1];
    if (before == kNone || block_of(before) != block_of(here) || action_of(before) != action_of(here) ||
        constellation_of(before) != constellation_of(here)) {
      const SetId id = static_cast<SetId>(sets.size());
      sets.push_back({place, place, place});
      link(id, block);
      const bool own_tau = graph_.has_inert && action_of(here) == kTau && constellation_of(here) == block.constellation;
      if (own_tau) block.own_tau_set = id;
    }
    set_of[here] = static_cast<SetId>(sets.size() - 1);
    sets.back().end = place + 1;
  }
}

void TransitionSets::make_counts(const Partition& partition) {
  count_of_.resize(source_of.size());
  counts_.reserve(source_of.size());
  // The count of (state, action, constellation) under way, by constellation.
  std::vector<std::uint32_t> current(partition.blocks.size(), kNone);
  std::vector<std::uint32_t> used;
  for (std::uint32_t transition = 0; transition < source_of.size(); ++transition) {
    const bool same_group = transition > 0 && source_of[transition - 1] == source_of[transition] &&
                            graph_.transitions[transition - 1].action == graph_.transitions[transition].action;
    if (!same_group) {
      for (const std::uint32_t constellation : used) current[constellation] = kNone;
      used.clear();
    }
    const std::uint32_t constellation =
        partition.blocks[partition.block_of[graph_.transitions[transition].target]].constellation;
    if (current[constellation] == kNone) {
      current[constellation] = static_cast<std::uint32_t>(counts_.size());
      counts_.push_back(0);
      used.push_back(constellation);
    }
    count_of_[transition] = current[constellation];
    ++counts_[current[constellation]];
  }
}

void TransitionSets::put(std::uint32_t transition, std::uint32_t place) {
  const std::uint32_t other = transitions[place];
  const std::uint32_t old_place = place_of_[transition];
  transitions[old_place] = other;
  place_of_[other] = old_place;
  transitions[place] = transition;
  place_of_[transition] = place;
}

void TransitionSets::mark(std::uint32_t transition) {
  TransitionSet& set = sets[set_of[transition]];
  if (place_of_[transition] >= set.marked_end) put(transition, set.marked_end++);
}

void TransitionSets::move(std::uint32_t transition) {
  const SetId from = set_of[transition];
  if (sets[from].moved_to == kNone) {
    const std::uint32_t end = sets[from].end;
    SetId id = kNone;
    if (free_.empty()) {
      id = static_cast<SetId>(sets.size());
      sets.push_back({end, end, end});
    } else {
      id = free_.back();
      free_.pop_back();
      sets[id] = {end, end, end};
    }
    sets[from].moved_to = id;
    touched_.push_back(from);
  }
  TransitionSet& old = sets[from];
  TransitionSet& now = sets[old.moved_to];
  // [marked | others] [marked | others]: over the border between the two sets, staying in its part.
  const bool is_marked = place_of_[transition] < old.marked_end;
  if (is_marked) put(transition, --old.marked_end);
  put(transition, --old.end);
  now.begin = old.end;
  if (!is_marked) put(transition, --now.marked_end);
  set_of[transition] = old.moved_to;
}

void TransitionSets::clear_touched() {
  for (const SetId set : touched_) sets[set].moved_to = kNone;
  touched_.clear();
}

void TransitionSets::link(SetId set, Block& block) {
  sets[set].previous = kNone;
  sets[set].next = block.first_set;
  if (block.first_set != kNone) sets[block.first_set].previous = set;
  block.first_set = set;
}

void TransitionSets::unlink(SetId set, Block& block) {
  const TransitionSet& gone = sets[set];
  if (gone.previous == kNone) {
    block.first_set = gone.next;
  } else {
    sets[gone.previous].next = gone.next;
  }
  if (gone.next != kNone) sets[gone.next].previous = gone.previous;
}

std::uint32_t TransitionSets::new_count() {
  if (free_counts_.empty()) {
    counts_.push_back(0);
    return static_cast<std::uint32_t>(counts_.size() - 1);
  }
  const std::uint32_t count = free_counts_.back();
  free_counts_.pop_back();
  counts_[count] = 0;
  return count;
}

// While a count is being separated it holds the place in separations_.
void TransitionSets::separate_count(std::uint32_t transition) {
  const std::uint32_t old = count_of_[transition];
  if (counts_[old] == 1) {
    counts_[old] |= kLone;  // the only one: its count becomes that of the new constellation
    lone_counts_.push_back(old);
    return;
  }
  if ((counts_[old] & kSeparating) == 0) {
    const std::uint32_t created = new_count();
    separations_.push_back({old, created, counts_[old]});
    counts_[old] = kSeparating | static_cast<std::uint32_t>(separations_.size() - 1);
  }
  Separation& separation = separations_[counts_[old] & ~kSeparating];
  --separation.left;
  ++counts_[separation.new_count];
  count_of_[transition] = separation.new_count;
}

void TransitionSets::finish_counts() {
  for (const Separation& separation : separations_) {
    counts_[separation.old_count] = separation.left;
    if (separation.left > 0) continue;
    free_counts_.push_back(separation.old_count);
    counts_[separation.new_count] |= kLone;
    lone_counts_.push_back(separation.new_count);
  }
  separations_.clear();
}

void TransitionSets::forget_lone_counts() {
  for (const std::uint32_t count : lone_counts_) counts_[count] &= ~kLone;
  lone_counts_.clear();
}

}  // namespace spex::lts
