#include "lts/level_partition.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

namespace spex::lts {
namespace {

constexpr std::uint32_t kNoStore = 0xFFFFFFFFU;
constexpr std::size_t kGarbageAllowed = 1U << 20U;
constexpr std::uint32_t kNoGroup = 0xFFFFFFFFU;
constexpr std::uint32_t kActionsInWord = 64;
// At so many levels all states are looked at.
constexpr std::uint32_t kLevelsOfAll = 2;

// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit of the result depends on every bit of both.
std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  std::uint64_t z = (hash ^ (value + 0x9E3779B97F4A7C15U)) + (hash << 7U);
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

}  // namespace

LevelPartition::LevelPartition(const MergedGraph& graph, const Horizon& horizon, std::uint64_t work_max)
    : graph_(graph),
      distances_(horizon.distances()),
      level_max_(std::min(horizon.level_max(), graph.state_count + 1)),
      work_left_(work_max),
      class_bits_(static_cast<unsigned>(std::bit_width(graph.state_count))),
      action_bits_(static_cast<unsigned>(std::bit_width(graph.action_count))),
      dirty_(graph.state_count) {
  if (2 * class_bits_ + action_bits_ > 64) work_left_ = 0;  // an element would not fit
  const std::uint32_t count = graph.state_count;
  class_of_.assign(count, 0);
  place_of_.resize(count);
  for (StateId state = 0; state < count; ++state) {
    if (distances_[state] >= level_max_) continue;
    place_of_[state] = static_cast<std::uint32_t>(states_.size());
    states_.push_back(state);
    if (graph.action_count > kActionsInWord) dirty_.insert(state);
  }
  classes_.push_back({0, 0, static_cast<std::uint32_t>(states_.size()), kNoGroup});
  origins_.push_back({0, 0});
  if (!graph.has_inert) return;
  elements_.reserve(graph.transitions.size() + graph.transitions.size() / 2);  // growing would hold two
  stored_of_.assign(count, kNoStore);
  is_tau_target_.assign(count, false);
  for (const StateId state : states_) {
    for (const Transition& step : graph.outgoing(state)) {
      if (step.action != kTau) break;
      is_tau_target_[step.target] = true;
    }
  }
}

std::optional<std::uint32_t> LevelPartition::refine_until_separated() {
  while (level_ < level_max_ && refine()) {
    if (class_of_[graph_.left_initial] != class_of_[graph_.right_initial]) return level_;
    if (level_ < level_max_) find_dirty();
  }
  return std::nullopt;
}

bool LevelPartition::refine() {
  ++level_;
  changes_.clear();
  groups_.clear();
  renamed_.clear();
  if (level_ == 1 && graph_.action_count <= kActionsInWord) {
    look_at_actions();
  } else if (!look_at_changed()) {
    return false;
  }
  changed_classes_.clear();
  for (const Group& group : groups_) {
    group_index_[group.slot] = 0;
    if (group.next == kNoGroup) changed_classes_.push_back(group.class_id);
  }
  for (const std::uint32_t class_id : changed_classes_) divide(class_id);
  move_changed();
  if (elements_.size() > 2 * compacted_size_ + kGarbageAllowed) compact();
  return !renamed_.empty();
}

// False if the budget is spent.
bool LevelPartition::look_at_changed() {
  while (!dirty_.empty()) {
    if (work_left_ == 0) return false;
    const StateId state = dirty_.take_least();
    if (level_ > kLevelsOfAll) {
      for (const StateId source : sources_.by_tau(state)) mark_dirty(source, level_);
    }
    const std::uint64_t hash = observe(state);
    if (hash != classes_[class_of_[state]].hash && !is_alone(state)) change(state, hash);
  }
  return true;
}

// Level 1, where an observation is its action: those of a state are the bits of a word.
void LevelPartition::look_at_actions() {
  std::vector<std::uint64_t> actions(graph_.state_count, 0);
  for (const StateId state : states_) {
    for (const Transition& step : graph_.outgoing(state)) {
      const bool silent = graph_.has_inert && step.action == kTau;
      actions[state] |= silent ? actions[step.target] : std::uint64_t{1} << step.action;
    }
    change(state, actions[state]);
  }
  spend(graph_.transitions.size() + states_.size());
  std::vector<std::uint32_t> stored_of_group;
  for (Group& group : groups_) {
    Element* end = current_.start(kActionsInWord);
    for (std::uint64_t left = group.hash; left != 0; left &= left - 1) {
      *end++ = element(0, static_cast<ActionId>(std::countr_zero(left)), 0);
    }
    current_.finish(end);
    group.hash = hash_of_current();
    if (graph_.has_inert) stored_of_group.push_back(store(group.hash));
  }
  for (const Change& change : changes_) {
    if (graph_.has_inert && is_tau_target_[change.state]) stored_of_[change.state] = stored_of_group[change.group];
  }
}

// The state has other observations than its class.
void LevelPartition::change(StateId state, std::uint64_t hash) {
  const std::uint32_t group = group_of(class_of_[state], hash);
  ++groups_[group].end;  // counts, as yet
  changes_.push_back({state, group});
}

std::uint64_t LevelPartition::hash_of_current() const {
  std::uint64_t hash = current_.size() + 1;
  for (const Element e : current_.numbers()) hash = mix(hash, e);
  return hash;
}

// Keeps current_ for the sources of a tau.
std::uint32_t LevelPartition::store(std::uint64_t hash) {
  const bool is_full = elements_.size() + current_.size() > elements_.capacity();
  if (is_full && elements_.size() > compacted_size_ + compacted_size_ / 2) compact();
  const auto begin = static_cast<std::uint32_t>(elements_.size());
  elements_.insert(elements_.end(), current_.numbers().begin(), current_.numbers().end());
  stored_.push_back({begin, static_cast<std::uint32_t>(elements_.size()), hash});
  if (elements_.size() > kNoStore - graph_.transitions.size()) work_left_ = 0;
  return static_cast<std::uint32_t>(stored_.size() - 1);
}

std::uint64_t LevelPartition::observe(StateId state) {
  const std::uint32_t own = class_of_[state];
  const auto row = graph_.outgoing(state);
  Element* end = current_.start(row.size());
  for (const Transition& step : row) {
    const std::uint32_t after = class_of_[step.target];
    if (graph_.has_inert && step.action == kTau && after == own) continue;
    *end++ = element(graph_.has_inert ? own : 0, step.action, after);
  }
  current_.finish(end);
  spend(row.size() + 1);
  const bool has_tau = graph_.has_inert && !row.empty() && row.front().action == kTau;
  const std::uint32_t greatest = has_tau ? collect_stored(state) : kNoStore;
  if (greatest != kNoStore && covers(greatest)) {
    stored_of_[state] = greatest;
    return stored_[greatest].hash;
  }
  if (greatest != kNoStore) {
    for (const std::uint32_t stored : successors_stored_) {
      current_.unite({elements_.data() + stored_[stored].begin, elements_.data() + stored_[stored].end});
    }
  }
  spend(current_.size());
  const std::uint64_t hash = hash_of_current();
  if (graph_.has_inert && is_tau_target_[state]) stored_of_[state] = store(hash);
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
  if (!std::ranges::all_of(current_.numbers(), is_in)) return false;
  return std::all_of(successors_stored_.begin(), successors_stored_.end(), [&](std::uint32_t stored) {
    return stored == greatest ||
           std::all_of(elements_.begin() + stored_[stored].begin, elements_.begin() + stored_[stored].end, is_in);
  });
}

// Drops the stored observations that no state has any more. They lie in the order of their numbers.
void LevelPartition::compact() {
  std::vector<std::uint32_t> moved(stored_.size(), kNoStore);
  for (const std::uint32_t id : stored_of_) {
    if (id != kNoStore) moved[id] = 0;
  }
  std::uint32_t kept = 0;
  auto place = elements_.begin();
  for (std::uint32_t id = 0; id < moved.size(); ++id) {
    if (moved[id] == kNoStore) continue;
    const Stored old = stored_[id];
    const auto begin = static_cast<std::uint32_t>(place - elements_.begin());
    place = std::copy(elements_.begin() + old.begin, elements_.begin() + old.end, place);
    stored_[kept] = {begin, static_cast<std::uint32_t>(place - elements_.begin()), old.hash};
    moved[id] = kept++;
  }
  stored_.resize(kept);
  elements_.erase(place, elements_.end());
  compacted_size_ = elements_.size();
  for (std::uint32_t& id : stored_of_) {
    if (id != kNoStore) id = moved[id];
  }
}

std::uint32_t LevelPartition::group_of(std::uint32_t class_id, std::uint64_t hash) {
  if (2 * (groups_.size() + 1) > group_index_.size()) grow_group_index();
  const std::size_t mask = group_index_.size() - 1;
  std::size_t slot = (hash ^ class_id) & mask;
  for (; group_index_[slot] != 0; slot = (slot + 1) & mask) {
    const Group& known = groups_[group_index_[slot] - 1];
    if (known.hash == hash && known.class_id == class_id) return group_index_[slot] - 1;
  }
  const auto id = static_cast<std::uint32_t>(groups_.size());
  groups_.push_back({hash, class_id, classes_[class_id].first_group, static_cast<std::uint32_t>(slot), 0, 0});
  classes_[class_id].first_group = id;
  group_index_[slot] = id + 1;
  return id;
}

void LevelPartition::grow_group_index() {
  group_index_.assign(std::max<std::size_t>(64, group_index_.size() * 2), 0);
  const std::size_t mask = group_index_.size() - 1;
  for (std::uint32_t id = 0; id < groups_.size(); ++id) {
    std::size_t slot = (groups_[id].hash ^ groups_[id].class_id) & mask;
    while (group_index_[slot] != 0) slot = (slot + 1) & mask;
    group_index_[slot] = id + 1;
    groups_[id].slot = static_cast<std::uint32_t>(slot);
  }
}

// Gives each part of the class a range: [unchanged | one for each group]. The largest keeps the number.
void LevelPartition::divide(std::uint32_t class_id) {
  const Class old = classes_[class_id];
  std::uint32_t place = old.end;
  std::uint32_t largest = old.first_group;
  for (std::uint32_t id = old.first_group; id != kNoGroup; id = groups_[id].next) {
    Group& group = groups_[id];
    const std::uint32_t size = group.end;
    group.end = place;
    group.begin = place -= size;
    if (size > groups_[largest].end - groups_[largest].begin) largest = id;
  }
  classes_[class_id].first_group = kNoGroup;
  const Group heir = groups_[largest];
  const bool stays = place - old.begin >= heir.end - heir.begin;
  classes_[class_id].begin = stays ? old.begin : heir.begin;
  classes_[class_id].end = stays ? place : heir.end;
  if (!stays) {
    classes_[class_id].hash = heir.hash;
    if (place > old.begin) make_class(old.begin, place, old.hash, class_id);
  }
  for (std::uint32_t id = old.first_group; id != kNoGroup; id = groups_[id].next) {
    const Group& group = groups_[id];
    if (stays || id != largest) make_class(group.begin, group.end, group.hash, class_id);
  }
}

void LevelPartition::make_class(std::uint32_t begin, std::uint32_t end, std::uint64_t hash, std::uint32_t parent) {
  classes_.push_back({hash, begin, end, kNoGroup});
  origins_.push_back({parent, level_});
}

// Puts the changed states where divide() has made room, and all parts that are new under their numbers.
void LevelPartition::move_changed() {
  for (Group& group : groups_) group.end = group.begin;
  for (const Change& change : changes_) put(change.state, groups_[change.group].end++);
  for (auto id = static_cast<std::uint32_t>(classes_.size()); id-- > 0 && origins_[id].birth == level_;) {
    for (std::uint32_t place = classes_[id].begin; place < classes_[id].end; ++place) {
      class_of_[states_[place]] = id;
      renamed_.push_back(states_[place]);
    }
  }
}

void LevelPartition::put(StateId state, std::uint32_t place) {
  const StateId other = states_[place];
  states_[place_of_[state]] = other;
  place_of_[other] = place_of_[state];
  states_[place] = state;
  place_of_[state] = place;
}

void LevelPartition::mark_dirty(StateId state, std::uint32_t level) {
  if (distances_[state] > level_max_ - level || dirty_.contains(state)) return;
  if (!is_alone(state) || (graph_.has_inert && is_tau_target_[state])) dirty_.insert(state);
}

// The states whose observations name a class that some state has left: its sources and, before it, itself. What comes
// to those by taus is found when they are looked at.
void LevelPartition::find_dirty() {
  if (level_ < kLevelsOfAll) {
    // Most states will have changed, so it costs less to look at all than to find which.
    for (const StateId state : states_) mark_dirty(state, level_ + 1);
    return;
  }
  if (level_ == kLevelsOfAll) sources_ = Sources(graph_, &distances_, level_max_ - level_ - 1);
  for (const StateId state : renamed_) {
    const auto sources = sources_.all(state);
    if (graph_.has_inert) mark_dirty(state, level_ + 1);
    spend(sources.size() + 1);
    for (const StateId source : sources) mark_dirty(source, level_ + 1);
  }
}

std::uint32_t LevelPartition::class_at(StateId state, std::uint32_t level) const {
  std::uint32_t id = class_of_[state];
  while (origins_[id].birth > level) id = origins_[id].parent;
  return id;
}

std::uint32_t LevelPartition::separation(StateId a, StateId b) const {
  std::uint32_t left = class_of_[a];
  std::uint32_t right = class_of_[b];
  std::uint32_t level = kSame;
  while (left != right) {
    std::uint32_t& later = origins_[left].birth >= origins_[right].birth ? left : right;
    level = origins_[later].birth;
    later = origins_[later].parent;
  }
  return level;
}

}  // namespace spex::lts
