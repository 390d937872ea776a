#include "lts/local_refinement.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace spex::lts {
namespace {

// Steps per state and transition.
constexpr std::uint64_t kWorkPerElement = 12;
// A round that does a third of a step per state and transition and makes no more than a handful of classes ends the
// run: where a tau passes over states they are all like that. So does one that makes fewer classes than one in so many
// states, and not half as many again as the round before.
constexpr std::uint64_t kMuchWorkShare = 3;
constexpr std::size_t kHandful = 8;
constexpr std::size_t kFewShare = 512;

}  // namespace

LocalRefinement::LocalRefinement(const MergedGraph& graph, SignatureRound begun, std::uint64_t work_max)
    : graph_(graph),
      work_left_(work_max != 0 ? work_max : kWorkPerElement * (graph.transitions.size() + graph.state_count)),
      changed_(graph.state_count) {
  take_over(std::move(begun));
}

// Numbers the classes as after a round here: the largest of those that were one keeps its number.
void LocalRefinement::take_over(SignatureRound begun) {
  const std::uint32_t count = begun.classes.count;
  const std::uint32_t previous_count = begun.classes.previous_count;
  arena_ = std::move(begun.elements);
  arena_.shrink_to_fit();
  std::vector<std::uint32_t> sizes(count, 0);
  for (const std::uint32_t class_id : begun.classes.classes) ++sizes[class_id];
  std::vector<std::uint32_t> heirs(previous_count, kNoClass);
  for (std::uint32_t id = 0; id < count; ++id) {
    std::uint32_t& heir = heirs[begun.signed_classes[id].parent];
    if (heir == kNoClass || sizes[id] > sizes[heir]) heir = id;
  }
  std::vector<std::uint32_t> number_of(count);
  std::uint32_t end = previous_count;
  for (std::uint32_t id = 0; id < count; ++id) {
    const std::uint32_t parent = begun.signed_classes[id].parent;
    number_of[id] = heirs[parent] == id ? parent : end++;
  }
  classes_.resize(count);
  for (std::uint32_t id = 0; id < count; ++id) {
    const SignatureRound::Class& signed_class = begun.signed_classes[id];
    Class& named = classes_[number_of[id]];
    named = {sizes[id],        signed_class.parent, kNoClass,     signed_class.begin,
             signed_class.end, signed_class.hash,   sizes[id] > 1};
    if (named.has_signature && graph_.has_inert) rename_signature(named, number_of);
  }
  first_new_ = previous_count;
  class_of_ = std::move(begun.classes.classes);
  for (StateId state = 0; state < graph_.state_count; ++state) {
    class_of_[state] = number_of[class_of_[state]];
    if (class_of_[state] != begun.classes.previous[state]) moved_.push_back(state);
  }
  next_ = std::move(begun.classes.previous);
  std::copy(class_of_.begin(), class_of_.end(), next_.begin());
  begun.signed_classes = {};
  sources_ = Sources(graph_);
  for (const StateId state : moved_) pass_on(state);
}

// Elements with a class of the last round are told apart no longer.
void LocalRefinement::rename_signature(Class& named, std::span<const std::uint32_t> number_of) {
  const auto end = arena_.begin() + named.end;
  bool renamed = false;
  for (auto at = end; at != arena_.begin() + named.begin && element_action(*(at - 1)) == kInertAction; --at) {
    *(at - 1) = signature_element(kTau, number_of[element_class(*(at - 1))]);
    renamed = true;
  }
  if (renamed) std::sort(arena_.begin() + named.begin, end);
}

void LocalRefinement::start_anew() {
  arena_.clear();
  for (Class& known : classes_) known.has_signature = false;
  for (StateId state = 0; state < graph_.state_count; ++state) changed_.insert(state);
}

SignatureOutcome LocalRefinement::run(bool stop_when_separated) {
  const std::uint64_t much_work = (graph_.transitions.size() + graph_.state_count) / kMuchWorkShare;
  std::size_t made_before = 0;
  bool is_idle = false;
  while (!changed_.empty()) {
    if (work_left_ == 0 || is_idle) return SignatureOutcome::unsettled;
    if (arena_.size() > 2 * graph_.transitions.size()) start_anew();
    const std::uint64_t work_before = work_left_;
    round();
    ++rounds_;
    const std::size_t made = classes_.size() - first_new_;
    const bool few = made < graph_.state_count / kFewShare && 2 * made < 3 * made_before;
    is_idle = work_before - work_left_ > much_work && (made <= kHandful || few);
    made_before = made;
    if (stop_when_separated && class_of_[graph_.left_initial] != class_of_[graph_.right_initial]) {
      return SignatureOutcome::separated;
    }
  }
  return SignatureOutcome::stable;
}

void LocalRefinement::round() {
  first_new_ = static_cast<std::uint32_t>(classes_.size());
  moved_.clear();
  while (!changed_.empty()) {
    const StateId state = changed_.take_least();
    if (classes_[class_of_[state]].size > 1) examine(state);
  }
  finish_round();
}

void LocalRefinement::examine(StateId state) {
  const std::uint32_t own = class_of_[state];
  const auto row = graph_.outgoing(state);
  spend(row.size() + 1);
  std::uint32_t candidate = kNoClass;  // the highest new class among inert successors
  SignatureElement* end = signature_.start(row.size());
  for (const Transition& step : row) {
    if (step.action == kTau && graph_.has_inert && class_of_[step.target] == own) {
      const std::uint32_t target = next_[step.target];
      if (candidate == kNoClass || target > candidate) candidate = target;
      *end++ = signature_element(kTau, target);
    } else {
      *end++ = signature_element(step.action, class_of_[step.target]);
    }
  }
  signature_.finish(end);
  const std::uint32_t now = classify(own, candidate);
  if (now == own) return;
  next_[state] = now;
  ++classes_[now].size;
  moved_.push_back(state);
  if (graph_.has_inert) raise(state);
}

// The class of a state of `own` with signature_. Only the highest class among inert successors can be taken over: a
// signature names only classes made before its own.
std::uint32_t LocalRefinement::classify(std::uint32_t own, std::uint32_t candidate) {
  if (candidate != kNoClass) {
    if (contains_signature(candidate)) return candidate;
  } else if (has_signature(own)) {
    return own;
  }
  return find_or_add(own);
}

bool LocalRefinement::has_signature(std::uint32_t class_id) const {
  const Class& known = classes_[class_id];
  return known.has_signature &&
         same_elements({arena_.data() + known.begin, arena_.data() + known.end}, signature_.numbers());
}

// Whether the class can do all that is in signature_, besides the tau to itself.
bool LocalRefinement::contains_signature(std::uint32_t class_id) const {
  const Class& known = classes_[class_id];
  const auto begin = arena_.begin() + known.begin;
  const auto end = arena_.begin() + known.end;
  const SignatureElement self = signature_element(kTau, class_id);
  return known.has_signature && std::ranges::all_of(signature_.numbers(), [&](SignatureElement e) {
           return e == self || std::binary_search(begin, end, e);
         });
}

std::uint32_t LocalRefinement::find_or_add(std::uint32_t parent) {
  if (2 * (used_slots_.size() + 1) > index_.size()) grow_index();
  const std::uint32_t hash = signature_hash(parent, signature_.numbers());
  const std::size_t mask = index_.size() - 1;
  std::size_t slot = hash & mask;
  for (; index_[slot] != 0; slot = (slot + 1) & mask) {
    const std::uint32_t known = index_[slot] - 1;
    if (classes_[known].hash == hash && classes_[known].parent == parent && has_signature(known)) return known;
  }
  const std::uint32_t begin = static_cast<std::uint32_t>(arena_.size());
  for (const SignatureElement element : signature_.numbers()) arena_.push_back(element);
  classes_.push_back({0, parent, kNoClass, begin, static_cast<std::uint32_t>(arena_.size()), hash, true});
  index_[slot] = static_cast<std::uint32_t>(classes_.size());
  used_slots_.push_back(static_cast<std::uint32_t>(slot));
  return static_cast<std::uint32_t>(classes_.size() - 1);
}

void LocalRefinement::grow_index() {
  index_.assign(std::max<std::size_t>(64, index_.size() * 2), 0);
  used_slots_.clear();
  const std::size_t mask = index_.size() - 1;
  for (std::uint32_t id = first_new_; id < classes_.size(); ++id) {
    std::size_t slot = classes_[id].hash & mask;
    while (index_[slot] != 0) slot = (slot + 1) & mask;
    index_[slot] = id + 1;
    used_slots_.push_back(static_cast<std::uint32_t>(slot));
  }
}

// States with an inert tau to the moved one are to be looked at in the same round. They have higher numbers.
void LocalRefinement::raise(StateId moved) {
  for (const StateId source : sources_.by_tau(moved)) {
    if (class_of_[source] == class_of_[moved]) changed_.insert(source);
  }
}

void LocalRefinement::finish_round() {
  for (const std::uint32_t slot : used_slots_) index_[slot] = 0;
  used_slots_.clear();
  for (const StateId state : moved_) --classes_[class_of_[state]].size;
  choose_heirs();
  if (graph_.has_inert) rename_in_signatures();
  for (const StateId state : moved_) {
    std::uint32_t& now = next_[state];
    if (classes_[now].size == 0) now = classes_[now].parent;
    if (std::exchange(class_of_[state], now) != now) pass_on(state);
  }
}

// The sources of a state with another number are to be looked at.
void LocalRefinement::pass_on(StateId moved) {
  const auto sources = sources_.all(moved);
  spend(sources.size() + 1);
  for (const StateId source : sources) changed_.insert(source);
}

// Where all states have left a class, the largest of the new ones gets its number.
void LocalRefinement::choose_heirs() {
  const auto class_end = static_cast<std::uint32_t>(classes_.size());
  for (std::uint32_t id = first_new_; id < class_end; ++id) {
    Class& parent = classes_[classes_[id].parent];
    if (parent.size > 0) continue;
    if (parent.heir == kNoClass || classes_[id].size > classes_[parent.heir].size) parent.heir = id;
  }
  for (std::uint32_t id = first_new_; id < class_end; ++id) {
    Class& heir = classes_[id];
    Class& parent = classes_[heir.parent];
    if (parent.heir != id) continue;
    parent.heir = kNoClass;
    parent.has_signature = true;
    parent.begin = heir.begin;
    parent.end = heir.end;
    parent.size = std::exchange(heir.size, 0);
  }
}

void LocalRefinement::rename_in_signatures() {
  for (std::uint32_t id = first_new_; id < classes_.size(); ++id) {
    const auto begin = arena_.begin() + classes_[id].begin;
    const auto end = arena_.begin() + classes_[id].end;
    bool renamed = false;
    for (auto at = begin; at != end && element_action(*at) == kTau; ++at) {
      const Class& named = classes_[element_class(*at)];
      if (element_class(*at) < first_new_ || named.size > 0) continue;
      *at = signature_element(kTau, named.parent);
      renamed = true;
    }
    if (renamed) std::sort(begin, end);
  }
}

SignatureClasses LocalRefinement::take_classes() && {
  SignatureClasses taken;
  std::vector<std::uint32_t> number_of(classes_.size(), kNoClass);
  std::vector<std::uint32_t> previous_number_of(first_new_, kNoClass);
  taken.previous = std::move(next_);
  for (StateId state = 0; state < graph_.state_count; ++state) {
    std::uint32_t& class_id = class_of_[state];
    const std::uint32_t before = class_id < first_new_ ? class_id : classes_[class_id].parent;
    if (number_of[class_id] == kNoClass) number_of[class_id] = taken.count++;
    if (previous_number_of[before] == kNoClass) previous_number_of[before] = taken.previous_count++;
    class_id = number_of[class_id];
    taken.previous[state] = previous_number_of[before];
  }
  taken.classes = std::move(class_of_);
  return taken;
}

}  // namespace spex::lts
