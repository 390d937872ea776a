#include "conformance/transition.h"

#include "conformance/names.h"

namespace spex::conformance {
namespace {

std::string bad_name(std::string_view what, std::string_view name, std::string_view why) {
  return std::string(what) + " " + quoted(name) + " " + std::string(why);
}

}  // namespace

std::string transition_line(const NamedTransition& transition) {
  const std::string_view from = transition.is_initialisation() ? kNoState : std::string_view(transition.from);
  std::string line;
  line.reserve(from.size() + transition.action.size() + transition.to.size() + 8);
  line.append(from).append(kActionOpens).append(transition.action).append(kActionCloses).append(transition.to);
  return line;
}

std::variant<NamedTransition, std::string> parse_transition_line(std::string_view line, bool allow_none) {
  const std::size_t open = line.find(kActionOpens);
  if (open == std::string_view::npos) return "expected 'from --[action]-> to', found " + quoted(line);
  const std::string_view from = line.substr(0, open);
  line.remove_prefix(open + kActionOpens.size());
  const std::size_t close = line.find(kActionCloses);
  if (close == std::string_view::npos) return "expected ']-> ' after the action in " + quoted(line);
  const std::string_view action = line.substr(0, close);
  const std::string_view to = line.substr(close + kActionCloses.size());
  const bool none = from == kNoState;
  if (none && !allow_none) return std::string("state 'nil' is no state of a specification");
  if (none && action != kInitialisationAction) {
    return std::string("'nil' stands before __initialisation__ only");
  }
  if (const auto why = name_problem(from); !none && !why.empty()) return bad_name("state", from, why);
  if (const auto why = name_problem(action); !why.empty()) return bad_name("action", action, why);
  if (const auto why = name_problem(to); !why.empty()) return bad_name("state", to, why);
  return NamedTransition{none ? std::string() : std::string(from), std::string(action), std::string(to)};
}

}  // namespace spex::conformance
