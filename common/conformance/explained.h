// Explained: why an implementation model is not equivalent to its specification,
// with names instead of ids: the plain form of lts/explanation.h that reports,
// messages and documents are written from. Left is the implementation, right
// the specification. Bounded: long lists are cut and `note` says so.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "lts/explanation.h"
#include "lts/lts.h"

namespace spex::conformance {

struct ExplainedStep {
  std::string action;  // empty: a silent step
  std::string state;   // the one it leads to
  bool operator==(const ExplainedStep&) const = default;
};

struct ExplainedExchange {
  bool left_moves = false;
  std::string action;  // empty: a silent step
  std::vector<ExplainedStep> left;
  std::vector<ExplainedStep> right;
  std::string left_state;  // compared next
  std::string right_state;
  bool operator==(const ExplainedExchange&) const = default;
};

struct Explained {
  std::string story;  // never empty
  std::string kind;   // "trace", "game", "coarse"; "initialisation": none or several
  bool left_is_able = false;
  std::vector<std::string> trace;
  std::string action;
  std::vector<ExplainedStep> left_run;
  std::vector<ExplainedStep> right_run;
  std::vector<ExplainedExchange> game;
  std::string left_state;
  std::string right_state;
  std::vector<std::string> left_offers;
  std::vector<std::string> right_offers;
  std::string formula;
  std::uint32_t depth = 0;
  std::string note;

  bool operator==(const Explained&) const = default;
};

struct ExplainedLimits {
  std::size_t entries_max = 100;         // of each list; of runs and traces the newest are kept
  std::size_t story_bytes_max = 4096;    // cut at a character's end
  std::size_t formula_bytes_max = 4096;  // a longer one is left out
};

// `left_name` and `right_name` are what the story calls the two, e.g. "the implementation".
Explained describe(const lts::Explanation& explanation, const lts::Lts& left, const lts::Lts& right,
                   std::string_view left_name, std::string_view right_name, const ExplainedLimits& limits = {});

// At most `bytes_max` bytes of a text, "…" included, never ending within a character.
std::string shortened(std::string_view text, std::size_t bytes_max);

}  // namespace spex::conformance
