#include "lts/signature.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <utility>

namespace spex::lts {
namespace {

// A round that makes fewer new classes than one in so many states, and not half as many again as the round before,
// is slow: it ends the run. So do so many rounds per bit of n.
constexpr std::uint32_t kSlowShare = 8;
constexpr unsigned kRoundsPerBit = 3;
// Systems of fewer transitions lie in the cache: there looking only at what changes is quicker from the second round
// on, whether or not more classes are made each time.
constexpr std::size_t kCachedTransitions = 1U << 17U;
}  // namespace

SignatureRefinement::SignatureRefinement(const MergedGraph& graph) : graph_(graph) {
  classes_.assign(graph.state_count, 0);
  previous_.assign(graph.state_count, 0);
  arena_.reserve(graph.transitions.size());
}

SignatureOutcome SignatureRefinement::run(bool stop_when_separated) {
  const unsigned rounds_max = 4 + kRoundsPerBit * static_cast<unsigned>(std::bit_width(graph_.state_count));
  const bool is_cached = graph_.transitions.size() < kCachedTransitions;
  std::uint32_t made_before = 0;
  for (unsigned rounds = 1;; ++rounds) {
    round();
    if (stop_when_separated && classes_[graph_.left_initial] != classes_[graph_.right_initial]) {
      return SignatureOutcome::separated;
    }
    if (class_count_ == previous_count_) return SignatureOutcome::stable;
    const std::uint32_t made = class_count_ - previous_count_;
    const bool grows = is_cached ? rounds == 1 : 2 * made >= 3 * made_before;
    if ((made < graph_.state_count / kSlowShare && !grows) || rounds == rounds_max) return SignatureOutcome::unsettled;
    made_before = made;
  }
}

void SignatureRefinement::round() {
  ++rounds_;
  std::swap(previous_, classes_);
  previous_count_ = class_count_;
  sizes_.assign(previous_count_, 0);
  for (const std::uint32_t class_id : previous_) ++sizes_[class_id];
  new_classes_.clear();
  arena_.clear();
  std::fill(index_.begin(), index_.end(), 0);
  for (StateId state = 0; state < graph_.state_count; ++state) classes_[state] = classify(state);
  class_count_ = static_cast<std::uint32_t>(new_classes_.size());
}

std::uint32_t SignatureRefinement::classify(StateId state) {
  const std::uint32_t parent = previous_[state];
  if (sizes_[parent] == 1) {
    signature_.start(0);
    return add_class(parent, 0);  // nothing to be compared with
  }
  const std::uint32_t candidate = collect(state);
  if (candidate != kNoClass && contains_signature(candidate)) return candidate;
  return find_or_add(parent);
}

std::uint32_t SignatureRefinement::collect(StateId state) {
  const std::uint32_t own = previous_[state];
  std::uint32_t candidate = kNoClass;
  const auto row = graph_.outgoing(state);
  SignatureElement* end = signature_.start(row.size());
  for (const Transition& step : row) {
    if (step.action == kTau && graph_.has_inert && previous_[step.target] == own) {
      const std::uint32_t target = classes_[step.target];  // known: taus lead to lower numbers
      *end++ = signature_element(kInertAction, target);
      if (candidate == kNoClass || target > candidate) candidate = target;
    } else {
      *end++ = signature_element(step.action, previous_[step.target]);
    }
  }
  signature_.finish(end);
  return candidate;
}

// Whether all of signature_ but the tau to `candidate` itself is in candidate's signature. Only the
// highest new class can be the one: a signature names only classes made before its own.
bool SignatureRefinement::contains_signature(std::uint32_t candidate) const {
  const auto begin = arena_.begin() + new_classes_[candidate].begin;
  const auto end = arena_.begin() + new_classes_[candidate].end;
  const SignatureElement self = signature_element(kInertAction, candidate);
  return std::ranges::all_of(signature_.numbers(),
                             [&](SignatureElement e) { return e == self || std::binary_search(begin, end, e); });
}

std::uint32_t SignatureRefinement::find_or_add(std::uint32_t parent) {
  if (2 * (new_classes_.size() + 1) > index_.size()) grow_index();
  const std::uint32_t hash = signature_hash(parent, signature_.numbers());
  const std::size_t mask = index_.size() - 1;
  std::size_t slot = hash & mask;
  while (index_[slot] != 0) {
    const std::uint32_t candidate = index_[slot] - 1;
    if (matches(candidate, parent, hash)) return candidate;
    slot = (slot + 1) & mask;
  }
  const std::uint32_t added = add_class(parent, hash);
  index_[slot] = added + 1;
  return added;
}

std::uint32_t SignatureRefinement::add_class(std::uint32_t parent, std::uint32_t hash) {
  const std::uint32_t begin = static_cast<std::uint32_t>(arena_.size());
  for (const SignatureElement element : signature_.numbers()) arena_.push_back(element);
  new_classes_.push_back({begin, static_cast<std::uint32_t>(arena_.size()), hash, parent});
  return static_cast<std::uint32_t>(new_classes_.size() - 1);
}

bool SignatureRefinement::matches(std::uint32_t candidate, std::uint32_t parent, std::uint32_t hash) const {
  const SignatureRound::Class& known = new_classes_[candidate];
  if (known.hash != hash || known.parent != parent) return false;
  return same_elements({arena_.data() + known.begin, arena_.data() + known.end}, signature_.numbers());
}

void SignatureRefinement::grow_index() {
  index_.assign(std::max<std::size_t>(1024, index_.size() * 2), 0);
  const std::size_t mask = index_.size() - 1;
  for (std::uint32_t id = 0; id < new_classes_.size(); ++id) {
    if (sizes_[new_classes_[id].parent] == 1) continue;
    std::size_t slot = new_classes_[id].hash & mask;
    while (index_[slot] != 0) slot = (slot + 1) & mask;
    index_[slot] = id + 1;
  }
}

}  // namespace spex::lts
