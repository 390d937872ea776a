// One structured line per event on standard error: `level=… process=… shard=…
// incarnation=… event=… key=value …`, written with one write(2) so that lines
// of several processes never mix. Under systemd (JOURNAL_STREAM) a syslog
// priority `<n>` is put in front and the time left to the journal.
//
// Never blocks for long on purpose: a line longer than 4 KiB is cut. Repeated
// warnings are limited per event name (RateLimit below).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace spex::base {

enum class LogLevel : std::uint8_t { debug, info, warning, error, fatal };

using LogFields = std::initializer_list<std::pair<std::string_view, std::string_view>>;

// Who is logging; set once at start of a process. `identity` is put into every
// line as it is, e.g. "process=spex-shard-worker shard=3 incarnation=7".
void set_log_identity(std::string identity);
void set_log_level(LogLevel level);  // lines below it are dropped; default info
LogLevel log_level();

// Writes one line. `event` is a snake_case name; values are quoted if needed.
void log(LogLevel level, std::string_view event, LogFields fields = {});

// As log(), but at most `burst` lines per event name in ten seconds; the next
// line after that says how many were suppressed (`suppressed=N`).
void log_limited(LogLevel level, std::string_view event, LogFields fields = {}, std::uint32_t burst = 5);

}  // namespace spex::base
