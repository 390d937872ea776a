#include "ctl/explanation_text.h"

#include <catch2/catch.hpp>

namespace spex::ctl {
namespace {

using conformance::Explained;

Explained trace_explanation() {
  Explained explained;
  explained.story = "after `pay`, `ship` the implementation can do `refund`";
  explained.kind = "trace";
  explained.left_is_able = true;
  explained.trace = {"pay", "ship"};
  explained.action = "refund";
  explained.left_run = {{"pay", "paid"}, {"", "checked"}, {"ship", "shipped"}, {"", "late"}, {"refund", "back"}};
  explained.right_run = {{"pay", "s1"}, {"ship", "s2"}, {"", "s3"}};
  explained.left_state = "late";
  explained.right_state = "s3";
  explained.left_offers = {"refund"};
  explained.formula = "<tau*><pay>true";
  explained.depth = 3;
  return explained;
}

Explained game_explanation() {
  Explained explained;
  explained.story = "a play";
  explained.kind = "game";
  explained.action = "b";
  explained.game = {{true, "a", {{"a", "3"}}, {{"", "0'"}, {"a", "1"}}, "3", "1"},
                    {false, "b", {}, {{"b", "2"}}, "3", "2"}};
  explained.left_state = "3";
  explained.right_state = "1";
  explained.left_offers = {"c"};
  explained.right_offers = {"b", "c"};
  explained.note = "something was left out.";
  return explained;
}

TEST_CASE("visible actions of both sides stand side by side, silent steps in rows of their own", "[explanation]") {
  std::vector<std::string> rows;
  for (const RunRow& row : paired_runs(trace_explanation()))
    rows.push_back(row.action + "|" + row.left + "|" + row.right);
  CHECK(rows ==
        std::vector<std::string>{"pay|paid|s1", "|checked|", "ship|shipped|s2", "|late|", "||s3", "refund|back|"});
}

TEST_CASE("runs whose beginning was left out are matched from the end", "[explanation]") {
  Explained explained = trace_explanation();
  explained.left_run.erase(explained.left_run.begin());
  std::vector<std::string> rows;
  for (const RunRow& row : paired_runs(explained)) rows.push_back(row.action + "|" + row.left + "|" + row.right);
  CHECK(rows == std::vector<std::string>{"pay||s1", "|checked|", "ship|shipped|s2", "|late|", "||s3", "refund|back|"});
}

TEST_CASE("a trace is shown with its states and what each side can do", "[explanation]") {
  CHECK(explanation_text(trace_explanation(), {"impl", "spec"}, "  ") ==
        "  after `pay`, `ship` the implementation can do `refund`\n"
        "  STEP  ACTION    impl     spec\n"
        "     1  pay       paid     s1\n"
        "        (silent)  checked\n"
        "     2  ship      shipped  s2\n"
        "        (silent)  late\n"
        "        (silent)           s3\n"
        "     3  refund    back     cannot\n"
        "  impl in late can do: refund\n"
        "  spec in s3 can do: nothing\n");
  CHECK(formula_line(trace_explanation()) == "formula: <tau*><pay>true\n");
  CHECK(formula_line(Explained()).empty());
}

TEST_CASE("a play is shown with who moved and who answered", "[explanation]") {
  CHECK(explanation_text(game_explanation(), {"impl", "spec"}, "") ==
        "a play\n"
        "STEP  WHO                  RUN                     impl  spec\n"
        "   1  impl  moves          a to 3\n"
        "      spec  answers        (silent) to 0', a to 1  3     1\n"
        "   2  spec  moves          b to 2\n"
        "      impl  cannot answer\n"
        "impl in 3 can do: c\n"
        "spec in 1 can do: b, c\n"
        "note: something was left out.\n");
}

TEST_CASE("the middle of a long trace is left out with a word", "[explanation]") {
  Explained explained = trace_explanation();
  explained.left_run.clear();
  explained.right_run.clear();
  for (int i = 0; i < 1000; ++i) {
    explained.left_run.push_back({"a", "l" + std::to_string(i)});
    if (i < 999) explained.right_run.push_back({"a", "r" + std::to_string(i)});
  }
  const std::string text = explanation_text(explained, {});
  CHECK(text.find("960 more steps") != std::string::npos);
  CHECK(text.find("1000  a") != std::string::npos);
  CHECK(text.size() < 3000);
}

TEST_CASE("an explanation survives the document form", "[explanation]") {
  for (const Explained& explained : {trace_explanation(), game_explanation()}) {
    CHECK(explanation_of(explanation_document(explained)) == explained);
  }
  Explained coarse;
  coarse.story = "the systems differ";
  coarse.kind = "coarse";
  CHECK(explanation_of(explanation_document(coarse)) == coarse);
  CHECK(explanation_of(protocol::Value("no map")) == Explained());
}

}  // namespace
}  // namespace spex::ctl
