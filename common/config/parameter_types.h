// How each type of parameter is read, written and bounded: the right-hand
// columns of the table in parameters.cpp, and used by nothing else. Each
// function gives a Parameter with type, bounds and accessors filled in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/parameters.h"

namespace spex::config {

base::Error refuse(std::string reason);

Parameter path_type(std::string Config::*field, std::size_t bytes_max = 4'095);
Parameter endpoint_type(std::vector<std::string> Config::*field);
Parameter count_type(std::uint32_t Config::*field, std::uint32_t min, std::uint32_t max);
Parameter size_type(std::uint64_t Config::*field, std::uint64_t min, std::uint64_t max);
Parameter duration_type(std::int64_t Config::*field, std::int64_t min, std::int64_t max);
Parameter duration_type(base::OptionalDuration Config::*field, std::int64_t min, std::int64_t max);
// A duration, or a bare number of seconds.
Parameter seconds_type(base::OptionalDuration Config::*field, std::int64_t min, std::int64_t max);
Parameter switch_type(bool Config::*field);

template <typename Enum>
Parameter choice_type(Enum Config::*field, std::vector<std::pair<std::string, Enum>> choices) {
  Parameter result;
  result.type = "one of";
  for (const auto& [name, value] : choices) result.bounds += (result.bounds.empty() ? "" : ", ") + name;
  result.set = [field, choices, all = result.bounds](Config& config, std::string_view text) -> base::Result<void> {
    for (const auto& [name, value] : choices) {
      if (name == text) {
        config.*field = value;
        return {};
      }
    }
    return refuse("\"" + std::string(text) + "\" is not one of " + all);
  };
  result.get = [field, choices](const Config& config) {
    std::vector<std::string> values;
    for (const auto& [name, value] : choices) {
      if (value == config.*field) values.push_back(name);
    }
    return values;
  };
  result.clear = [](Config&) {};
  return result;
}

}  // namespace spex::config
