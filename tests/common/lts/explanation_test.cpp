#include "lts/explanation.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "lts/aut_format.h"
#include "lts/formula.h"
#include "lts/lts_builder.h"
#include "lts/merged_graph.h"
#include "lts/reference_bisimulation.h"
#include "tests/support/random_lts.h"

using namespace spex::lts;
using namespace spex::test_support;

namespace {

// Whether the steps are transitions of the LTS, one after the other from `from`.
bool is_run(const Lts& lts, StateId from, const std::vector<RunStep>& steps) {
  for (const RunStep& step : steps) {
    bool found = false;
    for (const Transition& taken : lts.outgoing(from)) {
      const bool same = step.action.empty() ? taken.action == kTau
                                            : taken.action != kTau && lts.action_name(taken.action) == step.action;
      found = found || (same && taken.target == step.state);
    }
    if (!found) return false;
    from = step.state;
  }
  return true;
}

// Something to explain, often: an unrelated system, or a variant with one transition changed.
Lts other_than(Random& random, const Lts& left) {
  switch (random() % 3) {
    case 0:
      return random_lts(random, {});
    case 1:
      return mutated(random, bisimilar_variant(random, left));
    default:
      return with_lone_label(random, bisimilar_variant(random, left));
  }
}

// The least k at which ~k tells the initial states apart, straight from its definition: ~0 relates all, and
// s ~k+1 t if s ~k t and both have the same { ([x]k, a, [y]k) : s =tau*=> x -a-> y, a is not tau or [x]k is not [y]k }.
std::uint32_t least_depth(const Lts& both, StateId left, StateId right) {
  std::vector<std::size_t> classes(both.state_count(), 0);
  for (std::uint32_t level = 1; level <= both.state_count(); ++level) {
    using Observations = std::set<std::tuple<std::size_t, ActionId, std::size_t>>;
    std::map<std::pair<std::size_t, Observations>, std::size_t> ids;
    std::vector<std::size_t> next;
    for (StateId state = 0; state < both.state_count(); ++state) {
      std::vector<StateId> reach{state};
      Observations seen;
      for (std::size_t i = 0; i < reach.size(); ++i) {
        for (const Transition& step : both.outgoing(reach[i])) {
          if (step.action == kTau && std::find(reach.begin(), reach.end(), step.target) == reach.end()) {
            reach.push_back(step.target);
          }
          if (step.action == kTau && classes[reach[i]] == classes[step.target]) continue;
          seen.emplace(classes[reach[i]], step.action, classes[step.target]);
        }
      }
      next.push_back(ids.emplace(std::pair(classes[state], std::move(seen)), ids.size()).first->second);
    }
    classes = std::move(next);
    if (classes[left] != classes[right]) return level;
  }
  return 0;
}

// The same with so many loops at the first state that its actions fill more than a word.
Lts with_many_labels(const Lts& lts) {
  LtsBuilder builder;
  for (StateId state = 0; state < lts.state_count(); ++state) {
    for (const Transition& step : lts.outgoing(state)) {
      builder.add_transition(state, lts.action_name(step.action), step.target);
    }
  }
  for (unsigned i = 0; i < 70; ++i)
    builder.add_transition(lts.initial_state(), "l" + std::to_string(i), lts.initial_state());
  builder.set_initial(lts.initial_state());
  return std::move(builder).build();
}

// Of what differs; checked.
Explanation explanation_that_holds(const Lts& left, const Lts& right, Bisimilarity relation) {
  const auto made = explain(left, right, relation);
  REQUIRE(made.ok());
  CHECK(made->kind != Explanation::Kind::coarse);
  // The formula was true in the left and false in the right system, or it would not be here.
  CHECK(!made->formula.empty());
  CHECK(made->note.empty());
  CHECK(made->depth > 0);
  if (relation == Bisimilarity::strong) return *made;
  CHECK(made->depth ==
        least_depth(disjoint_union(left, right), left.initial_state(), left.state_count() + right.initial_state()));
  if (made->kind == Explanation::Kind::trace) CHECK(made->trace.size() + 1 >= made->depth);
  CHECK(is_run(left, left.initial_state(), made->left_run));
  CHECK(is_run(right, right.initial_state(), made->right_run));
  CHECK(made->game.size() <= made->depth);
  StateId at_left = left.initial_state();
  StateId at_right = right.initial_state();
  for (const GameStep& step : made->game) {
    CHECK(is_run(left, at_left, step.left));
    CHECK(is_run(right, at_right, step.right));
    at_left = step.left_state;
    at_right = step.right_state;
  }
  return *made;
}

}  // namespace

TEST_CASE("a difference in traces is told with the shortest one", "[lts]") {
  LtsBuilder implementation;
  implementation.add_transition("new", "pay", "paid");
  implementation.add_transition("paid", "ship", "shipped");
  implementation.add_transition("shipped", "refund", "new");
  LtsBuilder specification;
  specification.add_transition("s1", "pay", "s2");
  specification.add_transition("s2", "ship", "s3");
  specification.add_transition("s3", "deliver", "s4");
  const Lts left = std::move(implementation).build();
  const Lts right = std::move(specification).build();
  const auto explanation = explain(left, right);
  REQUIRE(explanation.ok());
  CHECK(explanation->kind == Explanation::Kind::trace);
  CHECK(explanation->trace == std::vector<std::string>{"pay", "ship"});
  CHECK(explanation->formula.find("<tau*><pay><tau*>") == 0);
  CHECK(explanation->depth == 3);
  const std::string story = tell_story(*explanation, left, right, "the implementation", "the specification");
  const std::string either[] = {
      "after `pay`, `ship` the implementation (state `shipped`) can do `refund`; the specification (state `s3`) can "
      "only do `deliver`",
      "after `pay`, `ship` the specification (state `s3`) can do `deliver`; the implementation (state `shipped`) can "
      "only do `refund`"};
  CHECK((story == either[0] || story == either[1]));
}

TEST_CASE("a lost choice is told as a play", "[lts]") {
  const Lts left = lts_of("0 a 1, 0 tau 2, 2 b 3");
  const Lts right = lts_of("0 a 1, 0 b 2");
  const auto explanation = explain(left, right);
  REQUIRE(explanation.ok());
  CHECK(explanation->kind == Explanation::Kind::game);
  REQUIRE(explanation->game.size() == 2);
  CHECK(explanation->game[0].mover == Side::left);
  CHECK(explanation->game[0].left_state == 2);
  CHECK(explanation->able == Side::right);
  CHECK(explanation->action == "a");
  CHECK(explanation->depth == 2);
  CHECK(tell_story(*explanation, left, right, "A", "B") ==
        "A moves by silent steps to `2`, which B answers by staying, being in `0`; then B (state `0`) can do `a`; A "
        "(state `2`) can only do `b`");
}

TEST_CASE("a divergence is told in words", "[lts]") {
  const auto explanation = explain(lts_of("0 tau 0"), lts_of(""), Bisimilarity::divergence_preserving);
  REQUIRE(explanation.ok());
  CHECK(explanation->kind == Explanation::Kind::game);
  CHECK(explanation->formula.empty());
  CHECK(tell_story(*explanation, lts_of("0 tau 0"), lts_of(""), "A", "B") ==
        "A (state `0`) can go on silently for ever; B (state `0`) cannot");
}

TEST_CASE("explanations of random differences hold, whichever system is named first", "[lts]") {
  const std::uint64_t seed = std::random_device{}();
  Random random(seed);
  unsigned explained = 0;
  unsigned games = 0;
  for (unsigned i = 0; i < 600; ++i) {
    const bool many = i % 8 == 0;
    Lts one = random_lts(random, {});
    Lts other = other_than(random, one);
    if (many) one = with_many_labels(one);
    if (many) other = with_many_labels(other);
    for (const Bisimilarity relation : {Bisimilarity::branching, Bisimilarity::strong}) {
      if (reference_bisimilar(one, other, relation)) continue;
      INFO("seed " << seed << " pair " << i << " relation " << static_cast<int>(relation) << "\n"
                   << *format_aut(one) << *format_aut(other));
      const Explanation forth = explanation_that_holds(one, other, relation);
      const Explanation back = explanation_that_holds(other, one, relation);
      CHECK(forth.depth == back.depth);
      CHECK(forth.kind == back.kind);
      CHECK(forth.trace.size() == back.trace.size());
      ++explained;
      games += forth.kind == Explanation::Kind::game ? 1 : 0;
    }
  }
  CHECK(explained > 300);
  CHECK(games > 20);
}

TEST_CASE("traces that one side lacks are told with a formula", "[lts]") {
  const Lts left = lts_of("0 a 1, 1 tau 2, 2 b 3");
  const Lts right = lts_of("0 a 1, 0 c 1");
  const auto both = explain_traces(left, right, TraceRelation::equivalence);
  REQUIRE(both.ok());
  CHECK(both->able == Side::right);
  CHECK(both->trace.empty());
  CHECK(both->formula == "!(<tau*><c>true)");
  const auto inclusion = explain_traces(left, right, TraceRelation::inclusion);
  REQUIRE(inclusion.ok());
  CHECK(inclusion->able == Side::left);
  CHECK(inclusion->trace == std::vector<std::string>{"a"});
  CHECK(inclusion->action == "b");
  CHECK(inclusion->formula == "<tau*><a><tau*><b>true");
  CHECK(inclusion->depth == 2);
}

TEST_CASE("a trace is shown exactly where traces differ, and it is a shortest one", "[lts]") {
  const std::uint64_t seed = std::random_device{}();
  Random random(seed);
  for (unsigned i = 0; i < 600; ++i) {
    const Lts one = random_lts(random, {});
    const Lts other = other_than(random, one);
    if (reference_bisimilar(one, other, Bisimilarity::branching)) continue;
    for (const auto& [left, right] : {std::pair(&one, &other), std::pair(&other, &one)}) {
      INFO("seed " << seed << " pair " << i << "\n" << *format_aut(*left) << *format_aut(*right));
      const MergedGraph graph = *merge_graphs(*left, *right, Bisimilarity::branching);
      const TraceComparison traces = compare_traces(graph, TraceRelation::equivalence, graph.action_count, 1'000'000);
      const auto explanation = explain(*left, *right);
      REQUIRE(explanation.ok());
      const bool differs = traces.outcome == TraceComparison::Outcome::differs;
      CHECK((explanation->kind == Explanation::Kind::trace) == differs);
      if (differs) CHECK(explanation->trace.size() + 1 == traces.trace.size());
    }
  }
}

TEST_CASE("each relation implies the coarser ones", "[lts]") {
  const std::uint64_t seed = std::random_device{}();
  Random random(seed);
  unsigned equivalent = 0;
  for (unsigned i = 0; i < 1500; ++i) {
    const Lts left = random_lts(random, {});
    const Lts right = random() % 2 == 0 ? mutated(random, left) : bisimilar_variant(random, left);
    INFO("seed " << seed << " pair " << i << "\n" << *format_aut(left) << *format_aut(right));
    const bool strong = *bisimilar(left, right, Bisimilarity::strong);
    const bool divergence_preserving = *bisimilar(left, right, Bisimilarity::divergence_preserving);
    const bool branching = *bisimilar(left, right, Bisimilarity::branching);
    const bool traces =
        *compare_weak_traces(left, right, TraceRelation::equivalence) == TraceComparison::Outcome::holds;
    const bool inclusion =
        *compare_weak_traces(left, right, TraceRelation::inclusion) == TraceComparison::Outcome::holds;
    const bool back = *compare_weak_traces(right, left, TraceRelation::inclusion) == TraceComparison::Outcome::holds;
    CHECK((!strong || divergence_preserving));
    CHECK((!divergence_preserving || branching));
    CHECK((!branching || traces));
    CHECK(traces == (inclusion && back));
    equivalent += branching ? 1 : 0;
  }
  CHECK(equivalent > 300);
}

TEST_CASE("a trace search whose budget is spent is undecided", "[lts]") {
  const Lts left = lts_of("0 a 0, 0 a 1, 1 a 2, 2 a 3, 3 b 0");
  const Lts right = lts_of("0 a 0, 0 a 1, 1 a 2, 2 a 3, 3 a 4, 4 b 0");
  CHECK(*compare_weak_traces(left, right, TraceRelation::equivalence, 3) == TraceComparison::Outcome::undecided);
  CHECK(*compare_weak_traces(left, right, TraceRelation::equivalence) == TraceComparison::Outcome::differs);
}
