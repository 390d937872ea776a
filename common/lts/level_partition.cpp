#include "lts/level_partition.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "lts/signature.h"

namespace spex::lts {
namespace {

constexpr std::uint32_t kNoStore = 0xFFFFFFFFU;
constexpr std::size_t kGarbageAllowed = 1U << 20U;
// One of so many states is many: then going through all is quicker than sorting.
constexpr std::uint32_t kManyDirtyShare = 16;

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit of the result depends on every bit of both.
std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  std::uint64_t z = (hash ^ (value + 0x9E3779B97F4A7C15U)) + (hash << 7U);
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

}  // namespace

LevelPartition::LevelPartition(const MergedGraph& graph, std::uint64_t work_max)
    : graph_(graph),
      work_left_(work_max),
      class_bits_(static_cast<unsigned>(std::bit_width(graph.state_count))),
      action_bits_(static_cast<unsigned>(std::bit_width(graph.action_count))) {
  if (2 * class_bits_ + action_bits_ > 64) work_left_ = 0;  // an element would not fit
  const std::uint32_t count = graph.state_count;
  class_of_.assign(count, 0);
  hash_of_.assign(count, 0);
  classes_.push_back({0, 0, 0, count});
  states_.resize(count);
  std::iota(states_.begin(), states_.end(), 0U);
  place_of_ = states_;
  dirty_ = states_;
  is_dirty_.assign(count, true);
  if (graph.has_inert) stored_of_.assign(count, kNoStore);
  index_incoming();
}

void LevelPartition::index_incoming() {
  in_begins_.assign(graph_.state_count + std::size_t{2}, 0);
  for (const Transition& step : graph_.transitions) ++in_begins_[step.target + std::size_t{2}];
  for (std::size_t i = 2; i < in_begins_.size(); ++i) in_begins_[i] += in_begins_[i - 1];
  in_.resize(graph_.transitions.size());
  const auto insert = [&](bool taus) {
    for (StateId state = 0; state < graph_.state_count; ++state) {
      for (const Transition& step : graph_.outgoing(state)) {
        if ((step.action == kTau && graph_.has_inert) == taus) in_[in_begins_[step.target + std::size_t{1}]++] = state;
      }
    }
  };
  insert(true);
  in_tau_ends_.assign(in_begins_.begin() + 1, in_begins_.end() - 1);
  insert(false);
  in_begins_.pop_back();
}

std::optional<std::uint32_t> LevelPartition::refine_until_separated(StateId left, StateId right,
                                                                    std::uint32_t level_max) {
  while (level_ < level_max && refine()) {
    if (class_of_[left] != class_of_[right]) return level_;
  }
  return std::nullopt;
}

bool LevelPartition::refine() {
  ++level_;
  changes_.clear();
  renamed_.clear();
  // Lower numbers first: a tau leads from a higher to a lower one.
  for (const StateId state : dirty_) {
    if (work_left_ == 0) return false;
    const std::uint64_t hash = observe(state);
    is_dirty_[state] = false;
    if (hash != hash_of_[state]) changes_.push_back({class_of_[state], hash, state});
  }
  dirty_.clear();
  std::sort(changes_.begin(), changes_.end(), [](const Change& a, const Change& b) {
    return a.class_id != b.class_id ? a.class_id < b.class_id : a.hash < b.hash;
  });
  for (auto begin = changes_.cbegin(); begin != changes_.cend();) {
    const auto end =
        std::find_if(begin, changes_.cend(), [&](const Change& c) { return c.class_id != begin->class_id; });
    split_class(begin, end);
    begin = end;
  }
  if (elements_.size() > 2 * compacted_size_ + kGarbageAllowed) compact();
  find_dirty();
  return !renamed_.empty();
}

std::uint64_t LevelPartition::observe(StateId state) {
  const std::uint32_t own = class_of_[state];
  const auto row = graph_.outgoing(state);
  current_.clear();
  for (const Transition& step : row) {
    const std::uint32_t after = class_of_[step.target];
    if (graph_.has_inert && step.action == kTau && after == own) continue;
    current_.push_back(element(graph_.has_inert ? own : 0, step.action, after));
  }
  make_set(current_);
  spend(row.size() + 1);
  const bool has_tau = graph_.has_inert && !row.empty() && row.front().action == kTau;
  const std::uint32_t greatest = has_tau ? collect_stored(state) : kNoStore;
  if (greatest != kNoStore && covers(greatest)) {
    if (has_incoming_tau(state)) stored_of_[state] = greatest;
    return stored_[greatest].hash;
  }
  if (greatest != kNoStore) {
    for (const std::uint32_t stored : successors_stored_) {
      current_.insert(current_.end(), elements_.begin() + stored_[stored].begin,
                      elements_.begin() + stored_[stored].end);
    }
    make_set(current_);
  }
  spend(current_.size());
  std::uint64_t hash = current_.size() + 1;
  for (const Element e : current_) hash = mix(hash, e);
  if (graph_.has_inert && has_incoming_tau(state)) {
    stored_of_[state] = static_cast<std::uint32_t>(stored_.size());
    const auto begin = static_cast<std::uint32_t>(elements_.size());
    elements_.insert(elements_.end(), current_.begin(), current_.end());
    stored_.push_back({begin, static_cast<std::uint32_t>(elements_.size()), hash});
    if (elements_.size() > kNoStore - graph_.transitions.size()) work_left_ = 0;
  }
  return hash;
}

std::uint32_t LevelPartition::collect_stored(StateId state) {
  successors_stored_.clear();
  std::uint32_t greatest = kNoStore;
  const auto size_of = [&](std::uint32_t stored) { return stored_[stored].end - stored_[stored].begin; };
  for (const Transition& step : graph_.outgoing(state)) {
    if (step.action != kTau) break;
    const std::uint32_t stored = stored_of_[step.target];
    successors_stored_.push_back(stored);
    if (greatest == kNoStore || size_of(stored) > size_of(greatest)) greatest = stored;
  }
  std::sort(successors_stored_.begin(), successors_stored_.end());
  successors_stored_.erase(std::unique(successors_stored_.begin(), successors_stored_.end()), successors_stored_.end());
  for (const std::uint32_t stored : successors_stored_) spend(stored == greatest ? 1 : size_of(stored));
  return greatest;
}

// Whether the stored observations hold current_ and those of the other tau successors.
bool LevelPartition::covers(std::uint32_t greatest) const {
  const auto begin = elements_.begin() + stored_[greatest].begin;
  const auto end = elements_.begin() + stored_[greatest].end;
  const auto is_in = [&](Element e) { return std::binary_search(begin, end, e); };
  if (!std::all_of(current_.begin(), current_.end(), is_in)) return false;
  return std::all_of(successors_stored_.begin(), successors_stored_.end(), [&](std::uint32_t stored) {
    return stored == greatest ||
           std::all_of(elements_.begin() + stored_[stored].begin, elements_.begin() + stored_[stored].end, is_in);
  });
}

// Drops the stored observations that no state has any more.
void LevelPartition::compact() {
  std::vector<std::uint32_t> moved(stored_.size(), kNoStore);
  std::vector<Stored> stored;
  std::vector<Element> elements;
  for (std::uint32_t& id : stored_of_) {
    if (id == kNoStore) continue;
    if (moved[id] == kNoStore) {
      moved[id] = static_cast<std::uint32_t>(stored.size());
      const auto begin = static_cast<std::uint32_t>(elements.size());
      elements.insert(elements.end(), elements_.begin() + stored_[id].begin, elements_.begin() + stored_[id].end);
      stored.push_back({begin, static_cast<std::uint32_t>(elements.size()), stored_[id].hash});
    }
    id = moved[id];
  }
  stored_ = std::move(stored);
  elements_ = std::move(elements);
  compacted_size_ = elements_.size();
}

void LevelPartition::put(StateId state, std::uint32_t place) {
  const StateId other = states_[place];
  states_[place_of_[state]] = other;
  place_of_[other] = place_of_[state];
  states_[place] = state;
  place_of_[state] = place;
}

void LevelPartition::make_class(std::uint32_t begin, std::uint32_t end, std::uint32_t parent) {
  const auto id = static_cast<std::uint32_t>(classes_.size());
  classes_.push_back({parent, level_, begin, end});
  for (std::uint32_t place = begin; place < end; ++place) {
    class_of_[states_[place]] = id;
    renamed_.push_back(states_[place]);
  }
}

// The changes are those of one class, by hash. Parts: [unchanged | one for each hash]; the largest keeps the number.
void LevelPartition::split_class(std::vector<Change>::const_iterator begin, std::vector<Change>::const_iterator end) {
  const std::uint32_t id = begin->class_id;
  const ClassInfo old = classes_[id];
  const std::uint32_t unchanged_end = old.end - static_cast<std::uint32_t>(end - begin);
  std::uint32_t place = unchanged_end;
  std::vector<std::uint32_t>& borders = borders_;
  borders.assign(1, old.begin);
  if (unchanged_end > old.begin) borders.push_back(unchanged_end);
  for (auto it = begin; it != end; ++it) {
    put(it->state, place++);
    hash_of_[it->state] = it->hash;
    if (std::next(it) == end || std::next(it)->hash != it->hash) borders.push_back(place);
  }
  std::size_t largest = 0;
  for (std::size_t i = 0; i + 1 < borders.size(); ++i) {
    if (borders[i + 1] - borders[i] > borders[largest + 1] - borders[largest]) largest = i;
  }
  classes_[id].begin = borders[largest];
  classes_[id].end = borders[largest + 1];
  for (std::size_t i = 0; i + 1 < borders.size(); ++i) {
    if (i != largest) make_class(borders[i], borders[i + 1], id);
  }
}

void LevelPartition::mark_dirty(StateId state) {
  if (is_dirty_[state]) return;
  is_dirty_[state] = true;
  dirty_.push_back(state);
}

// The states whose observations name a class that some state has left: its sources and, before it, itself; and what
// comes to those by taus.
void LevelPartition::find_dirty() {
  for (const StateId state : renamed_) {
    if (graph_.has_inert) mark_dirty(state);
    spend(in_begins_[state + std::size_t{1}] - in_begins_[state] + 1);
    for (std::uint32_t i = in_begins_[state]; i < in_begins_[state + std::size_t{1}]; ++i) mark_dirty(in_[i]);
  }
  for (std::size_t i = 0; i < dirty_.size(); ++i) {
    const StateId state = dirty_[i];
    for (std::uint32_t k = in_begins_[state]; k < in_tau_ends_[state]; ++k) mark_dirty(in_[k]);
  }
  if (dirty_.size() < graph_.state_count / kManyDirtyShare) {
    std::sort(dirty_.begin(), dirty_.end());
    return;
  }
  dirty_.clear();
  for (StateId state = 0; state < graph_.state_count; ++state) {
    if (is_dirty_[state]) dirty_.push_back(state);
  }
}

std::uint32_t LevelPartition::class_at(StateId state, std::uint32_t level) const {
  std::uint32_t id = class_of_[state];
  while (classes_[id].birth > level) id = classes_[id].parent;
  return id;
}

std::uint32_t LevelPartition::separation(StateId a, StateId b) const {
  std::uint32_t left = class_of_[a];
  std::uint32_t right = class_of_[b];
  std::uint32_t level = kSame;
  while (left != right) {
    std::uint32_t& later = classes_[left].birth >= classes_[right].birth ? left : right;
    level = classes_[later].birth;
    later = classes_[later].parent;
  }
  return level;
}

}  // namespace spex::lts
