// The configuration file: lines `name = value`.
//
// Blank lines, and lines whose first byte other than blanks is `#`, are
// ignored. The value is what stands after the first `=`, without the blanks
// around it, verbatim to the end of the line: `#`, `;` and quotes in it have no
// meaning. LF or CRLF. The only name that may be repeated is a repeatable one.
// Only names and repetition are judged here; values are judged in resolve.h.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spex::config {

// Something wrong in a file, by name and line (0: the file as a whole).
struct Problem {
  std::string file;
  std::uint32_t line = 0;
  std::string reason;
  bool operator==(const Problem&) const = default;
};
std::string to_string(const Problem& problem);  // "spexd.conf:12: reason"

// One `name = value`, with its place.
struct FileEntry {
  std::string name;
  std::string value;
  std::uint32_t line = 0;
};

struct ConfigFile {
  std::string path;
  std::vector<FileEntry> entries;
  std::vector<Problem> problems;
};

// Never fails: everything wrong is in `problems`, everything right in `entries`.
ConfigFile parse_config_text(std::string_view text, const std::string& path);
// The same for a file; one that cannot be read, or above 1 MiB, is a problem of line 0.
ConfigFile read_config_file(const std::string& path);

}  // namespace spex::config
