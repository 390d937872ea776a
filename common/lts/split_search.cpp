#include "lts/split_search.h"

#include <algorithm>

namespace spex::lts {
namespace {

constexpr std::uint32_t kReaching = 0xFFFFFFFFU;
constexpr std::uint32_t kAvoiding = 0xFFFFFFFEU;
constexpr std::uint32_t kRefused = 0xFFFFFFFDU;  // not avoiding, but the other search has not found it yet
constexpr unsigned kStepsPerTurn = 16;

}  // namespace

SplitSearch::SplitSearch(const MergedGraph& graph, const Partition& partition, const TransitionSets& sets,
                         const Incoming& incoming)
    : graph_(graph), partition_(partition), sets_(sets), incoming_(incoming), marks_(graph.state_count, 0) {}

SplitSearch::Found SplitSearch::run(BlockId id, std::uint32_t reaching, SetId set) {
  const Block& block = partition_.blocks[id];
  block_ = id;
  set_ = set;
  size_max_ = block.size() / 2;
  const std::uint32_t middle = block.begin + reaching;
  reaching_ = Progress{.bottom = block.begin, .bottom_end = middle};
  avoiding_ = Progress{.bottom = middle, .bottom_end = block.bottom_end};
  reaching_.gave_up = reaching > size_max_;
  avoiding_.gave_up = block.bottom_end - middle > size_max_;
  source_ = set == kNone ? 0 : sets_.sets[set].begin;
  source_end_ = set == kNone ? 0 : sets_.sets[set].end;
  checked_ = kNoState;
  reaching_others_.clear();
  avoiding_others_.clear();
  while (true) {
    for (unsigned i = 0; i < kStepsPerTurn && !avoiding_.gave_up; ++i) {
      if (!step_avoiding()) continue;
      clear_marks();
      return {Side::avoiding, &avoiding_others_};
    }
    for (unsigned i = 0; i < kStepsPerTurn && !reaching_.gave_up; ++i) {
      if (!step_reaching()) continue;
      clear_marks();
      return {Side::reaching, &reaching_others_};
    }
  }
}

void SplitSearch::clear_marks() {
  for (const StateId state : reaching_others_) marks_[state] = 0;
  for (const StateId state : visited_) marks_[state] = 0;
  visited_.clear();
}

// Goes on to the next state to expand; false if there is none.
bool SplitSearch::next_state(Progress& progress, const std::vector<StateId>& others) {
  if (progress.bottom < progress.bottom_end) {
    progress.taus = incoming_.by_tau(partition_.states[progress.bottom++]);
  } else if (progress.other < others.size()) {
    progress.taus = incoming_.by_tau(others[progress.other++]);
  } else {
    return false;
  }
  return true;
}

// True when the search has ended.
bool SplitSearch::step_reaching() {
  StateId found = kNoState;
  if (source_ < source_end_) {
    found = sets_.source_of[sets_.transitions[source_++]];
    if (partition_.is_bottom(found)) return false;  // among the first bottom states
  } else if (!reaching_.taus.empty()) {
    found = sets_.source_of[reaching_.taus.front()];
    reaching_.taus = reaching_.taus.subspan(1);
    if (!in_block(found)) return false;
  } else {
    return !next_state(reaching_, reaching_others_);
  }
  if (marks_[found] == kReaching) return false;
  marks_[found] = kReaching;
  reaching_others_.push_back(found);
  reaching_.gave_up = (reaching_.bottom_end - partition_.blocks[block_].begin) + reaching_others_.size() > size_max_;
  return false;
}

bool SplitSearch::step_avoiding() {
  if (checked_ != kNoState) return step_check();
  if (avoiding_.taus.empty()) return !next_state(avoiding_, avoiding_others_);
  const StateId source = sets_.source_of[avoiding_.taus.front()];
  avoiding_.taus = avoiding_.taus.subspan(1);
  if (in_block(source)) visit_avoiding(source);
  return false;
}

void SplitSearch::visit_avoiding(StateId state) {
  std::uint32_t& mark = marks_[state];
  if (mark == kReaching || mark == kRefused) return;
  if (mark == 0) visited_.push_back(state);
  if (++mark < partition_.inert_out[state]) return;
  checked_ = state;
  check_at_ = graph_.row_begins[state];
}

// Looks at one transition of the state being checked. If it is refused, it has lost all inert taus by this split
// and becomes bottom, so a state is refused once at most.
bool SplitSearch::step_check() {
  const StateId state = checked_;
  if (marks_[state] == kReaching) {
    checked_ = kNoState;
  } else if (set_ == kNone || check_at_ == graph_.row_begins[state + std::size_t{1}]) {
    checked_ = kNoState;
    marks_[state] = kAvoiding;
    avoiding_others_.push_back(state);
    const std::size_t bottoms = avoiding_.bottom_end - reaching_.bottom_end;  // the first ones are not avoiding
    avoiding_.gave_up = bottoms + avoiding_others_.size() > size_max_;
  } else if (sets_.set_of[check_at_++] == set_) {
    checked_ = kNoState;
    marks_[state] = kRefused;
  }
  return false;
}

}  // namespace spex::lts
