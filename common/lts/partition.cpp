#include "lts/partition.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/assert.h"

namespace spex::lts {

Partition::Partition(const MergedGraph& graph, std::vector<std::uint32_t> classes_taken, std::uint32_t class_count,
                     const std::vector<std::uint32_t>& constellations, std::uint32_t constellation_count)
    : block_of(std::move(classes_taken)), inert_out(graph.state_count, 0) {
  const std::vector<std::uint32_t>& classes = block_of;
  for (StateId state = 0; state < graph.state_count && graph.has_inert; ++state) {
    for (const Transition& step : graph.outgoing(state)) {
      if (step.action != kTau) break;
      if (classes[step.target] == classes[state]) ++inert_out[state];
    }
  }
  states.resize(graph.state_count);
  std::iota(states.begin(), states.end(), 0U);
  sort_by_key(states, 2, [&](StateId state) { return is_bottom(state) ? 0U : 1U; });
  sort_by_key(states, class_count, [&](StateId state) { return classes[state]; });
  sort_by_key(states, constellation_count, [&](StateId state) { return constellations[state]; });
  place_of.resize(states.size());
  blocks.reserve(graph.state_count);  // address space, so that growing never holds two
  blocks.assign(class_count, {kNone, 0, 0, 0});
  constellations_.reserve(graph.state_count);
  constellations_.assign(constellation_count, {kNone, 0, true});
  for (std::uint32_t place = 0; place < states.size(); ++place) {
    const StateId state = states[place];
    place_of[state] = place;
    Block& block = blocks[classes[state]];
    if (block.begin == kNone) block.begin = block.bottom_end = place;
    if (is_bottom(state)) block.bottom_end = place + 1;
    block.end = place + 1;
    block.constellation = constellations[state];
    Constellation& constellation = constellations_[block.constellation];
    constellation.begin = std::min(constellation.begin, place);
    constellation.end = place + 1;
  }
  split_.resize(constellation_count);
  std::iota(split_.begin(), split_.end(), 0U);
}

void Partition::swap_to(StateId state, std::uint32_t place) {
  const StateId other = states[place];
  const std::uint32_t old_place = place_of[state];
  states[old_place] = other;
  place_of[other] = old_place;
  states[place] = state;
  place_of[state] = place;
}

void Partition::make_bottom(StateId state) { swap_to(state, blocks[block_of[state]].bottom_end++); }

// The two ranges change places; neither keeps its order.
void Partition::exchange(std::uint32_t begin, std::uint32_t middle, std::uint32_t end) {
  const std::uint32_t count = std::min(middle - begin, end - middle);
  for (std::uint32_t i = 0; i < count; ++i) swap_to(states[begin + i], end - 1 - i);
}

BlockId Partition::take_out(BlockId block, std::uint32_t bottoms, bool first, const std::vector<StateId>& others) {
  Block& old = blocks[block];
  std::uint32_t others_begin = old.end;
  for (const StateId state : others) swap_to(state, --others_begin);
  if (first) exchange(old.begin, old.begin + bottoms, old.bottom_end);
  // [bottoms that stay | that go | others that stay | that go]: the middle two change places.
  exchange(old.bottom_end - bottoms, old.bottom_end, others_begin);
  const Block taken{others_begin - bottoms, others_begin, old.end, old.constellation};
  old.bottom_end -= bottoms;
  old.end = taken.begin;
  const BlockId id = static_cast<BlockId>(blocks.size());
  for (std::uint32_t place = taken.begin; place < taken.end; ++place) block_of[states[place]] = id;
  Constellation& constellation = constellations_[taken.constellation];
  if (!constellation.waits) {
    constellation.waits = true;
    split_.push_back(taken.constellation);
  }
  blocks.push_back(taken);  // invalidates `old`
  return id;
}

BlockId Partition::detach_small_block() {
  while (!split_.empty()) {
    Constellation& constellation = constellations_[split_.back()];
    const BlockId first = block_of[states[constellation.begin]];
    const BlockId last = block_of[states[constellation.end - 1]];
    if (first == last) {
      constellation.waits = false;
      split_.pop_back();
      continue;
    }
    const BlockId small = blocks[first].size() <= blocks[last].size() ? first : last;
    (small == first ? constellation.begin : constellation.end) =
        small == first ? blocks[small].end : blocks[small].begin;
    blocks[small].constellation = static_cast<std::uint32_t>(constellations_.size());
    constellations_.push_back({blocks[small].begin, blocks[small].end, false});  // invalidates `constellation`
    return small;
  }
  return kNone;
}

}  // namespace spex::lts
