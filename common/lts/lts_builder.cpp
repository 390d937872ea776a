#include "lts/lts_builder.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace spex::lts {

LtsBuilder::LtsBuilder(std::string_view tau_name) { actions_.intern(tau_name); }

void LtsBuilder::add_tau_name(std::string_view name) {
  const auto known = actions_.find(name);
  SPEX_ASSERT(!known || *known == kTau);
  more_tau_names_.intern(name);
}

ActionId LtsBuilder::action(std::string_view label) {
  if (!more_tau_names_.empty() && more_tau_names_.find(label)) return kTau;
  return actions_.intern(label);
}

StateId LtsBuilder::state(std::string_view name) {
  const StateId id = state_names_.intern(name);
  ensure_states(id + 1);
  return id;
}

void LtsBuilder::add_transition(StateId from, std::string_view label, StateId to) {
  add_transition(from, action(label), to);
}

void LtsBuilder::add_transition(std::string_view from, std::string_view label, std::string_view to) {
  const StateId source = state(from);
  add_transition(source, action(label), state(to));
}

void LtsBuilder::set_initial(StateId state) {
  ensure_states(state + 1);
  initial_state_ = state;
}

Lts LtsBuilder::build() && {
  SPEX_ASSERT(records_.size() < kNoState);
  Lts lts;
  lts.state_count_ = state_count_;
  lts.initial_state_ = initial_state_;
  lts.actions_ = std::move(actions_);
  lts.state_names_ = std::move(state_names_);
  if (records_.empty()) return lts;

  StateId last = 0;
  for (const Record& record : records_) last = std::max(last, record.from);
  // Counting sort by source: first the counts one place to the right, then
  // each row's next free place, which ends as the begin of the row after it.
  std::vector<std::uint32_t>& begins = lts.row_begins_;
  begins.assign(last + std::size_t{3}, 0);
  for (const Record& record : records_) ++begins[record.from + std::size_t{2}];
  for (std::size_t i = 2; i < begins.size(); ++i) begins[i] += begins[i - 1];
  lts.transitions_.resize(records_.size());
  for (const Record& record : records_) {
    lts.transitions_[begins[record.from + std::size_t{1}]++] = {record.action, record.to};
  }
  begins.pop_back();
  records_ = {};
  return lts;
}

}  // namespace spex::lts
