// Aldebaran `.aut`: `des (initial, transitions, states)`, then one line
// `(from, label, to)` per transition.
//
// Labels are opaque bytes: quoted up to the next `"` with blanks kept and no
// escapes, or unquoted up to the next comma with blanks removed. The internal
// label is what the caller names, `tau` by default; the empty label, `i` and
// `TAU` are ordinary. Called by spexctl's file verbs. Memory while reading is
// 20 bytes a transition, whatever the header claims.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lts/byte_source.h"
#include "lts/lts.h"

namespace spex::lts {

struct AutOptions {
  // The labels that mean the internal action; at least one, the first is its name.
  std::vector<std::string> tau_names = {"tau"};
};

// Malformed input fails with the line in text and context ("line"): damaged lines, wrong counts,
// states out of range, no states, text after a transition; numbers past 32 bits are too_large.
base::Result<Lts> read_aut(ByteSource& source, const AutOptions& options = {});
base::Result<Lts> read_aut_file(const std::string& path, const AutOptions& options = {});
base::Result<Lts> parse_aut(std::string_view text, const AutOptions& options = {});

// The text of the LTS with tau written as `tau_name`, every label quoted. Refused (invalid_argument) if a
// visible action has that name or a label cannot be written (it holds `"` and a comma or blank).
base::Result<std::string> format_aut(const Lts& lts, std::string_view tau_name = "tau");

}  // namespace spex::lts
