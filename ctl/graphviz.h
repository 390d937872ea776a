// Graphviz's program `dot`, which makes pictures of DOT texts: an external
// program found in PATH, not a library. Used by `graph`.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace spex::ctl {

// Writes the picture of `dot_text` as `path`, as a whole; `format` is "svg" or "png". invalid_argument if dot is not
// installed (the message says what to do) or refuses the text, deadline_exceeded if it takes too long.
base::Result<void> draw_with_graphviz(std::string_view dot_text, const std::string& format, const std::string& path);

}  // namespace spex::ctl
