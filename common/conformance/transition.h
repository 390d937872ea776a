// NamedTransition: a step written with names, as files, messages and reports
// have it; and its one text form `from --[action]-> to`.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <variant>

namespace spex::conformance {

struct NamedTransition {
  std::string from;  // empty: none, the initialisation of an instance (written `nil`)
  std::string action;
  std::string to;

  bool is_initialisation() const { return from.empty(); }
  auto operator<=>(const NamedTransition&) const = default;
};

// "s0 --[a]-> s1"; the order of these texts is the order of every written file.
std::string transition_line(const NamedTransition& transition);

// The transition of one line, or why the line is none. With `allow_none` the
// source may be `nil`, before `__initialisation__` only.
std::variant<NamedTransition, std::string> parse_transition_line(std::string_view line, bool allow_none);

}  // namespace spex::conformance
