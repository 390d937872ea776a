#include "lts/partition.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/assert.h"

namespace spex::lts {

Partition::Partition(const MergedGraph& graph, std::vector<std::uint32_t> classes, std::uint32_t class_count,
                     std::vector<std::uint32_t> constellations, std::uint32_t constellation_count)
    : block_of(std::move(classes)), inert_out(graph.state_count, 0) {
  blocks.assign(class_count, {0, 0, 0, 0});
  for (StateId state = 0; state < graph.state_count; ++state) {
    Block& block = blocks[block_of[state]];
    for (const Transition& step : graph.outgoing(state)) {
      if (step.action != kTau || !graph.has_inert) break;
      if (block_of[step.target] == block_of[state]) ++inert_out[state];
    }
    block.constellation = constellations[state];
    ++block.end;
    if (is_bottom(state)) ++block.bottom_end;
  }
  constellations = {};
  make_ranges(constellation_count);
  // Where the next bottom state of each block goes, and the next other one.
  std::vector<std::uint32_t> places(2 * std::size_t{class_count});
  for (BlockId id = 0; id < class_count; ++id) {
    places[2 * std::size_t{id}] = blocks[id].begin;
    places[2 * std::size_t{id} + 1] = blocks[id].bottom_end;
  }
  states.resize(graph.state_count);
  place_of.resize(graph.state_count);
  for (StateId state = 0; state < graph.state_count; ++state) {
    place_of[state] = places[2 * std::size_t{block_of[state]} + (is_bottom(state) ? 0U : 1U)]++;
    states[place_of[state]] = state;
  }
}

void Partition::make_room() {
  blocks.reserve(states.size());
  constellations_.reserve(states.size());
}

// The blocks have `end` states, of which `bottom_end` are bottom: gives them their places, those of one constellation
// side by side.
void Partition::make_ranges(std::uint32_t constellation_count) {
  std::vector<BlockId> order(blocks.size());
  std::iota(order.begin(), order.end(), 0U);
  sort_by_key(order, constellation_count, [&](BlockId id) { return blocks[id].constellation; });
  constellations_.assign(constellation_count, {kNone, 0, true});
  std::uint32_t place = 0;
  for (const BlockId id : order) {
    Block& block = blocks[id];
    block.begin = place;
    block.bottom_end += place;
    place = block.end += place;
    Constellation& constellation = constellations_[block.constellation];
    constellation.begin = std::min(constellation.begin, block.begin);
    constellation.end = block.end;
  }
  split_.resize(constellation_count);
  std::iota(split_.begin(), split_.end(), 0U);
}

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
