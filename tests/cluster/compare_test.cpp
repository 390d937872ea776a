// The verbs for files as programs: exit statuses, standard input and .gz, where the
// formula stands, and pictures. No cluster runs here.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "protocol/json.h"
#include "support/cluster.h"

namespace spex::test {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Finished spexctl(std::vector<std::string> arguments, const RunOptions& options = {}) {
  arguments.insert(arguments.begin(), program_path("spexctl"));
  return run_program(arguments, options);
}

Finished shell(const std::string& script) { return run_program({"sh", "-c", script}, {}); }

constexpr const char* kEarly = "des (0,4,5)\n(0,a,1)\n(1,b,2)\n(0,a,3)\n(3,c,4)\n";
constexpr const char* kLate = "des (0,3,4)\n(0,a,1)\n(1,b,2)\n(1,c,3)\n";

struct Files {
  TempDir dir;
  std::string early = dir.file("early.aut");
  std::string late = dir.file("late.aut");

  Files() {
    write_whole_file(early, kEarly);
    write_whole_file(late, kLate);
  }
};

TEST_CASE("compare exits with 0, 1 or 2 by relation", "[compare]") {
  const Files files;
  const auto status = [&](const std::string& a, const std::string& b, const std::string& relation) {
    return spexctl({"compare", a, b, "--relation", relation}).exit_code;
  };
  for (const char* relation : {"branching-bisim", "bisim", "dpbranching-bisim"}) {
    CHECK(status(files.early, files.late, relation) == 1);
    CHECK(status(files.late, files.early, relation) == 1);
    CHECK(status(files.late, files.late, relation) == 0);
  }
  CHECK(status(files.early, files.late, "weak-trace") == 0);
  CHECK(status(files.early, files.late, "weak-trace-pre") == 0);
  write_whole_file(files.dir.file("ab.aut"), "des (0,2,3)\n(0,a,1)\n(1,b,2)\n");
  CHECK(status(files.dir.file("ab.aut"), files.late, "weak-trace-pre") == 0);
  CHECK(status(files.late, files.dir.file("ab.aut"), "weak-trace-pre") == 1);
  CHECK(status(files.late, files.dir.file("ab.aut"), "weak-trace") == 1);
  CHECK(status(files.late, files.late, "no-relation") == 2);
  CHECK(status(files.late, files.dir.file("absent.aut"), "bisim") == 2);
  CHECK(spexctl({"compare", files.late}).exit_code == 2);
  CHECK(spexctl({"compare", "-", "-"}).exit_code == 2);
}

TEST_CASE("without libzmq a verb for a cluster names it and exits with 127, and compare works", "[compare]") {
  const Files files;
  // Found before the real one, and no library.
  write_whole_file(files.dir.file("libzmq.so.5"), "");
  RunOptions without;
  without.environment = {{"LD_LIBRARY_PATH", files.dir.path()}};
  const Finished failed = spexctl({"get", "o-1", "--endpoint", "tcp://127.0.0.1:1"}, without);
  INFO(failed.err << failed.out);
  CHECK(failed.exit_code == 127);
  CHECK(contains(failed.err, "libzmq.so.5"));
  CHECK(contains(failed.err, "libzmq5 installed?"));
  CHECK(spexctl({"compare", files.early, files.early}, without).exit_code == 0);
  CHECK(spexctl({"compare", files.early, files.late}, without).exit_code == 1);
}

TEST_CASE("a trace relation that spends its work is undecided, a bisimilarity never", "[compare]") {
  const Files files;
  for (const char* relation : {"weak-trace", "weak-trace-pre"}) {
    const Finished spent = spexctl({"compare", files.early, files.late, "--relation", relation, "--trace-work", "3"});
    INFO(spent.out << spent.err);
    CHECK(spent.exit_code == 3);
    CHECK(contains(spent.out, "undecided"));
    CHECK(spexctl({"compare", files.early, files.late, "--relation", relation, "--trace-work", "1000"}).exit_code == 0);
  }
  CHECK(spexctl({"compare", files.early, files.late, "--trace-work", "3"}).exit_code == 1);
  CHECK(spexctl({"compare", files.late, files.late, "--relation", "weak-trace", "--trace-work", "0"}).exit_code == 2);
  CHECK(spexctl({"compare", files.late, files.late, "--relation", "weak-trace", "--trace-work", "x"}).exit_code == 2);
}

TEST_CASE("refused input is named with file, line and reason", "[compare]") {
  const Files files;
  for (const char* text : {"des (0,2,2)\n(0,a,1)\n", "des (0,1,2)\n(0,a,2)\n", "des (0,0,0)\n",
                           "des (0,1,2)\n(0,a,1) x\n", "des (0,0,1)\n(0,a,0)\n", "nonsense\n", ""}) {
    write_whole_file(files.dir.file("bad.aut"), text);
    for (const bool first : {true, false}) {
      const Finished finished = first ? spexctl({"compare", files.dir.file("bad.aut"), files.late})
                                      : spexctl({"compare", files.late, files.dir.file("bad.aut")});
      INFO(text << finished.err);
      CHECK(finished.exit_code == 2);
      CHECK(contains(finished.err, "bad.aut:"));
    }
  }
}

TEST_CASE("the formula begins in column 1, and JSON has everything", "[compare]") {
  const Files files;
  const Finished text = spexctl({"compare", files.early, files.late, "--formula"});
  CHECK(contains(text.out, "\nformula: <tau*><a>!(<tau*><b>true)\n"));
  CHECK_FALSE(contains(spexctl({"compare", files.early, files.late}).out, "formula"));
  const auto parsed = protocol::parse_json(spexctl({"compare", files.early, files.late, "--json"}).out);
  REQUIRE(parsed.ok());
  CHECK(at(*parsed, "verdict") == Value("not_equivalent"));
  CHECK(at(at(*parsed, "left"), "states") == Value(5));
  const Value& explanation = at(*parsed, "explanation");
  for (const char* key : {"story", "kind", "able", "game", "left_state", "right_state", "formula", "depth"}) {
    INFO(key);
    CHECK(explanation.find(key) != nullptr);
  }
}

TEST_CASE("standard input and .gz are read like files", "[compare]") {
  const Files files;
  const std::string ctl = program_path("spexctl") + " compare ";
  CHECK(shell("cat " + files.late + " | " + ctl + "- " + files.late).exit_code == 0);
  CHECK(shell("gzip -c " + files.early + " | " + ctl + files.late + " -").exit_code == 1);
  CHECK(shell("gzip -k " + files.late + " && " + ctl + files.late + ".gz " + files.late).exit_code == 0);
  const Finished cut = shell("gzip -c " + files.late + " | head -c 30 | " + ctl + "- " + files.late);
  INFO(cut.err);
  CHECK(cut.exit_code == 2);
}

TEST_CASE("models and specifications are compared by their own words", "[compare]") {
  const TempDir dir;
  write_whole_file(dir.file("order.spec"), order_specification());
  write_whole_file(dir.file("order.spex"), order_model());
  CHECK(spexctl({"compare", dir.file("order.spex"), dir.file("order.spec")}).exit_code == 0);
  write_whole_file(dir.file("order.spex"), order_model() + "paid --[refund]-> created\n");
  const Finished finished = spexctl({"compare", dir.file("order.spex"), dir.file("order.spec")});
  CHECK(finished.exit_code == 1);
  CHECK(contains(finished.out, "the implementation (state `paid`) can do `refund`"));
  write_whole_file(dir.file("order.spex"), "Specification: order\nLearning mode: false\nTransitions:\na --[b]-> c\n");
  const Finished none = spexctl({"compare", dir.file("order.spex"), dir.file("order.spec")});
  CHECK(none.exit_code == 1);
  CHECK(contains(none.out, "0 initialisations"));
}

TEST_CASE("what --tau names is internal, in reading and writing", "[convert]") {
  const TempDir dir;
  write_whole_file(dir.file("i.aut"), "des (0,2,3)\n(0,i,1)\n(1,a,2)\n");
  write_whole_file(dir.file("a.aut"), "des (0,1,2)\n(0,a,1)\n");
  CHECK(spexctl({"compare", dir.file("i.aut"), dir.file("a.aut")}).exit_code == 1);
  CHECK(spexctl({"compare", dir.file("i.aut"), dir.file("a.aut"), "--tau", "i"}).exit_code == 0);
  CHECK(spexctl({"compare", dir.file("i.aut"), dir.file("a.aut"), "--tau", "x", "--tau", "i"}).exit_code == 0);
  CHECK(spexctl({"convert", dir.file("i.aut"), "--tau", "i", "-o", dir.file("i.spec")}).exit_code == 0);
  CHECK(contains(read_whole_file(dir.file("i.spec")), "0 --[__internal__]-> 1\n"));
  CHECK(spexctl({"convert", dir.file("i.spec"), "-o", dir.file("tau.aut")}).exit_code == 0);
  CHECK(contains(read_whole_file(dir.file("tau.aut")), "\"tau\""));
  write_whole_file(dir.file("tau.spec"), "Specification: x\nTransitions:\na --[tau]-> b\n");
  const Finished refused = spexctl({"convert", dir.file("tau.spec"), "--to", "aut"});
  CHECK(refused.exit_code == 2);
  CHECK(contains(refused.err, "--tau"));
  CHECK(spexctl({"convert", dir.file("tau.spec"), "--to", "aut", "--tau", "i"}).exit_code == 0);
}

TEST_CASE("reduce writes an equivalent smaller system, info counts", "[reduce]") {
  const TempDir dir;
  write_whole_file(dir.file("big.aut"), "des (0,4,6)\n(0,tau,1)\n(1,a,2)\n(0,a,3)\n(4,b,5)\n");
  const Finished reduced = spexctl({"reduce", dir.file("big.aut"), "-o", dir.file("small.aut")});
  INFO(reduced.err);
  CHECK(reduced.exit_code == 0);
  CHECK(read_whole_file(dir.file("small.aut")) == "des (0,1,2)\n(0,\"a\",1)\n");
  CHECK(spexctl({"compare", dir.file("big.aut"), dir.file("small.aut")}).exit_code == 0);
  const auto info = protocol::parse_json(spexctl({"info", dir.file("big.aut"), "--json"}).out);
  REQUIRE(info.ok());
  CHECK(at(*info, "states") == Value(6));
  CHECK(at(*info, "reachable_states") == Value(4));
  CHECK(at(*info, "silent_transitions") == Value(1));
  CHECK(at(*info, "deterministic") == Value(false));
}

TEST_CASE("check writes why into its JUnit report", "[check]") {
  const TempDir dir;
  write_whole_file(dir.file("order.spec"), order_specification());
  write_whole_file(dir.file("order.spex"), order_model() + "created --[explode]-> gone\n");
  const Finished finished = spexctl({"check", dir.path(), "--specs-dir", dir.path(), "--junit", dir.file("out.xml")});
  CHECK(finished.exit_code == 1);
  CHECK(contains(finished.out, "can do `explode`"));
  const std::string xml = read_whole_file(dir.file("out.xml"));
  CHECK(contains(xml, "tests=\"1\" failures=\"1\""));
  CHECK(contains(xml, "can do `explode`"));
  CHECK(shell("python3 -c 'import sys, xml.dom.minidom as m; m.parse(sys.argv[1])' " + dir.file("out.xml")).exit_code ==
        0);
}

TEST_CASE("graph draws files, and says what is missing to make pictures", "[graph]") {
  const TempDir dir;
  write_whole_file(dir.file("order.spec"), order_specification());
  write_whole_file(dir.file("order.spex"), order_model() + "paid --[refund]-> created\n");
  const std::vector<std::string> compare{"graph", dir.file("order.spex"), "--compare", "--specs-dir", dir.path(), "-o"};
  const auto draw = [&](const std::string& name, const RunOptions& options = {}) {
    std::vector<std::string> arguments = compare;
    arguments.push_back(dir.file(name));
    return spexctl(arguments, options);
  };
  CHECK(draw("x.dot").exit_code == 0);
  CHECK(contains(read_whole_file(dir.file("x.dot")), "+ refund"));
  RunOptions without_dot;
  without_dot.environment = {{"PATH", dir.path()}};
  CHECK(draw("y.dot", without_dot).exit_code == 0);
  const Finished refused = draw("y.svg", without_dot);
  CHECK(refused.exit_code == 2);
  CHECK(contains(refused.err, "apt-get install graphviz"));
  CHECK_FALSE(std::filesystem::exists(dir.file("y.svg")));
  CHECK(draw("x.txt").exit_code == 2);
  CHECK(draw("x.svg").exit_code == 0);
  CHECK(contains(read_whole_file(dir.file("x.svg")), "<svg"));
  CHECK(draw("x.png").exit_code == 0);
  CHECK(read_whole_file(dir.file("x.png")).starts_with("\x89PNG"));
  CHECK(spexctl({"graph", dir.file("absent.spex")}).exit_code == 2);
  CHECK(spexctl({"graph", dir.file("order.spex"), dir.file("order.spec")}).exit_code == 2);
}

}  // namespace
}  // namespace spex::test
