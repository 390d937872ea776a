#include "ctl/overlay.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "lts/aut_format.h"
#include "support/random_lts.h"

namespace spex::ctl {
namespace {

const CountOf kNoCounts = [](lts::StateId, lts::ActionId, lts::StateId) { return std::uint64_t{0}; };

lts::Lts aut(const std::string& text) {
  auto parsed = lts::parse_aut(text);
  REQUIRE(parsed.ok());
  return std::move(parsed).value();
}

Drawing compare(const lts::Lts& left, const lts::Lts& right, const CountOf& count_of = kNoCounts) {
  std::optional<lts::Explanation> explanation;
  if (!*lts::bisimilar(left, right)) explanation = *lts::explain(left, right);
  auto drawing = draw_comparison(left, right, explanation ? &*explanation : nullptr, count_of);
  REQUIRE(drawing.ok());
  return std::move(drawing).value();
}

// "from label to", with the presence's mark and the step of the run before it; sorted.
std::vector<std::string> lines(const Drawing& drawing) {
  std::vector<std::string> all;
  for (const DrawnEdge& edge : drawing.edges) {
    std::string line;
    for (const std::string& label : edge.labels) line += label + " ";
    if (edge.run_step > 0) line = std::to_string(edge.run_step) + " " + line;
    if (edge.presence == Presence::missing) line = "-" + line;
    if (edge.presence == Presence::extra) line = "+" + line;
    all.push_back(line + drawing.nodes[edge.from].label + ">" + drawing.nodes[edge.to].label);
  }
  std::sort(all.begin(), all.end());
  return all;
}

using Lines = std::vector<std::string>;

TEST_CASE("equivalent systems show no difference, whatever their form", "[overlay]") {
  const std::uint64_t seed = std::random_device{}();
  test_support::Random random(seed);
  for (int i = 0; i < 300; ++i) {
    INFO("seed " << seed << " pair " << i);
    const lts::Lts left = test_support::random_lts(random, {});
    const lts::Lts right = test_support::bisimilar_variant(random, left);
    for (const Drawing& drawing : {compare(left, right), compare(right, left)}) {
      CHECK(std::all_of(drawing.edges.begin(), drawing.edges.end(),
                        [](const DrawnEdge& edge) { return edge.presence == Presence::both && edge.run_step == 0; }));
      CHECK_FALSE(drawing.has_run);
    }
  }
}

TEST_CASE("different systems show a difference, and drawings stay bounded", "[overlay]") {
  const std::uint64_t seed = std::random_device{}();
  test_support::Random random(seed);
  int different = 0;
  for (int i = 0; i < 300; ++i) {
    INFO("seed " << seed << " pair " << i);
    test_support::RandomLtsShape shape;
    shape.states_max = 60;
    const lts::Lts left = test_support::random_lts(random, shape);
    const lts::Lts right = test_support::random_lts(random, shape);
    const Drawing drawing = compare(left, right);
    different += drawing.has_run ? 1 : 0;
    CHECK(drawing.nodes.size() <= kDrawnNodesMax);
    CHECK(std::count_if(drawing.nodes.begin(), drawing.nodes.end(), [](auto& node) { return node.is_initial; }) == 1);
    for (const DrawnEdge& edge : drawing.edges)
      CHECK((edge.from < drawing.nodes.size() && edge.to < drawing.nodes.size()));
  }
  CHECK(different > 0);
}

TEST_CASE("extra and missing steps are told apart, and the run that shows them is numbered", "[overlay]") {
  const lts::Lts left = aut("des (0,3,3)\n(0,pay,1)\n(1,ship,2)\n(2,refund,0)\n");
  const lts::Lts right = aut("des (0,3,4)\n(0,pay,1)\n(1,ship,2)\n(0,cancel,3)\n");
  const Drawing drawing = compare(left, right);
  const Lines all = lines(drawing);
  CHECK(std::count(all.begin(), all.end(), "+refund 2>0") == 1);
  CHECK(std::count_if(all.begin(), all.end(), [](const std::string& line) { return line.starts_with("-"); }) == 1);
  CHECK(drawing.has_run);
  // The shortest difference is at the start: cancel.
  CHECK(std::count(all.begin(), all.end(), "-1 cancel 0>3") == 1);
}

TEST_CASE("a lost choice shows where the sides part", "[overlay]") {
  const lts::Lts left = aut("des (0,4,5)\n(0,a,1)\n(1,b,2)\n(0,a,3)\n(3,c,4)\n");
  const lts::Lts right = aut("des (0,3,4)\n(0,a,1)\n(1,b,2)\n(1,c,3)\n");
  const Lines all = lines(compare(left, right));
  CHECK(std::any_of(all.begin(), all.end(), [](const std::string& line) { return line.starts_with("-2 b"); }));
}

TEST_CASE("counts stand behind the labels", "[overlay]") {
  const lts::Lts lts = aut("des (0,1,2)\n(0,pay,1)\n");
  const CountOf count_of = [](lts::StateId, lts::ActionId, lts::StateId) { return std::uint64_t{1234}; };
  CHECK(lines(draw_system(lts, count_of)) == Lines{"pay ×1,234 0>1"});
  CHECK(lines(compare(lts, lts, count_of)) == Lines{"pay ×1,234 0>1"});
}

TEST_CASE("a large system is cut with a word about it", "[overlay]") {
  std::string text = "des (0,499,500)\n";
  for (int i = 1; i < 500; ++i)
    text += "(" + std::to_string(i / 3) + ",a" + std::to_string(i) + "," + std::to_string(i) + ")\n";
  const Drawing drawing = draw_system(aut(text), kNoCounts);
  CHECK(drawing.nodes.size() == kDrawnNodesOfCut);
  REQUIRE(drawing.notes.size() == 1);
  CHECK(drawing.notes[0].find("500") != std::string::npos);
  CHECK(drawing_dot(drawing).find("transitions\"") != std::string::npos);
}

TEST_CASE("input and output are drawn as one edge if nothing else happens between", "[overlay]") {
  Drawing drawing = draw_system(aut("des (0,5,4)\n(0,?i,1)\n(1,!o,0)\n(0,?j,2)\n(2,!p,3)\n(2,!q,0)\n"), kNoCounts);
  fold_mealy_steps(drawing);
  CHECK(lines(drawing) == Lines{"!p 2>3", "!q 2>0", "?j 0>2", "i / o 0>0"});
}

TEST_CASE("parallel edges of one kind are joined", "[overlay]") {
  Drawing drawing = draw_system(aut("des (0,3,2)\n(0,a,1)\n(0,b,1)\n(1,c,0)\n"), kNoCounts);
  join_parallel_edges(drawing);
  CHECK(lines(drawing) == Lines{"a b 0>1", "c 1>0"});
}

TEST_CASE("text of others cannot leave its string in the DOT text", "[overlay]") {
  Drawing drawing;
  drawing.title = "a\" b\\";
  drawing.nodes = {{.label = "\"];x->y;[\"\n\\", .is_initial = true}};
  drawing.edges = {{0, 0, {"\\N \" \x01"}, Presence::extra, 0, false}};
  const std::string dot = drawing_dot(drawing);
  CHECK(dot.find("label=\"\\\"];x->y;[\\\"\\n\\\\\"") != std::string::npos);
  CHECK(dot.find("+ \\\\N \\\"  \"") != std::string::npos);
  CHECK(dot.find("a\\\" b\\\\\\l\"") != std::string::npos);
}

}  // namespace
}  // namespace spex::ctl
