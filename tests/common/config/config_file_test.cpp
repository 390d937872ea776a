#include "config/config_file.h"

#include <catch2/catch.hpp>

#include "support/temp_dir.h"
#include "support/text_file.h"

using namespace spex::config;

TEST_CASE("a value goes verbatim to the end of the line", "[config]") {
  const ConfigFile file = parse_config_text("data_dir = /a b#c;\"d\" = e \n\trun_dir=x\r\n", "f");
  CHECK(file.problems.empty());
  REQUIRE(file.entries.size() == 2);
  CHECK(file.entries[0].value == "/a b#c;\"d\" = e");
  CHECK(file.entries[1].name == "run_dir");
  CHECK(file.entries[1].value == "x");
  CHECK(file.entries[1].line == 2);
}

TEST_CASE("comments stand at the start of a line only", "[config]") {
  const ConfigFile file = parse_config_text("# data_dir = a\n\n  # b\ndata_dir = c # d", "f");
  CHECK(file.problems.empty());
  REQUIRE(file.entries.size() == 1);
  CHECK(file.entries[0].value == "c # d");
  CHECK(file.entries[0].line == 4);
}

TEST_CASE("what is wrong in a file is named with its line", "[config]") {
  const ConfigFile file = parse_config_text("data_dirr = a\nnonsense\ndata_dir = a\ndata_dir = b\n", "f.conf");
  REQUIRE(file.problems.size() == 3);
  CHECK(to_string(file.problems[0]) == "f.conf:1: there is no parameter \"data_dirr\"");
  CHECK(to_string(file.problems[1]) == "f.conf:2: expected \"name = value\"");
  CHECK(to_string(file.problems[2]) == "f.conf:4: data_dir was already set in line 3");
}

TEST_CASE("only endpoint may be repeated", "[config]") {
  const ConfigFile file = parse_config_text("endpoint = ipc://a\nendpoint = tcp://*:1\n", "f");
  CHECK(file.problems.empty());
  CHECK(file.entries.size() == 2);
}

TEST_CASE("a file that cannot be read is one problem", "[config]") {
  const spex::test::TempDir dir;
  const ConfigFile missing = read_config_file(dir.file("none"));
  REQUIRE(missing.problems.size() == 1);
  CHECK(to_string(missing.problems[0]).find("No such file") != std::string::npos);
  CHECK(read_config_file(dir.path()).problems.size() == 1);
  spex::test::write_text(dir.file("big"), std::string((1u << 20) + 1, '#'));
  REQUIRE(read_config_file(dir.file("big")).problems.size() == 1);
  spex::test::write_text(dir.file("empty"), "");
  CHECK(read_config_file(dir.file("empty")).problems.empty());
}

TEST_CASE("a file full of errors reports a bounded number of them", "[config]") {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "x\n";
  CHECK(parse_config_text(text, "f").problems.size() == 100);
}
