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
  make_counts();
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
  const auto block_count = static_cast<std::uint32_t>(partition.blocks.size());
  const std::uint64_t row_count = std::uint64_t{block_count} * graph_.action_count;
  if (row_count < transitions.size() && row_count * constellation_count < transitions.size()) {
    sort_by_key(transitions, static_cast<std::uint32_t>(row_count) * constellation_count, [&](std::uint32_t t) {
      return (block_of(t) * graph_.action_count + action_of(t)) * constellation_count + constellation_of(t);
    });
  } else {
    sort_by_key(transitions, constellation_count, constellation_of);
    sort_by_key(transitions, graph_.action_count, action_of);
    sort_by_key(transitions, block_count, block_of);
  }
  place_of_.resize(transitions.size());
  set_of.resize(transitions.size());
  count_of_.resize(transitions.size());
  // Address space, see Partition::make_room().
  counts_.reserve(transitions.size());
  sets.reserve(transitions.size());
  std::uint32_t last_block = kNone;
  std::uint32_t last_action = 0;
  std::uint32_t last_constellation = 0;
  for (std::uint32_t place = 0; place < transitions.size(); ++place) {
    const std::uint32_t here = transitions[place];
    const std::uint32_t id = block_of(here);
    const std::uint32_t constellation = constellation_of(here);
    if (id != last_block || action_of(here) != last_action || constellation != last_constellation) {
      Block& block = partition.blocks[id];
      const SetId set = static_cast<SetId>(sets.size());
      sets.push_back({place, place, place});
      link(set, block);
      const bool own_tau = graph_.has_inert && action_of(here) == kTau && constellation == block.constellation;
      if (own_tau) block.own_tau_set = set;
      last_block = id;
      last_action = action_of(here);
      last_constellation = constellation;
    }
    place_of_[here] = place;
    set_of[here] = static_cast<SetId>(sets.size() - 1);
    sets.back().end = place + 1;
  }
}

// The transitions of one state that are in one set have a count.
void TransitionSets::make_counts() {
  struct Last {
    StateId source = kNoState;
    std::uint32_t count = 0;
  };
  std::vector<Last> last(sets.size());
  for (std::uint32_t transition = 0; transition < source_of.size(); ++transition) {
    Last& known = last[set_of[transition]];
    if (known.source != source_of[transition]) {
      known = {source_of[transition], static_cast<std::uint32_t>(counts_.size())};
      counts_.push_back(0);
    }
    count_of_[transition] = known.count;
    ++counts_[known.count];
  }
}

// Where the transitions of `from` go from now on.
void TransitionSets::touch(SetId from) {
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
