#include "config/parameters.h"

#include <catch2/catch.hpp>
#include <set>

using namespace spex::config;

namespace {

// Sets one parameter in a fresh Config; the reason if it is refused, else empty.
std::string set(const std::string& name, const std::string& value, Config& config) {
  const auto result = find_parameter(name)->set(config, value);
  return result ? "" : result.error().message;
}

std::string refusal(const std::string& name, const std::string& value) {
  Config config;
  return set(name, value, config);
}

}  // namespace

TEST_CASE("every parameter has a name of its own and reads back what it writes", "[config]") {
  std::set<std::string> names;
  for (const Parameter& parameter : parameters()) {
    INFO(parameter.name);
    CHECK(names.insert(parameter.name).second);
    CHECK_FALSE(parameter.text.empty());
    CHECK_FALSE(parameter.group.empty());
    const auto values = parameter.get(Config{});
    if (!parameter.repeatable) REQUIRE(values.size() == 1);
    Config config;
    parameter.clear(config);
    for (const std::string& value : values) CHECK(parameter.set(config, value).ok());
    CHECK(parameter.get(config) == values);
  }
}

TEST_CASE("the parameters of the original keep their names and defaults", "[config]") {
  const auto value = [](const char* name) { return find_parameter(name)->get(Config{}).front(); };
  CHECK(value("distribution_factor") == "4");
  CHECK(value("impl_models_dir") == "./spex_impl_models");
  CHECK(value("data_dir") == "./spex_data");
  CHECK(value("specs_dir") == "./spex_specs");
  CHECK(value("check_transition_timeouts_on_start") == "true");
  CHECK(value("prune_interval") == "6h");
  CHECK(value("max_restarts") == "3");
  CHECK(value("max_seconds") == "5s");
  CHECK(value("durability") == "full");
}

TEST_CASE("names are spelled for option and environment", "[config]") {
  const Parameter& parameter = *find_parameter("distribution_factor");
  CHECK(option_name(parameter) == "--distribution-factor");
  CHECK(environment_name(parameter) == "SPEX_DISTRIBUTION_FACTOR");
  CHECK(find_parameter("distribution-factor") == nullptr);
}

TEST_CASE("values at their bounds are taken, those beyond refused", "[config]") {
  const struct {
    const char* name;
    const char* value;
    bool fine;
  } rows[] = {
      {"distribution_factor", "1", true},
      {"distribution_factor", "4096", true},
      {"distribution_factor", "0", false},
      {"distribution_factor", "4097", false},
      {"distribution_factor", "-1", false},
      {"distribution_factor", "+1", false},
      {"distribution_factor", "1.5", false},
      {"distribution_factor", "four", false},
      {"distribution_factor", "", false},
      {"distribution_factor", "4 ", false},
      {"distribution_factor", "0x4", false},
      {"distribution_factor", "99999999999999999999", false},
      {"max_restarts", "0", true},
      {"max_restarts", "1000000", true},
      {"max_restarts", "1000001", false},
      {"max_seconds", "5", true},
      {"max_seconds", "90s", true},
      {"max_seconds", "infinity", true},
      {"max_seconds", "5x", false},
      {"max_seconds", "0", false},
      {"prune_interval", "infinity", true},
      {"prune_interval", "5", false},
      {"backoff_max", "infinity", false},
      {"backoff_max", "250ms", true},
      {"durability", "full", true},
      {"durability", "process", true},
      {"durability", "Full", false},
      {"durability", "", false},
      {"test_mode", "true", true},
      {"test_mode", "yes", false},
      {"queue_bytes_max", "64KiB", true},
      {"queue_bytes_max", "1GiB", true},
      {"queue_bytes_max", "65535", false},
      {"queue_bytes_max", "99999999999GiB", false},
      {"endpoint", "ipc://a", true},
      {"endpoint", "ipc://", false},
      {"endpoint", "tcp://*:5555", true},
      {"endpoint", "tcp://[::1]:1", true},
      {"endpoint", "tcp://host", false},
      {"endpoint", "tcp://host:0", false},
      {"endpoint", "tcp://host:65536", false},
      {"endpoint", "inproc://x", false},
  };
  for (const auto& row : rows) {
    INFO(row.name << " = \"" << row.value << "\": " << refusal(row.name, row.value));
    CHECK(refusal(row.name, row.value).empty() == row.fine);
  }
}

TEST_CASE("a run_dir of 80 bytes is taken, a longer one refused with the limit named", "[config]") {
  CHECK(refusal("run_dir", std::string(80, 'r')).empty());
  CHECK(refusal("run_dir", std::string(81, 'r')).find("at most 80") != std::string::npos);
}

TEST_CASE("a bare number of max_seconds is seconds", "[config]") {
  Config config;
  REQUIRE(set("max_seconds", "7", config).empty());
  CHECK(config.max_seconds.microseconds == 7'000'000);
}

TEST_CASE("rules between values are judged", "[config]") {
  CHECK(check_consistency(Config{}).empty());
  Config config;
  config.backoff_min = 2'000'000;
  CHECK(check_consistency(config).size() == 1);
  config = Config{};
  config.heartbeat_timeout = config.heartbeat_interval;
  CHECK(check_consistency(config).size() == 1);
  config = Config{};
  config.endpoints = {"ipc:///" + std::string(106, 'e')};
  CHECK(check_consistency(config).empty());
  config.endpoints = {"ipc:///" + std::string(107, 'e')};
  REQUIRE(check_consistency(config).size() == 1);
  CHECK(check_consistency(config)[0].find("107") != std::string::npos);
}
