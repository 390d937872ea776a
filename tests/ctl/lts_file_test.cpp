#include "ctl/lts_file.h"

#include <catch2/catch.hpp>

#include "lts/branching_bisimulation.h"
#include "support/temp_dir.h"
#include "support/text_file.h"

namespace spex::ctl {
namespace {

using test::TempDir;

constexpr const char* kSpec =
    "Specification: order\nTransitions:\nnew --[pay]-> paid\npaid --[__internal__]-> checked\n";
constexpr const char* kSpex =
    "Specification: order\nLearning mode: false\nTransitions:\nnil --[__initialisation__]-> 0\n0 --[pay]-> 1\n";
constexpr const char* kAut = "des (0,1,2)\n(0,\"pay\",1)\n";
constexpr const char* kDot = "// learned\ndigraph { s0 -> s1 [label=\"a/b\"] }\n";

LtsFile load(const TempDir& dir, const std::string& name, const std::string& text) {
  test::write_text(dir.file(name), text);
  auto file = load_lts(dir.file(name), {"tau"});
  INFO((file.ok() ? "" : file.error().message));
  REQUIRE(file.ok());
  return std::move(file).value();
}

TEST_CASE("the format is told by the ending, else by the first line", "[lts_file]") {
  const TempDir dir;
  for (const char* ending : {"", ".txt"}) {
    CHECK(load(dir, std::string("a") + ending, kAut).format == LtsFormat::aut);
    CHECK(load(dir, std::string("b") + ending, kDot).format == LtsFormat::dot);
    CHECK(load(dir, std::string("c") + ending, std::string("# a comment\n\n") + kSpec).format == LtsFormat::spec);
    CHECK(load(dir, std::string("d") + ending, kSpex).format == LtsFormat::spex);
  }
  CHECK(load(dir, "x.spec", kSpec).specification == "order");
  CHECK(load(dir, "x.gv", kDot).lts.transition_count() == 2);
  CHECK(format_of_ending("dir.aut/x.dot.gz") == LtsFormat::dot);
  CHECK_FALSE(format_of_ending("aut"));
}

TEST_CASE("what cannot be read is named with file, line and reason", "[lts_file]") {
  const TempDir dir;
  const auto message = [&](const std::string& name, const std::string& text) {
    test::write_text(dir.file(name), text);
    const auto file = load_lts(dir.file(name), {"tau"});
    REQUIRE_FALSE(file.ok());
    CHECK(file.error().reason == base::Reason::malformed);
    return file.error().message.substr(dir.path().size() + 1);
  };
  CHECK(message("x.aut", "des (0,2,2)\n(0,a,1)\n(0,a,7)\n") ==
        "x.aut:3: state 7 is not below the 2 states of the header");
  CHECK(message("x.dot", "digraph {\n a -> b\n}") == "x.dot:2: an edge without a label");
  CHECK(message("x.spec", "Specification: x\nnonsense\n").starts_with("x.spec:2: "));
  CHECK(message("x.spex", "Specification: x\nLearning mode: maybe\n").starts_with("x.spex:2: "));
  CHECK(message("x", "nonsense\n").find("no .aut, DOT, .spec or .spex file") != std::string::npos);
  CHECK_FALSE(load_lts(dir.file("absent.aut"), {"tau"}).ok());
}

TEST_CASE("a model without exactly one initialisation is kept apart", "[lts_file]") {
  const TempDir dir;
  const LtsFile file = load(dir, "x.spex", "Specification: x\nLearning mode: true\nTransitions:\na --[b]-> c\n");
  CHECK_FALSE(file.not_one_initial.empty());
  CHECK_FALSE(load_one_lts(dir.file("x.spex"), {"tau"}).ok());
}

TEST_CASE("what is written in any format is read back equivalent", "[lts_file]") {
  const TempDir dir;
  const LtsFile original = load(dir, "x.spec", kSpec);
  for (const LtsFormat format : {LtsFormat::aut, LtsFormat::dot, LtsFormat::spec, LtsFormat::spex}) {
    for (const std::string tau : {"tau", "i"}) {
      const auto text = write_lts(original.lts, format, tau, "order");
      REQUIRE(text.ok());
      const std::string path = dir.file("y." + std::string(format_name(format)));
      test::write_text(path, *text);
      const auto back = load_lts(path, {tau});
      REQUIRE(back.ok());
      INFO(*text);
      CHECK(*lts::bisimilar(original.lts, back->lts, lts::Bisimilarity::strong));
    }
  }
}

TEST_CASE("a visible action with the name of the internal one is not written", "[lts_file]") {
  const TempDir dir;
  const LtsFile spec = load(dir, "x.spec", "Specification: x\nTransitions:\na --[tau]-> b\n");
  for (const LtsFormat format : {LtsFormat::aut, LtsFormat::dot}) {
    CHECK_FALSE(write_lts(spec.lts, format, "tau", "x").ok());
    CHECK(write_lts(spec.lts, format, "i", "x").ok());
  }
  const LtsFile aut = load(dir, "x.aut", "des (0,1,2)\n(0,__internal__,1)\n");
  for (const LtsFormat format : {LtsFormat::spec, LtsFormat::spex}) {
    const auto written = write_lts(aut.lts, format, "tau", "x");
    REQUIRE_FALSE(written.ok());
    CHECK(written.error().message.find("__internal__") != std::string::npos);
  }
}

TEST_CASE("labels that are no names of actions are not written as a model", "[lts_file]") {
  const TempDir dir;
  const LtsFile empty = load(dir, "x.aut", "des (0,1,2)\n(0,\"\",1)\n");
  CHECK(write_lts(empty.lts, LtsFormat::spex, "tau", "x").error().message == "write .spex: action '' is empty");
  CHECK_FALSE(write_lts(empty.lts, LtsFormat::spec, "tau", "x").ok());
  CHECK_FALSE(write_lts(load(dir, "y.aut", kAut).lts, LtsFormat::spex, "tau", "a/b").ok());
  CHECK_FALSE(write_lts(load(dir, "z.aut", "des (0,0,1)\n").lts, LtsFormat::spec, "tau", "x").ok());
}

TEST_CASE("names of files without folders and endings", "[lts_file]") {
  CHECK(base_name("a/b.aut.gz") == "b.aut.gz");
  CHECK(stem_of("a/b.aut.gz") == "b");
  CHECK(stem_of("v1.2.dot") == "v1.2");
  CHECK(stem_of("plain") == "plain");
}

}  // namespace
}  // namespace spex::ctl
