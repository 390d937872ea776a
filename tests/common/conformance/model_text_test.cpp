#include "conformance/model_text.h"

#include <catch2/catch.hpp>
#include <string>

#include "conformance/text_problem.h"

namespace spex::conformance {
namespace {

constexpr const char* kCycle =
    "Specification: order.Cycle\n"
    "Learning mode: false\n"
    "Transitions:\n"
    "nil --[__initialisation__]-> x0\n"
    "x0 --[a]-> x1\n"
    "x1 --[b]-> x2\n"
    "x1 --[b]-> x2_\n"
    "x2 --[__internal__]-> x0\n"
    "x2_ --[c]-> x0\n";

TextProblem problem_in(std::string_view text) {
  const auto model = read_model_text(text, "f.spex");
  REQUIRE_FALSE(model.ok());
  CHECK(model.error().reason == base::Reason::impl_model_deserialisation_failed);
  return problem_of(model.error(), "f.spex");
}

TEST_CASE("a model is read and written back byte for byte", "[model_text]") {
  const auto model = read_model_text(kCycle, "f.spex");
  REQUIRE(model.ok());
  CHECK(model->specification == "order.Cycle");
  CHECK_FALSE(model->learning);
  REQUIRE(model->transitions.size() == 6);
  CHECK(model->transitions[0] == NamedTransition{"", "__initialisation__", "x0"});
  CHECK(model->transitions[4] == NamedTransition{"x2", "__internal__", "x0"});
  CHECK(write_model_text(*model) == kCycle);
}

TEST_CASE("a model without transitions ends in an empty line, as the original writes it", "[model_text]") {
  const std::string text = "Specification: Empty\nLearning mode: true\nTransitions:\n\n";
  const auto model = read_model_text(text, "f.spex");
  REQUIRE(model.ok());
  CHECK(model->learning);
  CHECK(model->transitions.empty());
  CHECK(write_model_text(*model) == text);
}

TEST_CASE("transitions are written sorted by line, each once", "[model_text]") {
  ModelText model{"S", true, {{"b", "x", "c"}, {"o", "y", "a"}, {"", "__initialisation__", "b"}, {"b", "x", "c"}}};
  CHECK(write_model_text(model) ==
        "Specification: S\nLearning mode: true\nTransitions:\n"
        "b --[x]-> c\nnil --[__initialisation__]-> b\no --[y]-> a\n");
  sort_transitions(model.transitions);
  CHECK(model.transitions[0].from == "b");
  CHECK(model.transitions[2].from.empty());
  CHECK(model.transitions[3].from == "o");
}

TEST_CASE("a repeated line counts once, a missing last newline does no harm", "[model_text]") {
  const auto model =
      read_model_text("Specification: S\nLearning mode: true\nTransitions:\na --[x]-> b\na --[x]-> b", "f.spex");
  REQUIRE(model.ok());
  CHECK(model->transitions.size() == 1);
}

TEST_CASE("every damaged line is named with its number", "[model_text]") {
  struct Row {
    const char* text;
    std::size_t line;
    const char* reason_contains;
  };
  const std::string head = "Specification: S\nLearning mode: true\nTransitions:\n";
  const std::string long_name(256, 'x');
  const std::string with_long_name = head + long_name + " --[a]-> b\n";
  const std::string after_head[] = {head + "a --[x]-> b\n  \n",    head + "\nnil --[x]-> b\n", head + "a --[x]-> nil\n",
                                    head + "a --[x]-> b\r\n",      head + "a -[x]-> b\n",      head + "a --[x]->b\n",
                                    head + "# no comments here\n", head + "a --[]-> b\n"};
  const Row rows[] = {
      {"", 1, "ends before"},
      {"Learning mode: true\nSpecification: S\nTransitions:\n", 1, "expected 'Specification: '"},
      {"Specification: S\r\nLearning mode: true\nTransitions:\n", 1, "carriage return"},
      {"Specification: a/b\nLearning mode: true\nTransitions:\n", 1, "contains '/'"},
      {"Specification: S\nLearning mode: True\nTransitions:\n", 2, "'true' or 'false'"},
      {"Specification: S\nLearning mode: true \nTransitions:\n", 2, "'true' or 'false'"},
      {"Specification: S\nLearning mode: true\n", 2, "ends before"},
      {"Specification: S\nLearning mode: true\nTransitions: 3\n", 3, "unexpected text"},
      {after_head[0].c_str(), 5, "expected"},
      {after_head[1].c_str(), 5, "'nil' stands before"},
      {after_head[2].c_str(), 4, "no state"},
      {after_head[3].c_str(), 4, "carriage return"},
      {after_head[4].c_str(), 4, "expected"},
      {after_head[5].c_str(), 4, "expected"},
      {after_head[6].c_str(), 4, "expected"},
      {after_head[7].c_str(), 4, "is empty"},
      {with_long_name.c_str(), 4, "longer than 255"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const TextProblem problem = problem_in(row.text);
    CHECK(problem.file == "f.spex");
    CHECK(problem.line == row.line);
    CHECK_THAT(problem.reason, Catch::Contains(row.reason_contains));
  }
}

}  // namespace
}  // namespace spex::conformance
