// Says why two LTSs are not bisimilar.
//
// Where the weak traces differ, a shortest trace that one side has and the
// other lacks; otherwise a play of the bisimulation game of least depth, in
// which the defender holds out as long as it can. Besides, a distinguishing
// formula of least depth, checked against both systems by formula_eval.h.
// Everything is bounded: past the budget the explanation gets coarser, never
// wrong. Plain values, rendered by ctl and conformance; tell_story() puts them
// in words. Called only after decide() said no.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lts/branching_bisimulation.h"
#include "lts/decision.h"
#include "lts/lts.h"
#include "lts/weak_trace.h"

namespace spex::lts {

enum class Side : std::uint8_t { left, right };

// One step of a run of one side, with the state it leads to.
struct RunStep {
  std::string action;  // empty: a silent step
  StateId state;
};

// One exchange of the game: one side moves, the other answers.
struct GameStep {
  Side mover;
  std::string action;  // empty: a silent step
  // The moves of each side from the last positions: silent steps, then the action (or nothing more, if a
  // silent step is answered by none). The answer is missing in the last exchange.
  std::vector<RunStep> left;
  std::vector<RunStep> right;
  // The positions compared next.
  StateId left_state;
  StateId right_state;
};

struct Explanation {
  enum class Kind : std::uint8_t {
    trace,   // `able` can do `trace` and then `action`, the other side cannot
    game,    // no trace shows the difference (within the budget); `game` does
    coarse,  // past the budget: only that they differ
  };
  Kind kind = Kind::coarse;
  Side able = Side::left;
  std::vector<std::string> trace;
  std::string action;  // in a game: that the last mover does and the other side cannot; empty for divergence
  // From the initial states, along `trace`; that of `able` ends with `action`.
  std::vector<RunStep> left_run;
  std::vector<RunStep> right_run;
  std::vector<GameStep> game;
  // Where the difference shows, and the visible actions each side can do there, silent steps before them
  // included; sorted. After a trace the other side may be in several states: it offers what any of them does.
  StateId left_state = 0;
  StateId right_state = 0;
  std::vector<std::string> left_offers;
  std::vector<std::string> right_offers;

  std::string formula;      // in mCRL2's syntax, true of left and false of right; empty if there is none
  std::uint32_t depth = 0;  // of the formula: the least there is; 0 if not known
  std::string note;         // what was left out and why; a sentence or empty
};

struct ExplainOptions {
  // Elementary steps for each part (trace, levels, formula, check); 0: some per state and transition.
  std::uint64_t work_max = 0;
  std::size_t formula_bytes_max = 1U << 20U;
  // Without, only trace or play are looked for.
  bool with_formula = true;
};

// The decision must be one on these two, that they are not bisimilar.
Explanation explain(const Lts& left, const Lts& right, const Decision& decision, const ExplainOptions& options = {});
// For those who have not decided it here. The initial states must not be bisimilar. Fails as bisimilar() does.
base::Result<Explanation> explain(const Lts& left, const Lts& right, Bisimilarity relation = Bisimilarity::branching,
                                  const ExplainOptions& options = {});

// Why the relation between the weak traces does not hold: compare_weak_traces() said `differs`. For inclusion the
// trace is one of left. The formula says that the trace is there or, if it is right's, that it is not.
base::Result<Explanation> explain_traces(const Lts& left, const Lts& right, TraceRelation relation,
                                         const ExplainOptions& options = {});

// "after `pay`, `ship` the implementation (state `shipped`) can do `refund`; the specification (state `s3`) can
// only do `deliver`". The names say what left and right are, e.g. "the implementation".
std::string tell_story(const Explanation& explanation, const Lts& left, const Lts& right, std::string_view left_name,
                       std::string_view right_name);

}  // namespace spex::lts
