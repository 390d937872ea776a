#include "conformance/explained.h"

#include <algorithm>
#include <utility>

namespace spex::conformance {
namespace {

using lts::Explanation;
using lts::Side;

class Describer {
 public:
  Describer(const Explanation& from, const lts::Lts& left, const lts::Lts& right, const ExplainedLimits& limits)
      : from_(from), left_(left), right_(right), limits_(limits) {}

  Explained describe() {
    told_.kind = kind();
    told_.left_is_able = from_.able == Side::left;
    told_.trace = newest(from_.trace, "actions of the trace");
    told_.action = from_.action;
    told_.left_run = run(from_.left_run, left_, "steps of the left run");
    told_.right_run = run(from_.right_run, right_, "steps of the right run");
    describe_game();
    if (from_.kind != Explanation::Kind::coarse) {
      told_.left_state = left_.state_name(from_.left_state);
      told_.right_state = right_.state_name(from_.right_state);
    }
    told_.left_offers = first(from_.left_offers, "offers of the left side");
    told_.right_offers = first(from_.right_offers, "offers of the right side");
    told_.depth = from_.depth;
    if (from_.formula.size() <= limits_.formula_bytes_max) {
      told_.formula = from_.formula;
    } else {
      say("The distinguishing formula is longer than " + std::to_string(limits_.formula_bytes_max) + " bytes.");
    }
    say(from_.note);
    return std::move(told_);
  }

 private:
  std::string kind() const {
    switch (from_.kind) {
      case Explanation::Kind::trace:
        return "trace";
      case Explanation::Kind::game:
        return "game";
      case Explanation::Kind::coarse:
        return "coarse";
    }
    return "";
  }

  void say(const std::string& sentence) {
    if (sentence.empty()) return;
    told_.note += (told_.note.empty() ? "" : " ") + sentence;
  }

  // How many of `size` entries are left out.
  std::size_t surplus(std::size_t size, const char* what) {
    if (size <= limits_.entries_max) return 0;
    say(std::to_string(size - limits_.entries_max) + " " + what + " are left out.");
    return size - limits_.entries_max;
  }

  // What comes last matters most.
  std::vector<std::string> newest(const std::vector<std::string>& words, const char* what) {
    return {words.begin() + static_cast<std::ptrdiff_t>(surplus(words.size(), what)), words.end()};
  }
  std::vector<std::string> first(const std::vector<std::string>& words, const char* what) {
    return {words.begin(), words.end() - static_cast<std::ptrdiff_t>(surplus(words.size(), what))};
  }

  std::vector<ExplainedStep> run(const std::vector<lts::RunStep>& steps, const lts::Lts& lts, const char* what) {
    std::vector<ExplainedStep> named;
    for (std::size_t i = surplus(steps.size(), what); i < steps.size(); ++i) {
      named.push_back({steps[i].action, lts.state_name(steps[i].state)});
    }
    return named;
  }

  void describe_game() {
    for (std::size_t i = surplus(from_.game.size(), "exchanges of the play"); i < from_.game.size(); ++i) {
      const lts::GameStep& step = from_.game[i];
      told_.game.push_back({step.mover == Side::left, step.action, run(step.left, left_, "steps of an exchange"),
                            run(step.right, right_, "steps of an exchange"), left_.state_name(step.left_state),
                            right_.state_name(step.right_state)});
    }
  }

  const Explanation& from_;
  const lts::Lts& left_;
  const lts::Lts& right_;
  const ExplainedLimits& limits_;
  Explained told_;
};

}  // namespace

Explained describe(const Explanation& explanation, const lts::Lts& left, const lts::Lts& right,
                   std::string_view left_name, std::string_view right_name, const ExplainedLimits& limits) {
  Explained told = Describer(explanation, left, right, limits).describe();
  told.story = shortened(tell_story(explanation, left, right, left_name, right_name), limits.story_bytes_max);
  return told;
}

std::string shortened(std::string_view text, std::size_t bytes_max) {
  constexpr std::string_view kEllipsis = "…";
  if (text.size() <= bytes_max) return std::string(text);
  std::size_t end = bytes_max < kEllipsis.size() ? 0 : bytes_max - kEllipsis.size();
  // Bytes 10xxxxxx continue a character of UTF-8.
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)).append(kEllipsis);
}

}  // namespace spex::conformance
