#include "config/command_line.h"

#include <catch2/catch.hpp>

using namespace spex::config;
using Words = std::vector<std::string>;

namespace {

const std::vector<Option> kOptions{
    {"data-dir", "DIR", "Where."},
    {"endpoint", "E", "Repeatable.", 0, true},
    {"json", "", "A flag."},
    {"test-mode", "", "A switch.", 0, false, true},
    {"output", "FILE", "With a letter.", 'o'},
    {"hidden", "X", ""},
};

std::string error_of(const Words& arguments) {
  const auto line = parse_command_line(kOptions, arguments);
  return line ? "" : line.error().message;
}

}  // namespace

TEST_CASE("options take their value after a blank or an equals sign, words stand anywhere", "[config]") {
  const auto line = parse_command_line(kOptions, {"a", "--data-dir", "x", "b", "--output=y=z", "--json", "c"});
  REQUIRE(line.ok());
  CHECK(line->value("data-dir") == "x");
  CHECK(line->value("output") == "y=z");
  CHECK(line->has("json"));
  CHECK_FALSE(line->has("endpoint"));
  CHECK(line->words == Words{"a", "b", "c"});
  CHECK_FALSE(line->has_rest);
}

TEST_CASE("a switch alone is true, and takes only true or false as its value", "[config]") {
  const auto value = [](const Words& arguments) {
    const auto line = parse_command_line(kOptions, arguments);
    return line ? *line->value("test-mode") + "/" + std::to_string(line->words.size()) : line.error().message;
  };
  CHECK(value({"--test-mode"}) == "true/0");
  CHECK(value({"--test-mode", "word"}) == "true/1");
  CHECK(value({"--test-mode", "false"}) == "false/0");
  CHECK(value({"--test-mode=false", "word"}) == "false/1");
}

TEST_CASE("letters stand for long options, negative numbers stay words", "[config]") {
  const auto line = parse_command_line(kOptions, {"-o", "f", "-5", "-", "--data-dir", "-7"});
  REQUIRE(line.ok());
  CHECK(line->value("output") == "f");
  CHECK(line->words == Words{"-5", "-"});
  CHECK(line->value("data-dir") == "-7");
}

TEST_CASE("what follows two dashes is left alone", "[config]") {
  const auto line = parse_command_line(kOptions, {"learn", "--json", "--", "make", "--data-dir", "--", "x"});
  REQUIRE(line.ok());
  CHECK(line->has_rest);
  CHECK(line->rest == Words{"make", "--data-dir", "--", "x"});
  CHECK(line->words == Words{"learn"});
}

TEST_CASE("a repeatable option keeps the order", "[config]") {
  const auto line = parse_command_line(kOptions, {"--endpoint", "a", "--endpoint", "b"});
  REQUIRE(line.ok());
  CHECK(line->values("endpoint") == Words{"a", "b"});
}

TEST_CASE("mistakes on the command line are refused by name", "[config]") {
  CHECK(error_of({"--unknown"}).find("unknown") != std::string::npos);
  CHECK(error_of({"--data"}).find("data") != std::string::npos);  // no guessing
  CHECK(error_of({"--data-dir"}).find("data-dir") != std::string::npos);
  CHECK(error_of({"--data-dir", "--json"}).find("data-dir") != std::string::npos);
  CHECK(error_of({"--json=x"}).find("json") != std::string::npos);
  CHECK(error_of({"--data-dir", "a", "--data-dir", "b"}) == "option --data-dir is given twice");
}

TEST_CASE("values keep every byte", "[config]") {
  const auto line = parse_command_line(kOptions, {"--data-dir", "a #b;\"c\"", "--output="});
  REQUIRE(line.ok());
  CHECK(line->value("output") == "");
  CHECK(line->value("data-dir") == "a #b;\"c\"");
}

TEST_CASE("help lists what has a text, wrapped", "[config]") {
  const std::string help = describe_options(kOptions);
  CHECK(help.find("--data-dir DIR") != std::string::npos);
  CHECK(help.find("-o, --output FILE") != std::string::npos);
  CHECK(help.find("hidden") == std::string::npos);
}
