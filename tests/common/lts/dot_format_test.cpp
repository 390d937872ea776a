#include "lts/dot_format.h"

#include <catch2/catch.hpp>
#include <random>

#include "lts/branching_bisimulation.h"
#include "lts/lts_builder.h"

namespace spex::lts {
namespace {

Lts parse(std::string_view text, const DotOptions& options = {}) {
  auto parsed = parse_dot(text, options);
  INFO((parsed.ok() ? "" : parsed.error().message));
  REQUIRE(parsed.ok());
  return std::move(parsed).value();
}

// "from label to" of every transition, states by name.
std::vector<std::string> lines(const Lts& lts) {
  std::vector<std::string> all;
  for (StateId state = 0; state < lts.state_count(); ++state) {
    for (const Transition& step : lts.outgoing(state)) {
      all.push_back(lts.state_name(state) + " " + std::string(lts.action_name(step.action)) + " " +
                    lts.state_name(step.target));
    }
  }
  return all;
}

using Lines = std::vector<std::string>;

TEST_CASE("an edge is a transition, the first node is initial", "[dot]") {
  const Lts lts = parse("digraph G {\nlabel=\"\"\nb [color=\"red\"]\nb -> a [label=\"?x\"];\na -> b[label=\"!y\"]}\n");
  CHECK(lts.state_name(lts.initial_state()) == "b");
  CHECK(lines(lts) == Lines{"b ?x a", "a !y b"});
}

TEST_CASE("the target of __start0 is initial, and __start0 no state", "[dot]") {
  const Lts lts = parse(
      "digraph g { __start0 [label=\"\" shape=\"none\"]; 6 [label=s6]; 0; 6 -> 0 [label=a];\n__start0 -> 0 "
      "[label=\"\"]; "
      "}");
  CHECK(lts.state_count() == 2);
  CHECK(lts.state_name(lts.initial_state()) == "0");
  CHECK(lines(lts) == Lines{"6 a 0"});
}

TEST_CASE("an edge of a Mealy machine is two steps with a state between", "[dot]") {
  for (const char* label : {"\"SYN(V,V,0) / ACK|RST\"", "\"SYN(V,V,0)/ACK|RST\""}) {
    const Lts lts = parse("digraph { s -> t [label=" + std::string(label) + "] }");
    CHECK(lines(lts) == Lines{"s ?SYN(V,V,0) s ?SYN(V,V,0)", "s ?SYN(V,V,0) !ACK|RST t"});
  }
  CHECK(lines(parse("digraph { s -> t [label=\"a/b / c/d\"] }"))[0] == "s ?a/b s ?a/b");
  CHECK(lines(parse("digraph { mealy=false; s -> t [label=\"a/b\"] }")) == Lines{"s a/b t"});
}

TEST_CASE("several answers to one input are told apart before they are given", "[dot]") {
  const Lts lts = parse("digraph { s -> s [label=\"i/o\"]; s -> t [label=\"i/p\"]; s -> t [label=\"i/p\"]; \"s ?i\" }");
  CHECK(lts.state_count() == 6);
  CHECK(lts.outgoing(0).size() == 3);
}

TEST_CASE("an HTML label has inputs before the line break and the output after it", "[dot]") {
  const Lts lts = parse("digraph { s -> t [label=<a | b &amp; c<br />Alert (x) / Closed>] }");
  CHECK(lines(lts) ==
        Lines{"s ?a s ?a", "s ?b & c s ?b & c", "s ?a !Alert (x) / Closed t", "s ?b & c !Alert (x) / Closed t"});
  CHECK(lines(parse("digraph { s -> t [label=<<b>a</b>>] }")) == Lines{"s a t"});
}

TEST_CASE("what DOT allows besides is read", "[dot]") {
  const Lts lts = parse(
      "\xEF\xBB\xBF// a comment\nstrict DIGRAPH \"x\" {\n# a line for the preprocessor\n/* a -> b */ graph "
      "[rankdir=LR] "
      "node [shape=circle];\n edge [label=d]; a:n -> b:s:w -> c [label=\"x\" + \"y\\\"\\\\\", color=red][weight=2];\n"
      "subgraph cluster_1 { edge [label=e]; a -> c } { rank=same; a; b }\nc -> -1.5\n}\n");
  CHECK(lines(lts) == Lines{"a xy\"\\ b", "a e c", "b xy\"\\ c", "c d -1.5"});
}

TEST_CASE("labels named by the caller are the internal action", "[dot]") {
  const std::string text = "digraph { s -> t [label=tau]; t -> s [label=i]; t -> t [label=\"x/TIMEOUT\"] }";
  CHECK(parse(text).outgoing(0)[0].action == kTau);
  CHECK(parse(text).outgoing(1)[0].action != kTau);
  const Lts other = parse(text, {{"i", "!TIMEOUT"}});
  CHECK(other.outgoing(0)[0].action != kTau);
  CHECK(other.outgoing(1)[0].action == kTau);
  CHECK(other.outgoing(2)[0].action == kTau);
}

TEST_CASE("what is no graph of actions is refused with its line", "[dot]") {
  const auto failure = [](std::string_view text) {
    const auto parsed = parse_dot(text);
    REQUIRE_FALSE(parsed.ok());
    return parsed.error().message;
  };
  CHECK(failure("") == "read text line 1: expected \"digraph\"");
  CHECK(failure("graph { a -- b }") == "read text line 1: an undirected graph; transitions have a direction");
  CHECK(failure("digraph {\n}\n") == "read text line 3: a graph without a node");
  CHECK(failure("digraph {\na -> b\n\n}") == "read text line 2: an edge without a label");
  CHECK(failure("digraph {\na -> {b c} [label=x] }") == "read text line 2: an edge between groups of nodes");
  CHECK(failure("digraph { {a} -> b [label=x] }") == "read text line 1: an edge between groups of nodes");
  CHECK(failure("digraph { a\n} b") == "read text line 2: text after the graph");
  CHECK(failure("digraph { a -> __start0 [label=x] }") == "read text line 1: an edge into __start0");
  CHECK(failure("digraph { __start0 -> a; __start0 -> b }") == "read text line 1: a second initial state");
  CHECK(failure("digraph { a -> b [label=\"x\n") == "read text line 1: the string is not closed");
  CHECK(failure("digraph { a -> b [label=<x<b>").find("not closed") != std::string::npos);
  CHECK(failure("digraph { a /* b") == "read text line 1: the comment is not closed");
  for (const char* text :
       {"digraph", "digraph {", "digraph { a -> }", "digraph { a [", "digraph { a [x", "digraph { a -",
        "digraph { a [label=] }", "digraph { = }", "digraph { a -- b }", "digraph { a:  }", "digraph { ] }",
        "digraph { a / b }", "digraph { subgraph a }", "digraph { \"a\" + b }", "digraph { \x01 }"}) {
    INFO(text);
    CHECK_FALSE(parse_dot(text).ok());
  }
  CHECK(failure("digraph " + std::string(2000, '{')).find("nested more than") != std::string::npos);
}

TEST_CASE("what is written is read back with the same states, labels and start", "[dot]") {
  const std::uint64_t seed = std::random_device{}();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const auto below = [&random](std::size_t limit) { return static_cast<std::uint32_t>(random() % limit); };
  for (int i = 0; i < 200; ++i) {
    LtsBuilder builder("t\\au");
    const std::vector<std::string> names{"a", "", "a b", "\"", "\\", "\\\"", "x\ny", "{}", "s/t", "\\n", "ä"};
    const std::uint32_t states = 1 + below(6);
    for (std::uint32_t s = 0; s < states; ++s) builder.state(names[s] + (s > 0 ? std::to_string(s) : ""));
    for (std::uint32_t t = below(10); t > 0; --t) {
      const std::uint32_t label = below(names.size() + 1);
      builder.add_transition(below(states), label == 0 ? "t\\au" : std::string_view(names[label - 1]), below(states));
    }
    builder.set_initial(below(states));
    const Lts lts = std::move(builder).build();
    const auto text = format_dot(lts, "t\\au");
    REQUIRE(text.ok());
    INFO(*text);
    const Lts back = parse(*text, {{"t\\au"}});
    CHECK(lines(back) == lines(lts));
    CHECK(back.state_count() == lts.state_count());
    CHECK(back.initial_state() == lts.initial_state());
    CHECK(branching_bisimilar(lts, back));
  }
}

TEST_CASE("a visible action with the internal one's name is not written", "[dot]") {
  const Lts lts = parse("digraph { s -> t [label=tau]; s -> s [label=i] }", {{"i"}});
  CHECK_FALSE(format_dot(lts).ok());
  CHECK(format_dot(lts, "i").ok());
}

}  // namespace
}  // namespace spex::lts
