// LtsFile: a labelled transition system from a file of any format that spexctl
// knows, and back into one. Formats are told by the name's ending (before
// `.gz`), else by the first word. Used by compare, reduce, convert, info, graph.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ctl/verb.h"
#include "lts/lts.h"

namespace spex::ctl {

enum class LtsFormat : std::uint8_t { aut, dot, spec, spex };

std::string_view format_name(LtsFormat format);  // "aut", …
std::optional<LtsFormat> format_of_ending(std::string_view path);

struct LtsFile {
  std::string path;  // for people: "standard input" for `-`
  LtsFormat format;
  lts::Lts lts;
  std::string specification;    // the name in a `.spec` or `.spex` file
  std::string not_one_initial;  // of a model: why it cannot be equivalent to anything; then `lts` means nothing
};

// Reads `path`; `-` is standard input, compressed or not. `tau_names` is for .aut and DOT. Every failure has reason
// `malformed` and the message "<file>:<line>: <why>", without the line if there is none.
base::Result<LtsFile> load_lts(const std::string& path, const std::vector<std::string>& tau_names);
// The same; a model without exactly one initialisation is a failure, too.
base::Result<LtsFile> load_one_lts(const std::string& path, const std::vector<std::string>& tau_names);

// The text of `lts`; `name` is the specification's. Refused (invalid_argument) where the format has no words for a
// label, a state or the system as a whole.
base::Result<std::string> write_lts(const lts::Lts& lts, LtsFormat format, const std::string& tau_name,
                                    const std::string& name);
// Into a file, as a whole, or to standard output if `path` is empty or `-`.
base::Result<void> put_text(const std::string& path, std::string_view text);

// Where and as what `reduce` and `convert` write: -o, --to, --name.
struct Written {
  std::string path;  // empty: standard output
  LtsFormat format;
  std::string name;  // the specification's, for .spec and .spex

  bool is_standard_output() const { return path.empty() || path == "-"; }
};
// The format is --to's, else that of the ending of -o's file, else that of `read`.
base::Result<Written> written_option(const Invocation& invocation, const LtsFile& read);
// Those options and --tau, after `own`.
std::vector<config::Option> written_options(std::vector<config::Option> own);

// "order.spex" of "a/order.spex"; and without its endings, "order".
std::string base_name(const std::string& path);
std::string stem_of(const std::string& path);

// The option --tau and what was given with it, `tau` by default.
config::Option tau_option();
std::vector<std::string> tau_names_of(const Invocation& invocation);

}  // namespace spex::ctl
