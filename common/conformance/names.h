// Which byte strings are names: of states, actions and specifications; and the
// words with a meaning of their own. Pure; used by the readers of text files
// and by every handler that takes a name from the wire.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace spex::conformance {

// The unobservable step (tau) in `.spec`, `.spex` and on the wire.
inline constexpr std::string_view kInternalAction = "__internal__";
// The creation of an instance. From a named state it is an ordinary visible action.
inline constexpr std::string_view kInitialisationAction = "__initialisation__";
// How "no state" is written before an initialisation; no name.
inline constexpr std::string_view kNoState = "nil";
// What stands between the three parts of a transition line; names contain
// neither, and neither can overlap itself, so a line splits in one way only.
inline constexpr std::string_view kActionOpens = " --[";
inline constexpr std::string_view kActionCloses = "]-> ";

inline constexpr std::size_t kNameBytesMax = 255;
inline constexpr std::size_t kSpecificationNameBytesMax = 200;

// Why `name` cannot name a state or an action; empty if it can.
std::string_view name_problem(std::string_view name);
// Why `name` cannot name a specification; empty if it can.
std::string_view specification_name_problem(std::string_view name);

// Text of others for an error message: in single quotes, cut when long, and
// always UTF-8 without control characters.
std::string quoted(std::string_view text);

}  // namespace spex::conformance
