#include "soak/linearizability.h"

#include <algorithm>
#include <optional>
#include <random>
#include <unordered_map>
#include <unordered_set>

namespace spex::soak {
namespace {

std::string text(std::uint64_t number) { return std::to_string(number); }

bool may_have_effect(const Operation& operation) {
  return operation.outcome == Outcome::applied || operation.outcome == Outcome::unknown;
}

using Index = std::unordered_map<std::uint64_t, std::size_t>;  // number -> position

// ---- What needs no search ---------------------------------------------------

// One get against the operations: everything it shows was asked for, of this instance, before, and once.
std::optional<Judgement> judge_observation(const InstanceHistory& history, const Index& index, const Operation& get,
                                           std::unordered_map<std::uint64_t, std::uint64_t>& generation_of) {
  const Observation& seen = history.observations[static_cast<std::size_t>(get.observation)];
  const std::string where = "get " + text(get.number) + " of instance " + text(history.instance);
  const auto violated = [](std::string kind, std::string what) {
    return Judgement{Verdict::violated, std::move(kind), std::move(what)};
  };
  if (!seen.damage.empty()) return violated("mixed_up", where + ": " + seen.damage);
  const auto asked = [&](std::uint64_t number, bool transition) {
    const auto found = index.find(number);
    if (found == index.end()) return false;
    const Operation& operation = history.operations[found->second];
    const bool fits =
        transition ? operation.kind == Kind::transition : operation.kind == Kind::init || operation.kind == Kind::mock;
    return fits && may_have_effect(operation) && operation.invoked <= get.responded;
  };
  if (!asked(seen.generation, false)) {
    return violated("mixed_up", where + " shows an instance made by " + text(seen.generation) +
                                    ", which was not asked for, or was refused");
  }
  std::unordered_set<std::uint64_t> once;
  for (const std::uint64_t record : seen.records) {
    if (!once.insert(record).second) return violated("doubled", where + " shows transition " + text(record) + " twice");
    if (!asked(record, true)) {
      return violated("mixed_up",
                      where + " shows transition " + text(record) + ", which was not asked for, or was refused");
    }
    const auto [known, is_new] = generation_of.emplace(record, seen.generation);
    if (!is_new && known->second != seen.generation) {
      return violated("doubled", where + " shows transition " + text(record) + " in generation " +
                                     text(seen.generation) + ", and it was seen in " + text(known->second));
    }
  }
  return std::nullopt;
}

// The longest record list seen of each generation; each other one must be its beginning.
std::optional<Judgement> merge_observations(const InstanceHistory& history,
                                            std::unordered_map<std::uint64_t, std::vector<std::uint64_t>>& longest) {
  for (const Observation& seen : history.observations) {
    std::vector<std::uint64_t>& best = longest[seen.generation];
    const std::size_t common = std::min(best.size(), seen.records.size());
    if (!std::equal(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(common), seen.records.begin())) {
      const std::unordered_set<std::uint64_t> shorter(seen.records.begin(), seen.records.end());
      const auto missing = std::find_if(best.begin(), best.end(), [&](auto record) { return !shorter.count(record); });
      const bool lost = seen.records.size() < best.size() && missing != best.end();
      return Judgement{Verdict::violated, lost ? "lost" : "out_of_order",
                       "two reads of instance " + text(history.instance) + " (generation " + text(seen.generation) +
                           ") show different histories: " + text(best.size()) + " and " + text(seen.records.size()) +
                           " records, and neither begins with the other"};
    }
    if (seen.records.size() > best.size()) best = seen.records;
  }
  return std::nullopt;
}

// ---- The search ------------------------------------------------------------------

// A single instance. What it did beyond the last record ever seen of its generation is not told apart.
struct State {
  std::uint64_t generation = 0;  // 0: there is no instance
  std::uint32_t records = 0;
  bool beyond = false;
};

class Search {
 public:
  Search(const InstanceHistory& history, std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> longest,
         std::uint64_t steps_max)
      : history_(history), longest_(std::move(longest)), steps_max_(steps_max) {
    std::unordered_set<std::uint64_t> observed;
    for (const auto& [generation, records] : longest_) {
      observed.insert(generation);
      observed.insert(records.begin(), records.end());
    }
    std::mt19937_64 random(1);
    for (const Operation& operation : history.operations) {
      if (operation.outcome == Outcome::not_executed) continue;
      const bool seen = observed.count(operation.number) != 0;
      // Whether a transition of unknown outcome that nobody ever saw took effect changes no answer: it did not.
      const bool changes = operation.kind != Kind::get && operation.kind != Kind::transition;
      if (operation.outcome == Outcome::unknown && !seen && !changes) continue;
      entries_.push_back({&operation, random(), seen, operation.outcome != Outcome::unknown, false});
    }
    for (const Entry& entry : entries_) definite_left_ += entry.definite;
  }

  Verdict run() {
    std::vector<Frame> stack;
    stack.push_back(open_frame(State()));
    while (!stack.empty()) {
      if (definite_left_ == 0) return Verdict::linearizable;
      if (++steps_ > steps_max_) return Verdict::undecided;
      Frame& frame = stack.back();
      if (frame.next < frame.choices.size()) {
        const auto [entry, state] = frame.choices[frame.next++];
        take(entry);
        frame.chosen = entry;
        Frame deeper = open_frame(state);
        if (visited_.insert(set_hash_ ^ hash(deeper.state)).second) {
          stack.push_back(std::move(deeper));
        } else {
          give_back(deeper);
          give_back(entry);
        }
        continue;
      }
      give_back(frame);
      stack.pop_back();
      if (!stack.empty()) give_back(stack.back().chosen);
    }
    return Verdict::violated;
  }

 private:
  struct Entry {
    const Operation* operation;
    std::uint64_t random;  // Zobrist's: the hash of a set is the xor of its members
    bool observed;
    bool definite;
    bool taken;
  };
  struct Frame {
    State state;
    std::vector<std::size_t> absorbed;
    std::vector<std::pair<std::size_t, State>> choices;
    std::size_t next = 0;
    std::size_t chosen = 0;
  };

  static std::uint64_t hash(const State& state) {
    std::uint64_t mixed = state.generation * 0x9e3779b97f4a7c15ull + state.records * 2ull + (state.beyond ? 1 : 0);
    mixed ^= mixed >> 29;
    mixed *= 0xbf58476d1ce4e5b9ull;
    return mixed ^ mixed >> 32;
  }

  void take(std::size_t at) {
    Entry& entry = entries_[at];
    entry.taken = true;
    set_hash_ ^= entry.random;
    definite_left_ -= entry.definite;
    while (first_ < entries_.size() && entries_[first_].taken) ++first_;
  }
  void give_back(std::size_t at) {
    Entry& entry = entries_[at];
    entry.taken = false;
    set_hash_ ^= entry.random;
    definite_left_ += entry.definite;
    first_ = std::min(first_, at);
  }
  void give_back(const Frame& frame) {
    for (const std::size_t at : frame.absorbed) give_back(at);
  }

  // Those that may come next: none that is left ended before they began.
  std::vector<std::size_t> candidates() const {
    Micros earliest_end = kNever;
    std::vector<std::size_t> result;
    for (std::size_t i = first_; i < entries_.size(); ++i) {
      if (entries_[i].operation->invoked > earliest_end) break;
      if (entries_[i].taken) continue;
      result.push_back(i);
      earliest_end = std::min(earliest_end, entries_[i].operation->responded);
    }
    std::erase_if(result, [&](std::size_t i) { return entries_[i].operation->invoked > earliest_end; });
    return result;
  }

  // Takes at once what changes nothing and fits now: that can only be of use to the others.
  Frame open_frame(const State& state) {
    Frame frame;
    frame.state = state;
    bool again = true;
    while (again) {
      again = false;
      for (const std::size_t at : candidates()) {
        if (!fits_and_changes_nothing(entries_[at], state)) continue;
        take(at);
        frame.absorbed.push_back(at);
        again = true;
      }
    }
    for (const std::size_t at : candidates()) {
      if (const auto after = apply(entries_[at], state)) frame.choices.emplace_back(at, *after);
    }
    return frame;
  }

  const std::vector<std::uint64_t>& longest_of(const State& state) const {
    static const std::vector<std::uint64_t> none;
    const auto found = longest_.find(state.generation);
    return found == longest_.end() ? none : found->second;
  }

  bool fits_and_changes_nothing(const Entry& entry, const State& state) const {
    const Operation& operation = *entry.operation;
    const bool exists = state.generation != 0;
    if (operation.outcome == Outcome::in_use) return exists;
    if (operation.outcome == Outcome::not_found) return !exists;
    if (operation.outcome != Outcome::applied) return false;
    if (operation.kind == Kind::transition) return exists && state.beyond && !entry.observed;
    if (operation.kind != Kind::get) return false;
    const Observation& seen = history_.observations[static_cast<std::size_t>(operation.observation)];
    return exists && seen.generation == state.generation && seen.records.size() == state.records && !state.beyond;
  }

  std::optional<State> apply(const Entry& entry, const State& state) const {
    const Operation& operation = *entry.operation;
    if (!may_have_effect(operation)) return std::nullopt;
    const std::vector<std::uint64_t>& records = longest_of(state);
    const bool records_left = state.generation != 0 && state.records < records.size();
    switch (operation.kind) {
      case Kind::init:
        if (state.generation != 0) return std::nullopt;
        return State{operation.number, 0, false};
      case Kind::mock:
        if (records_left) return std::nullopt;
        return State{operation.number, 0, false};
      case Kind::remove:
        if (records_left) return std::nullopt;
        return State{};
      case Kind::transition:
        if (state.generation == 0) return std::nullopt;
        if (records_left) {
          if (records[state.records] != operation.number) return std::nullopt;
          return State{state.generation, state.records + 1, false};
        }
        if (entry.observed) return std::nullopt;
        return State{state.generation, state.records, true};
      case Kind::get:
        return std::nullopt;
    }
    return std::nullopt;
  }

  const InstanceHistory& history_;
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> longest_;
  std::uint64_t steps_max_;
  std::uint64_t steps_ = 0;
  std::vector<Entry> entries_;
  std::size_t first_ = 0;  // nothing before it is left
  std::size_t definite_left_ = 0;
  std::uint64_t set_hash_ = 0;
  std::unordered_set<std::uint64_t> visited_;
};

}  // namespace

InstanceHistory InstanceHistory::of(const History& history, const std::vector<const Operation*>& operations) {
  InstanceHistory result;
  for (const Operation* operation : operations) {
    result.instance = operation->instance;
    result.operations.push_back(*operation);
    if (operation->observation < 0) continue;
    result.operations.back().observation = static_cast<std::int32_t>(result.observations.size());
    result.observations.push_back(history.observations[static_cast<std::size_t>(operation->observation)]);
  }
  std::stable_sort(result.operations.begin(), result.operations.end(),
                   [](const Operation& a, const Operation& b) { return a.invoked < b.invoked; });
  return result;
}

Judgement judge(const InstanceHistory& history, std::uint64_t steps_max) {
  Index index;
  for (std::size_t i = 0; i < history.operations.size(); ++i) index[history.operations[i].number] = i;
  std::unordered_map<std::uint64_t, std::uint64_t> generation_of;
  for (const Operation& operation : history.operations) {
    if (operation.outcome == Outcome::unexpected) {
      return {Verdict::violated, "unexpected",
              std::string(name_of(operation.kind)) + " " + text(operation.number) + " of instance " +
                  text(history.instance) + " got an answer that no correct cluster gives"};
    }
    if (operation.observation < 0) continue;
    if (auto found = judge_observation(history, index, operation, generation_of)) return *found;
  }
  std::unordered_map<std::uint64_t, std::vector<std::uint64_t>> longest;
  if (auto found = merge_observations(history, longest)) return *found;
  const Verdict verdict = Search(history, std::move(longest), steps_max).run();
  if (verdict == Verdict::linearizable) return {};
  return {verdict, "", "no order of the operations on instance " + text(history.instance) + " explains the answers"};
}

}  // namespace spex::soak
