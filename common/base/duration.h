// Durations as people write them in files and options: `150ms`, `30s`, `5m`,
// `6h`, `2d`, `infinity`; and timestamps as RFC 3339 in UTC.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace spex::base {

// Microseconds, or nothing for `infinity`.
struct OptionalDuration {
  std::optional<std::int64_t> microseconds;
  bool operator==(const OptionalDuration&) const = default;
};

// Accepts a whole number with one of the units us, ms, s, m, h, d, or
// `infinity`. Fails with invalid_argument on anything else, on a sign, and past 10,000 years.
Result<OptionalDuration> parse_duration(std::string_view text);
// The shortest exact text in the same form: 90000000 -> "90s", 60000000 -> "1m".
std::string format_duration(OptionalDuration duration);

// "2026-11-23T09:30:00.123456Z": UTC, always six decimals.
std::string format_timestamp(Timestamp timestamp);
// RFC 3339 with offset or Z, `T` or a blank between date and time, up to nine
// decimals (cut to six); a time without offset is taken as UTC.
Result<Timestamp> parse_timestamp(std::string_view text);

}  // namespace spex::base
