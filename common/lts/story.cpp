// tell_story(): an Explanation in words.
#include "lts/explanation.h"

namespace spex::lts {
namespace {

// Long lists and runs are cut with a word about it.
constexpr std::size_t kListMax = 12;

class Teller {
 public:
  Teller(const Explanation& explanation, const Lts& left, const Lts& right, std::string_view left_name,
         std::string_view right_name)
      : explanation_(explanation), left_(left), right_(right), left_name_(left_name), right_name_(right_name) {}

  std::string tell() {
    switch (explanation_.kind) {
      case Explanation::Kind::trace:
        tell_trace();
        break;
      case Explanation::Kind::game:
        tell_game();
        break;
      case Explanation::Kind::coarse:
        text_ = "the systems differ";
        if (!explanation_.note.empty()) text_ += ". " + explanation_.note;
        break;
    }
    return std::move(text_);
  }

 private:
  std::string_view name(Side side) const { return side == Side::left ? left_name_ : right_name_; }
  static Side other(Side side) { return side == Side::left ? Side::right : Side::left; }
  std::string state(Side side, StateId id) const { return (side == Side::left ? left_ : right_).state_name(id); }
  const std::vector<std::string>& offers(Side side) const {
    return side == Side::left ? explanation_.left_offers : explanation_.right_offers;
  }

  static std::string quoted(const std::string& word) { return std::string("`").append(word).append("`"); }

  static std::string list(const std::vector<std::string>& words) {
    std::string text;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (i == kListMax) return text + " and " + std::to_string(words.size() - i) + " more";
      if (i > 0) text += ", ";
      text += quoted(words[i]);
    }
    return text;
  }

  // The last ones matter most.
  static std::string trace_list(const std::vector<std::string>& trace) {
    if (trace.size() <= kListMax) return list(trace);
    const std::vector<std::string> tail(trace.end() - static_cast<std::ptrdiff_t>(kListMax), trace.end());
    return std::to_string(trace.size() - kListMax) + " more actions and then " + list(tail);
  }

  std::string with_state(Side side, StateId id) const {
    return std::string(name(side)) + " (state " + quoted(state(side, id)) + ")";
  }

  void tell_ability(Side able, StateId able_state, StateId other_state) {
    text_ += with_state(able, able_state) + " can ";
    text_ += explanation_.action.empty() ? "go on silently for ever" : "do " + quoted(explanation_.action);
    text_ += "; " + with_state(other(able), other_state);
    if (explanation_.action.empty()) {
      text_ += " cannot";
    } else if (offers(other(able)).empty()) {
      text_ += " can do nothing";
    } else {
      text_ += " can only do " + list(offers(other(able)));
    }
  }

  void tell_trace() {
    text_ = explanation_.trace.empty() ? "at the start " : "after " + trace_list(explanation_.trace) + " ";
    const bool left = explanation_.able == Side::left;
    tell_ability(explanation_.able, left ? explanation_.left_state : explanation_.right_state,
                 left ? explanation_.right_state : explanation_.left_state);
  }

  static std::string moves(const std::vector<RunStep>& run) {
    std::string text;
    std::size_t silent = 0;
    for (const RunStep& step : run) {
      if (step.action.empty()) {
        ++silent;
      } else {
        text += (silent > 0 ? "silent steps and " : "") + quoted(step.action);
      }
    }
    if (text.empty()) text = silent > 0 ? "silent steps" : "staying";
    return text;
  }

  void tell_game() {
    StateId left = left_.initial_state();
    StateId right = right_.initial_state();
    for (std::size_t i = 0; i < explanation_.game.size(); ++i) {
      const GameStep& step = explanation_.game[i];
      if (!text_.empty()) text_ += "; then ";
      if (i + 1 == explanation_.game.size()) {
        const bool by_left = step.mover == Side::left;
        tell_ability(step.mover, by_left ? left : right, by_left ? right : left);
        return;
      }
      if (i == kListMax && explanation_.game.size() > 2 * kListMax) {
        text_ += std::to_string(explanation_.game.size() - 1 - i) + " more exchanges; then ";
        i = explanation_.game.size() - 2;
        left = explanation_.game[i].left_state;
        right = explanation_.game[i].right_state;
        continue;
      }
      tell_exchange(step);
      left = step.left_state;
      right = step.right_state;
    }
  }

  void tell_exchange(const GameStep& step) {
    const auto& run = step.mover == Side::left ? step.left : step.right;
    const auto& answer = step.mover == Side::left ? step.right : step.left;
    const StateId to = step.mover == Side::left ? step.left_state : step.right_state;
    const StateId answer_to = step.mover == Side::left ? step.right_state : step.left_state;
    text_ += std::string(name(step.mover)) + " moves by " + moves(run) + " to " + quoted(state(step.mover, to));
    text_ += ", which " + std::string(name(other(step.mover))) + " answers by " + moves(answer) + ", being in ";
    text_ += quoted(state(other(step.mover), answer_to));
  }

  const Explanation& explanation_;
  const Lts& left_;
  const Lts& right_;
  std::string_view left_name_;
  std::string_view right_name_;
  std::string text_;
};

}  // namespace

std::string tell_story(const Explanation& explanation, const Lts& left, const Lts& right, std::string_view left_name,
                       std::string_view right_name) {
  return Teller(explanation, left, right, left_name, right_name).tell();
}

}  // namespace spex::lts
