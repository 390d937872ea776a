#include "base/log.h"

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <map>

#include "base/clock.h"
#include "base/duration.h"

namespace spex::base {
namespace {

constexpr std::size_t kLineMax = 4096;
constexpr std::size_t kLimitedEventsMax = 256;

struct State {
  std::string identity;
  LogLevel level = LogLevel::info;
  bool to_journal = std::getenv("JOURNAL_STREAM") != nullptr;
};

State& state() {
  static State instance;
  return instance;
}

std::string_view name_of(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
    case LogLevel::fatal:
      return "fatal";
  }
  return "";
}

std::string_view journal_priority(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return "<7>";
    case LogLevel::info:
      return "<6>";
    case LogLevel::warning:
      return "<4>";
    case LogLevel::error:
      return "<3>";
    case LogLevel::fatal:
      return "<2>";
  }
  return "";
}

bool needs_quotes(std::string_view value) {
  if (value.empty()) return true;
  for (const char c : value) {
    if (c <= ' ' || c == '"' || c == '=' || c == '\\' || c == 0x7f) return true;
  }
  return false;
}

void append_value(std::string& line, std::string_view value) {
  if (!needs_quotes(value)) {
    line += value;
    return;
  }
  line += '"';
  for (const char c : value) {
    if (c == '"' || c == '\\') line += '\\';
    if (c == '\n') {
      line += "\\n";
    } else {
      line += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
    }
  }
  line += '"';
}

void write_line(LogLevel level, std::string_view event, LogFields fields, std::uint64_t suppressed) {
  std::string line;
  line.reserve(256);
  if (state().to_journal) {
    line += journal_priority(level);
  } else {
    line += format_timestamp(SystemClock().wall());
    line += ' ';
  }
  line += "level=";
  line += name_of(level);
  if (!state().identity.empty()) (line += ' ') += state().identity;
  (line += " event=") += event;
  for (const auto& [key, value] : fields) {
    ((line += ' ') += key) += '=';
    append_value(line, value);
  }
  if (suppressed > 0) line += " suppressed=" + std::to_string(suppressed);
  if (line.size() >= kLineMax) line.resize(kLineMax - 1);
  line += '\n';
  // A log that cannot be written must not stop the service: nothing to do about an error here.
  [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

struct Window {
  MonotonicTime start;
  std::uint32_t written = 0;
  std::uint64_t suppressed = 0;
};

}  // namespace

void set_log_identity(std::string identity) { state().identity = std::move(identity); }
void set_log_level(LogLevel level) { state().level = level; }
LogLevel log_level() { return state().level; }

void log(LogLevel level, std::string_view event, LogFields fields) {
  if (level < state().level) return;
  write_line(level, event, fields, 0);
}

void log_limited(LogLevel level, std::string_view event, LogFields fields, std::uint32_t burst) {
  if (level < state().level) return;
  static std::map<std::string, Window, std::less<>> windows;
  if (windows.size() >= kLimitedEventsMax) windows.clear();
  const MonotonicTime now = SystemClock().monotonic();
  auto found = windows.find(event);
  if (found == windows.end()) found = windows.emplace(std::string(event), Window{now, 0, 0}).first;
  Window& window = found->second;
  std::uint64_t suppressed = 0;
  if (now - window.start > std::chrono::seconds(10)) {
    suppressed = window.suppressed;
    window = Window{now, 0, 0};
  }
  if (window.written >= burst) {
    ++window.suppressed;
    return;
  }
  ++window.written;
  write_line(level, event, fields, suppressed);
}

}  // namespace spex::base
