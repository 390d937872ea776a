#include "config/resolve.h"

#include <catch2/catch.hpp>

#include "config/effective_config.h"
#include "config/parameters.h"
#include "support/temp_dir.h"
#include "support/text_file.h"

using namespace spex::config;

TEST_CASE("command line wins over environment over file over default, with the origin told", "[config]") {
  Sources sources;
  sources.file = parse_config_text("max_restarts = 10\nreport_records = 11\nqueue_max = 12\n", "/etc/s.conf");
  sources.environment = {{"max_restarts", "20"}, {"report_records", "21"}};
  sources.command_line = {{"max_restarts", "30"}};
  const Resolved resolved = resolve(sources);
  CHECK(resolved.problems.empty());
  CHECK(resolved.config.max_restarts == 30);
  CHECK(resolved.config.report_records == 21);
  CHECK(resolved.config.queue_max == 12);
  CHECK(resolved.config.distribution_factor == 4);
  CHECK(resolved.origins.at("max_restarts") == "command line");
  CHECK(resolved.origins.at("report_records") == "environment SPEX_REPORT_RECORDS");
  CHECK(resolved.origins.at("queue_max") == "/etc/s.conf:3");
  CHECK(resolved.origins.at("distribution_factor") == "default");
  CHECK(print_config(resolved).find("queue_max = 12") != std::string::npos);
}

TEST_CASE("the endpoints of a higher source replace those of a lower one", "[config]") {
  Sources sources;
  sources.file = parse_config_text("endpoint = ipc://a\nendpoint = ipc://b\n", "f");
  CHECK(resolve(sources).config.endpoints == std::vector<std::string>{"ipc://a", "ipc://b"});
  sources.environment = {{"endpoint", "ipc://c,tcp://*:7"}};
  CHECK(resolve(sources).config.endpoints == std::vector<std::string>{"ipc://c", "tcp://*:7"});
  sources.command_line = {{"endpoint", "ipc://d"}};
  CHECK(resolve(sources).config.endpoints == std::vector<std::string>{"ipc://d"});
}

TEST_CASE("bad values are refused with their place, all of them", "[config]") {
  Sources sources;
  sources.file = parse_config_text("\nmax_restarts = many\n", "f");
  sources.environment = {{"queue_max", "0"}};
  sources.command_line = {{"distribution_factor", "4097"}};
  const Resolved resolved = resolve(sources);
  REQUIRE(resolved.problems.size() == 3);
  CHECK(to_string(resolved.problems[0]) == "f:2: max_restarts: \"many\" is not a whole number");
  CHECK(to_string(resolved.problems[1]) == "environment SPEX_QUEUE_MAX: queue_max: 0 is not within 1 to 16777216");
  CHECK(to_string(resolved.problems[2]) ==
        "command line --distribution-factor: distribution_factor: 4097 is not within 1 to 4096");
}

TEST_CASE("values that a file could not hold are refused from every source", "[config]") {
  for (const std::string& value :
       std::vector<std::string>{"", " a", "a ", "a\nb", "a\tb", "a\x7f", std::string(5'000, 'x')}) {
    CHECK(resolve({{{"data_dir", value}}, {}, {}}).problems.size() == 1);
  }
}

TEST_CASE("the environment is read by name, unknown SPEX_ variables are told", "[config]") {
  const char* environment[] = {
      "PATH=/bin", "SPEX_DATA_DIR=/d", "SPEX_RUN_DIR=", "SPEX_CONFIG=f", "SPEX_DATADIR=x", nullptr};
  std::vector<std::string> unknown;
  CHECK(read_environment(environment, unknown) == Assignments{{"data_dir", "/d"}});
  CHECK(unknown == std::vector<std::string>{"SPEX_DATADIR"});
}

TEST_CASE("relative paths become absolute", "[config]") {
  Config config;
  config.endpoints = {"ipc://x/../y.sock", "tcp://*:1", "ipc://@abstract"};
  make_paths_absolute(config, "/w");
  CHECK(config.data_dir == "/w/spex_data");
  CHECK(config.run_dir == "/w/spex_run");
  CHECK(config.specs_dir == "/w/spex_specs");
  CHECK(config.endpoints == std::vector<std::string>{"ipc:///w/y.sock", "tcp://*:1", "ipc://@abstract"});
}

TEST_CASE("the default endpoint lies in run_dir", "[config]") {
  Config config;
  make_paths_absolute(config, "/w");
  CHECK(config.endpoints == std::vector<std::string>{"ipc:///w/spex_run/frontend.sock"});
}

TEST_CASE("a run_dir that would become too long stays relative", "[config]") {
  Config config;
  make_paths_absolute(config, "/" + std::string(100, 'w'));
  CHECK(config.run_dir == "./spex_run");
  CHECK(config.endpoints.front().size() - 6 <= kIpcPathBytesMax);
  config = Config{};
  config.run_dir = std::string(80, 'r');
  make_paths_absolute(config, "/w");
  CHECK(config.run_dir == std::string(80, 'r'));
  CHECK(config.endpoints.front().size() - 6 <= kIpcPathBytesMax);
}

TEST_CASE("a reload applies reloadable rows only", "[config]") {
  Config current;
  Config next;
  next.max_restarts = 9;
  next.distribution_factor = 9;
  next.prune_interval = {std::nullopt};
  const Difference changes = difference(current, next);
  CHECK(changes.reloadable == std::vector<std::string>{"prune_interval", "max_restarts"});
  CHECK(changes.needs_restart == std::vector<std::string>{"distribution_factor"});
  apply_reloadable(current, next);
  CHECK(current.max_restarts == 9);
  CHECK_FALSE(current.prune_interval.microseconds);
  CHECK(current.distribution_factor == 4);
}

TEST_CASE("the effective configuration comes back as it was written", "[config]") {
  const spex::test::TempDir dir;
  Config config;
  config.run_dir = dir.path();
  config.max_restarts = 1'000'000;
  config.endpoints = {"ipc:///a", "tcp://*:5"};
  config.queue_bytes_max = 123'456'789;
  config.request_key_window = {std::nullopt};
  REQUIRE(save_effective_config(config).ok());
  const auto loaded = load_effective_config(effective_config_path(dir.path()));
  REQUIRE(loaded.ok());
  CHECK(effective_config_text(*loaded) == effective_config_text(config));
  CHECK(difference(config, *loaded).reloadable.empty());
  CHECK(difference(config, *loaded).needs_restart.empty());
}

TEST_CASE("an effective configuration that lacks a value is refused", "[config]") {
  const spex::test::TempDir dir;
  spex::test::write_text(dir.file("c"), "data_dir = x\n");
  const auto loaded = load_effective_config(dir.file("c"));
  REQUIRE_FALSE(loaded.ok());
  CHECK(loaded.error().message.find("is missing") != std::string::npos);
}

TEST_CASE("a working directory that no file can hold is refused, not garbled", "[config]") {
  const spex::test::TempDir dir;
  Config config;
  make_paths_absolute(config, "/a\nb");
  config.run_dir = dir.path();
  CHECK_FALSE(save_effective_config(config).ok());
}
