#include "base/duration.h"

#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>

namespace spex::base {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t microseconds;
};
constexpr std::array kUnits = {Unit{"d", 86'400'000'000}, Unit{"h", 3'600'000'000}, Unit{"m", 60'000'000},
                               Unit{"s", 1'000'000},      Unit{"ms", 1'000},        Unit{"us", 1}};
constexpr std::int64_t kLongest = 3'652'500LL * 86'400'000'000LL;

Error bad_duration(std::string_view text) {
  return fail(Reason::invalid_argument,
              "read duration '" + std::string(text) + "': expected a number with us, ms, s, m, h or d, or 'infinity'");
}

// Reads exactly `count` digits.
bool read_digits(std::string_view& text, std::size_t count, int& value) {
  if (text.size() < count) return false;
  value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (std::isdigit(static_cast<unsigned char>(text[i])) == 0) return false;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return true;
}

bool read_char(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos) return false;
  text.remove_prefix(1);
  return true;
}

bool read_fraction(std::string_view& text, std::int64_t& microseconds) {
  microseconds = 0;
  if (!read_char(text, ".,")) return true;
  std::int64_t scale = 100'000;
  std::size_t digits = 0;
  for (; !text.empty() && std::isdigit(static_cast<unsigned char>(text[0])) != 0; ++digits) {
    microseconds += (text[0] - '0') * scale;
    scale /= 10;
    text.remove_prefix(1);
  }
  return digits >= 1 && digits <= 9;
}

bool read_offset(std::string_view& text, std::int64_t& minutes) {
  minutes = 0;
  if (text.empty() || read_char(text, "Zz")) return text.empty();
  const bool negative = text[0] == '-';
  int hours = 0;
  int rest = 0;
  if (!read_char(text, "+-") || !read_digits(text, 2, hours)) return false;
  read_char(text, ":");
  if (!read_digits(text, 2, rest) || hours > 23 || rest > 59) return false;
  minutes = hours * 60 + rest;
  if (negative) minutes = -minutes;
  return text.empty();
}

}  // namespace

Result<OptionalDuration> parse_duration(std::string_view text) {
  if (text == "infinity") return OptionalDuration{};
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0 || text.empty() || text[0] == '-') return bad_duration(text);
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& candidate : kUnits) {
    if (candidate.name != unit) continue;
    if (number > kLongest / candidate.microseconds) return bad_duration(text);
    return OptionalDuration{number * candidate.microseconds};
  }
  return bad_duration(text);
}

std::string format_duration(OptionalDuration duration) {
  if (!duration.microseconds) return "infinity";
  const std::int64_t value = *duration.microseconds;
  if (value == 0) return "0s";
  for (const Unit& unit : kUnits) {
    if (value % unit.microseconds == 0) return std::to_string(value / unit.microseconds) + std::string(unit.name);
  }
  return std::to_string(value) + "us";
}

std::string format_timestamp(Timestamp timestamp) {
  using namespace std::chrono;
  const sys_time<microseconds> time{microseconds{timestamp}};
  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  std::array<char, 48> text{};
  const int length =
      std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", int(date.year()),
                    unsigned(date.month()), unsigned(date.day()), int(clock.hours().count()),
                    int(clock.minutes().count()), int(clock.seconds().count()), int(clock.subseconds().count()));
  return std::string(text.data(), static_cast<std::size_t>(length));
}

Result<Timestamp> parse_timestamp(std::string_view text) {
  using namespace std::chrono;
  const std::string_view whole = text;
  int year_number = 0, month_number = 0, day_number = 0, hour = 0, minute = 0, second = 0;
  std::int64_t fraction = 0, offset_minutes = 0;
  const bool shaped = read_digits(text, 4, year_number) && read_char(text, "-") && read_digits(text, 2, month_number) &&
                      read_char(text, "-") && read_digits(text, 2, day_number) && read_char(text, "Tt ") &&
                      read_digits(text, 2, hour) && read_char(text, ":") && read_digits(text, 2, minute) &&
                      read_char(text, ":") && read_digits(text, 2, second) && read_fraction(text, fraction) &&
                      read_offset(text, offset_minutes);
  const year_month_day date{year{year_number}, month{unsigned(month_number)}, day{unsigned(day_number)}};
  if (!shaped || !date.ok() || hour > 23 || minute > 59 || second > 60) {
    return fail(Reason::invalid_argument,
                "read time '" + std::string(whole) + "': expected RFC 3339, e.g. 2026-11-23T09:30:00Z");
  }
  const auto since_epoch =
      sys_days{date}.time_since_epoch() + hours{hour} + minutes{minute - offset_minutes} + seconds{second};
  return duration_cast<microseconds>(since_epoch).count() + fraction;
}

}  // namespace spex::base
