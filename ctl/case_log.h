// CaseLog: an event log in memory: cases in the order of their first event, and
// events in the order of the file. Read from CSV or JSON lines.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "conformance/transition.h"

namespace spex::ctl {

struct LogColumns {
  std::string case_id;
  std::string activity;
  std::optional<std::string> time;
  std::optional<std::string> state;  // default: the state is named after the activity
};

struct LogEvent {
  std::uint32_t case_number = 0;
  std::uint32_t activity = 0;  // into names
  std::uint32_t state = 0;
  std::optional<base::Timestamp> occurred_at;
};

struct CaseLog {
  std::vector<std::string> cases;
  std::vector<std::string> names;
  std::vector<LogEvent> events;

  const std::string& activity(const LogEvent& event) const { return names[event.activity]; }
  const std::string& state(const LogEvent& event) const { return names[event.state]; }
};

// The state in which every case begins.
inline constexpr std::string_view kStartState = "start";

// `name` ends with .jsonl or .ndjson: one object a line; anything else is CSV
// with a head line. malformed naming file and line; a missing column, an empty
// case or activity, a time that is none.
base::Result<CaseLog> read_case_log(std::string_view text, const std::string& name, const LogColumns& columns);

// What an implementation that does the first `cases` cases is: the initialisation
// in `start` and each step once, sorted by its text line.
std::vector<conformance::NamedTransition> directly_follows(const CaseLog& log, std::size_t cases);

}  // namespace spex::ctl
