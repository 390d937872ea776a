#include "config/parameter_types.h"

#include <array>
#include <charconv>
#include <optional>

#include "base/duration.h"

namespace spex::config {
namespace {

std::string quoted(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

struct SizeUnit {
  std::string_view name;
  std::uint64_t bytes;
};
// Largest first, so that the first one that divides gives the shortest text.
constexpr std::array<SizeUnit, 3> kSizeUnits{{{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}}};

std::optional<std::uint64_t> parse_size(std::string_view text) {
  for (const SizeUnit& unit : kSizeUnits) {
    if (!text.ends_with(unit.name)) continue;
    const auto number = parse_number(text.substr(0, text.size() - unit.name.size()));
    if (!number || *number > UINT64_MAX / unit.bytes) return std::nullopt;
    return *number * unit.bytes;
  }
  return parse_number(text);
}

std::string format_size(std::uint64_t bytes) {
  for (const SizeUnit& unit : kSizeUnits) {
    if (bytes != 0 && bytes % unit.bytes == 0) return std::to_string(bytes / unit.bytes) + std::string(unit.name);
  }
  return std::to_string(bytes);
}

std::string format(std::int64_t microseconds) { return base::format_duration({microseconds}); }

// A duration within the bounds, or the reason why not. Whether `infinity` is allowed is the caller's to decide.
base::Result<base::OptionalDuration> parse_bounded(std::string_view text, std::int64_t min, std::int64_t max) {
  auto parsed = base::parse_duration(text);
  if (!parsed) return refuse(quoted(text) + " is not a duration such as 150ms, 30s, 5m, 6h or 2d");
  const auto value = parsed->microseconds;
  if (value && (*value < min || *value > max)) {
    return refuse(std::string(text) + " is not within " + format(min) + " to " + format(max));
  }
  return parsed;
}

bool is_bad_port(std::string_view port) {
  if (port == "*") return false;
  const auto number = parse_number(port);
  return !number || *number < 1 || *number > 65'535;
}

base::Result<void> check_endpoint(std::string_view text) {
  if (text.starts_with("ipc://")) {
    if (text.size() == 6) return refuse("ipc:// lacks a path");
    return {};
  }
  if (!text.starts_with("tcp://")) return refuse(quoted(text) + " begins neither with ipc:// nor with tcp://");
  const auto colon = text.rfind(':');
  if (colon <= 6) return refuse(quoted(text) + " is not tcp://HOST:PORT");
  if (is_bad_port(text.substr(colon + 1))) return refuse(quoted(text) + " has no port of 1 to 65535");
  return {};
}

Parameter optional_duration(base::OptionalDuration Config::*field, std::int64_t min, std::int64_t max) {
  Parameter result;
  result.type = "duration";
  result.bounds = format(min) + " to " + format(max) + ", or infinity";
  result.get = [field](const Config& config) { return std::vector{base::format_duration(config.*field)}; };
  result.clear = [](Config&) {};
  return result;
}

}  // namespace

base::Error refuse(std::string reason) { return base::fail(base::Reason::invalid_argument, std::move(reason)); }

Parameter path_type(std::string Config::*field, std::size_t bytes_max) {
  Parameter result;
  result.type = "path";
  result.bounds = "at most " + std::to_string(bytes_max) + " bytes";
  result.set = [field, bytes_max](Config& config, std::string_view text) -> base::Result<void> {
    if (text.size() > bytes_max) {
      return refuse("the path has " + std::to_string(text.size()) + " bytes, at most " + std::to_string(bytes_max) +
                    " are allowed");
    }
    config.*field = text;
    return {};
  };
  result.get = [field](const Config& config) { return std::vector{config.*field}; };
  result.clear = [](Config&) {};
  return result;
}

Parameter endpoint_type(std::vector<std::string> Config::*field) {
  Parameter result;
  result.type = "endpoint";
  result.bounds = "at most 16 of them";
  result.repeatable = true;
  result.set = [field](Config& config, std::string_view text) -> base::Result<void> {
    SPEX_TRY(check_endpoint(text));
    if ((config.*field).size() >= 16) return refuse("more than 16 endpoints");
    (config.*field).emplace_back(text);
    return {};
  };
  result.get = [field](const Config& config) { return config.*field; };
  result.clear = [field](Config& config) { (config.*field).clear(); };
  return result;
}

Parameter count_type(std::uint32_t Config::*field, std::uint32_t min, std::uint32_t max) {
  Parameter result;
  result.type = "count";
  result.bounds = std::to_string(min) + " to " + std::to_string(max);
  result.set = [field, min, max, bounds = result.bounds](Config& config, std::string_view text) -> base::Result<void> {
    const auto number = parse_number(text);
    if (!number) return refuse(quoted(text) + " is not a whole number");
    if (*number < min || *number > max) return refuse(std::string(text) + " is not within " + bounds);
    config.*field = static_cast<std::uint32_t>(*number);
    return {};
  };
  result.get = [field](const Config& config) { return std::vector{std::to_string(config.*field)}; };
  result.clear = [](Config&) {};
  return result;
}

Parameter size_type(std::uint64_t Config::*field, std::uint64_t min, std::uint64_t max) {
  Parameter result;
  result.type = "size";
  result.bounds = format_size(min) + " to " + format_size(max);
  result.set = [field, min, max, bounds = result.bounds](Config& config, std::string_view text) -> base::Result<void> {
    const auto bytes = parse_size(text);
    if (!bytes) return refuse(quoted(text) + " is not a number of bytes, plain or with KiB, MiB or GiB");
    if (*bytes < min || *bytes > max) return refuse(std::string(text) + " is not within " + bounds);
    config.*field = *bytes;
    return {};
  };
  result.get = [field](const Config& config) { return std::vector{format_size(config.*field)}; };
  result.clear = [](Config&) {};
  return result;
}

Parameter duration_type(std::int64_t Config::*field, std::int64_t min, std::int64_t max) {
  Parameter result;
  result.type = "duration";
  result.bounds = format(min) + " to " + format(max);
  result.set = [field, min, max](Config& config, std::string_view text) -> base::Result<void> {
    SPEX_TRY_ASSIGN(const auto value, parse_bounded(text, min, max));
    if (!value.microseconds) return refuse("infinity is not allowed here");
    config.*field = *value.microseconds;
    return {};
  };
  result.get = [field](const Config& config) { return std::vector{format(config.*field)}; };
  result.clear = [](Config&) {};
  return result;
}

Parameter duration_type(base::OptionalDuration Config::*field, std::int64_t min, std::int64_t max) {
  Parameter result = optional_duration(field, min, max);
  result.set = [field, min, max](Config& config, std::string_view text) -> base::Result<void> {
    SPEX_TRY_ASSIGN(config.*field, parse_bounded(text, min, max));
    return {};
  };
  return result;
}

Parameter seconds_type(base::OptionalDuration Config::*field, std::int64_t min, std::int64_t max) {
  Parameter result = optional_duration(field, min, max);
  result.type = "duration, or seconds";
  result.set = [field, min, max](Config& config, std::string_view text) -> base::Result<void> {
    const std::string with_unit = std::string(text) + (parse_number(text) ? "s" : "");
    SPEX_TRY_ASSIGN(config.*field, parse_bounded(with_unit, min, max));
    return {};
  };
  return result;
}

Parameter switch_type(bool Config::*field) {
  Parameter result;
  result.type = "true or false";
  result.is_switch = true;
  result.set = [field](Config& config, std::string_view text) -> base::Result<void> {
    if (text != "true" && text != "false") return refuse(quoted(text) + " is neither true nor false");
    config.*field = text == "true";
    return {};
  };
  result.get = [field](const Config& config) { return std::vector<std::string>{config.*field ? "true" : "false"}; };
  result.clear = [](Config&) {};
  return result;
}

}  // namespace spex::config
