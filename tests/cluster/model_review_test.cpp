// What a person does with a model that a cluster has learned: see why it is not
// equivalent, compare it with an earlier one, leave out what was seen rarely, draw it.
#include <catch2/catch.hpp>

#include "protocol/json.h"
#include "support/cluster.h"

namespace spex::test {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// Three instances paid, one of them refunded: a model in learning mode.
void teach(Cluster& cluster) {
  for (const char* id : {"a", "b", "c"}) {
    REQUIRE(cluster.ctl({"init", "order", id}).exit_code == 0);
    REQUIRE(cluster.ctl({"transition", id, "pay", "paid"}).exit_code == 0);
  }
  REQUIRE(cluster.ctl({"transition", "a", "refund", "created"}).exit_code == 0);
}

struct Learning {
  Cluster cluster;
  TempDir dir;

  Learning() : cluster(options()) {
    cluster.start();
    teach(cluster);
  }
  static ClusterOptions options() {
    ClusterOptions options;
    options.shards = 2;
    options.specs = {{"order.spec", order_specification()}};
    return options;
  }
  Finished run(std::vector<std::string> arguments, int expected) {
    Finished finished = cluster.ctl(arguments);
    INFO(arguments[0] << '\n' << finished.out << finished.err);
    CHECK(finished.exit_code == expected);
    return finished;
  }
};

TEST_CASE("explain says why the running model is not equivalent", "[explain]") {
  Learning learning;
  const Finished text = learning.run({"explain", "order"}, 1);
  CHECK(contains(text.out, "order: not equivalent"));
  CHECK(contains(text.out, "`pay`"));
  CHECK(contains(text.out, "\nformula: "));
  const auto document = protocol::parse_json(learning.run({"explain", "order", "--json"}, 1).out);
  REQUIRE(document.ok());
  CHECK(at(at(*document, "check"), "equivalent") == Value(false));
  CHECK(at(at(*document, "check"), "explanation").find("story") != nullptr);
  learning.run({"explain", "nobody"}, 7);
  learning.run({"explain", "order", "paid", "ship"}, 2);

  write_whole_file(learning.dir.file("order.spex"), order_model());
  learning.run({"import", learning.dir.file("order.spex")}, 0);
  CHECK(contains(learning.run({"explain", "order"}, 0).out, "order: equivalent"));
  const Finished deviation = learning.run({"explain", "order", "paid", "refund", "created"}, 1);
  CHECK(contains(deviation.out, "can do `refund`"));
  learning.cluster.stop();
}

TEST_CASE("what was learned rarely can be reviewed and left out", "[models]") {
  Learning learning;
  const std::string all = learning.dir.file("all");
  const std::string often = learning.dir.file("often");
  learning.run({"export", all}, 0);
  CHECK(contains(read_whole_file(all + "/order.spex"), "paid --[refund]-> created"));
  const Finished exported = learning.run({"export", often, "--min-count", "2"}, 0);
  CHECK(contains(exported.out, "order: 1 transition left out"));
  CHECK(read_whole_file(often + "/order.spex") ==
        "Specification: order\nLearning mode: true\nTransitions:\ncreated --[pay]-> paid\n"
        "nil --[__initialisation__]-> created\n");

  learning.run({"models", "diff", all, "order"}, 0);
  const Finished different = learning.run({"models", "diff", often + "/order.spex", "order"}, 1);
  CHECK(contains(different.out, "+ paid --[refund]-> created  (×1, "));
  const Finished reverse = learning.run({"models", "diff", learning.cluster.endpoint(), often, "--json"}, 1);
  const auto document = protocol::parse_json(reverse.out);
  REQUIRE(document.ok());
  CHECK(size_of(at(at(at(*document, "models"), 0), "removed")) == 1);
  CHECK(at(at(at(at(at(*document, "models"), 0), "removed"), 0), "count") == Value(1));
  learning.run({"models", "diff", all, "nobody"}, 2);
  learning.run({"models", "diff", all}, 2);
  learning.cluster.stop();
}

TEST_CASE("graph draws the running model over its specification with counts", "[graph]") {
  Learning learning;
  const std::string path = learning.dir.file("x.dot");
  learning.run({"graph", "order", "--compare", "-o", path}, 0);
  const std::string dot = read_whole_file(path);
  CHECK(contains(dot, "pay ×3"));
  CHECK(contains(dot, "refund ×1"));
  CHECK(contains(dot, "not equivalent"));
  learning.run({"graph", "nobody"}, 2);
  learning.cluster.stop();
  learning.run({"graph", "order"}, 5);
}

}  // namespace
}  // namespace spex::test
