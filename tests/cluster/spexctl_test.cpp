// The verbs of spexctl against a real cluster: output for people and as JSON,
// exit statuses, replay of an event log, learn and check end to end.
#include <signal.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "protocol/json.h"
#include "support/cluster.h"

namespace spex::test {
namespace {

ClusterOptions with_order(unsigned shards = 2) {
  ClusterOptions options;
  options.shards = shards;
  options.specs = {{"order.spec", order_specification()}};
  options.models = {{"order.spex", order_model()}};
  return options;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

Finished spexctl(std::vector<std::string> arguments, const RunOptions& options = {}) {
  arguments.insert(arguments.begin(), program_path("spexctl"));
  return run_program(arguments, options);
}

Value json(const std::string& text) {
  auto parsed = protocol::parse_json(text);
  INFO(text);
  REQUIRE(parsed.ok());
  return std::move(parsed).value();
}

TEST_CASE("init, transition, mock, get, instances, delete: what they print and how they exit", "[spexctl]") {
  Cluster cluster(with_order());
  cluster.start();
  const auto run = [&](std::vector<std::string> arguments, int expected) {
    Finished finished = cluster.ctl(arguments);
    std::string line;
    for (const std::string& argument : arguments) line += argument + " ";
    INFO("spexctl " << line << "\n" << finished.out << finished.err);
    CHECK(finished.exit_code == expected);
    return finished;
  };
  run({"init", "order", "o-1", "--meta", R"({"customer":"x"})"}, 0);
  run({"init", "order", "o-1"}, 7);
  run({"transition", "o-1", "pay", "paid"}, 0);
  run({"transition", "o-1", "explode", "gone"}, 1);
  run({"transition", "nobody", "pay", "paid"}, 7);
  const Finished got = run({"get", "o-1"}, 0);
  for (const char* word : {"order", "o-1", "gone", "paid", "created"}) CHECK(contains(got.out, word));
  const Value document = json(run({"get", "o-1", "--json"}, 0).out);
  CHECK(contains(protocol::to_json(document), "\"gone\""));
  run({"get", "nobody"}, 7);
  run({"mock", "order", "m-1", "paid"}, 0);
  const Finished paid = run({"instances", "--where", "current_state = \"paid\""}, 0);
  CHECK(contains(paid.out, "m-1"));
  CHECK_FALSE(contains(paid.out, "o-1"));
  run({"instances", "--where", "no ( filter"}, 2);
  CHECK(contains(run({"models"}, 0).out, "order"));
  run({"delete", "o-1"}, 0);
  run({"get", "o-1"}, 7);
  // Options before and after the verb.
  CHECK(spexctl({"get", "m-1", "--endpoint", cluster.endpoint()}).exit_code == 0);
  RunOptions environment;
  environment.environment = {{"SPEX_ENDPOINT", cluster.endpoint()}};
  CHECK(spexctl({"get", "m-1"}, environment).exit_code == 0);
  cluster.stop();
}

TEST_CASE("usage errors exit with 2 and help exits with 0", "[spexctl]") {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"no-such-verb"},
                                                    {"get"},
                                                    {"transition", "one"},
                                                    {"status", "--no-such-option"},
                                                    {"init", "order"}}) {
    const Finished finished = spexctl(arguments);
    INFO(finished.err << finished.out);
    CHECK(finished.exit_code == 2);
  }
  const Finished help = spexctl({"--help"});
  CHECK(help.exit_code == 0);
  for (const char* verb : {"init", "transition", "mock", "get", "instances", "delete", "models", "export", "learning",
                           "batch", "replay", "check", "status", "wait-ready", "learn", "specs", "import", "reload"}) {
    INFO(verb);
    CHECK(contains(help.out, verb));
    CHECK(spexctl({verb, "--help"}).exit_code == 0);
  }
}

TEST_CASE("wait-ready waits for a cluster that is not there yet, and gives up with 6", "[spexctl]") {
  Cluster cluster(with_order(3));
  CHECK(cluster.ctl({"wait-ready", "--timeout", "200ms"}).exit_code == 6);
  ProgramOptions waiter;
  waiter.arguments = {program_path("spexctl"), "wait-ready", "--timeout", "30s", "--endpoint", cluster.endpoint()};
  Program program(waiter);
  cluster.start_without_waiting();
  CHECK(program.wait() == 0);
  CHECK(cluster.state() == "ready");
  cluster.stop();
}

TEST_CASE("status works through the endpoint and, when that is silent, through the run directory", "[spexctl]") {
  ClusterOptions options = with_order(2);
  options.arguments = {"--heartbeat-timeout", "1h"};
  Cluster cluster(std::move(options));
  cluster.start();
  CHECK(cluster.ctl({"status"}).exit_code == 0);
  const Value document = json(cluster.ctl({"status", "--json"}).out);
  CHECK(size_of(at(document, "children")) == 3);
  for (const char* key : {"id", "kind", "pid", "phase", "incarnation", "restarts", "heartbeat_age_ms", "last_exit"})
    CHECK(at(at(document, "children"), 0).find(key) != nullptr);

  const pid_t router = cluster.signal_child("router", SIGSTOP);
  const Finished local = spexctl({"status", "--json", "--run-dir", cluster.run_dir()});
  INFO(local.err);
  CHECK(size_of(at(json(local.out), "children")) == 3);
  REQUIRE(::kill(router, SIGCONT) == 0);
  cluster.stop();
  CHECK(spexctl({"status", "--run-dir", cluster.run_dir(), "--endpoint", cluster.endpoint()}).exit_code == 5);
}

TEST_CASE("specs, import, export, learning and reload change a running cluster", "[spexctl]") {
  Cluster cluster(with_order());
  cluster.start();
  const TempDir dir;
  write_whole_file(dir.file("claim.spec"), order_specification("", "claim"));
  write_whole_file(dir.file("claim.spex"), order_model("claim"));
  write_whole_file(dir.file("bad.spec"), "Specification: bad\nnonsense\n");
  const auto run = [&](std::vector<std::string> arguments, int expected) {
    Finished finished = cluster.ctl(arguments);
    INFO("spexctl " << arguments[0] << ' ' << (arguments.size() > 1 ? arguments[1] : "") << '\n'
                    << finished.out << finished.err);
    CHECK(finished.exit_code == expected);
    return finished;
  };
  run({"specs", "add", dir.file("claim.spec")}, 0);
  run({"specs", "add", dir.file("bad.spec")}, 7);
  const Finished list = run({"specs", "list"}, 0);
  CHECK(contains(list.out, "claim"));
  CHECK(contains(list.out, "order"));
  CHECK(contains(run({"specs", "show", "claim"}, 0).out, "created --[pay]-> paid"));
  run({"import", dir.file("claim.spex")}, 0);
  run({"init", "claim", "c-1"}, 0);
  run({"learning", "on", "claim"}, 0);
  run({"transition", "c-1", "remind", "created"}, 0);
  run({"learning", "off", "claim"}, 0);
  run({"transition", "c-1", "explode", "gone"}, 1);
  std::filesystem::create_directory(dir.file("out"));
  run({"export", dir.file("out")}, 0);
  CHECK(read_whole_file(dir.file("out/order.spex")) == order_model());
  CHECK(contains(read_whole_file(dir.file("out/claim.spex")), "created --[remind]-> created"));
  CHECK(contains(read_whole_file(dir.file("out/claim.spex")), "Learning mode: false"));
  run({"specs", "remove", "claim"}, 7);  // it has an instance
  run({"delete", "c-1"}, 0);
  run({"specs", "remove", "claim"}, 0);
  run({"specs", "show", "claim"}, 7);
  write_whole_file(cluster.specs_dir() + "/late.spec", order_specification("", "late"));
  run({"reload"}, 0);
  run({"init", "late", "l-1"}, 0);
  cluster.stop();
}

TEST_CASE("check needs no cluster: 0 if all are equivalent, 1 and the name if one is not", "[check]") {
  const TempDir dir;
  std::filesystem::create_directory(dir.file("specs"));
  std::filesystem::create_directory(dir.file("models"));
  write_whole_file(dir.file("specs/order.spec"), order_specification());
  write_whole_file(dir.file("specs/claim.spec"), order_specification("", "claim"));
  write_whole_file(dir.file("models/order.spex"), order_model());
  const std::vector<std::string> arguments{"check", "--specs-dir", dir.file("specs"), "--impl-models-dir",
                                           dir.file("models")};
  CHECK(spexctl(arguments).exit_code == 0);
  write_whole_file(dir.file("models/claim.spex"), order_model("claim") + "created --[explode]-> gone\n");
  Finished finished = spexctl(arguments);
  INFO(finished.out << finished.err);
  CHECK(finished.exit_code == 1);
  CHECK(contains(finished.out, "claim"));
  write_whole_file(dir.file("models/claim.spex"), order_model("claim") + "garbage\n");
  finished = spexctl(arguments);
  CHECK(finished.exit_code != 0);
  CHECK(contains(finished.out + finished.err, "claim.spex"));
}

TEST_CASE("learn runs a command against a private cluster, writes closed models and checks them", "[learn]") {
  const TempDir dir;
  std::filesystem::create_directory(dir.file("specs"));
  write_whole_file(dir.file("specs/order.spec"), order_specification());
  const auto learn = [&](const std::string& script) {
    RunOptions options;
    options.directory = dir.path();
    options.deadline = std::chrono::seconds(60);
    return spexctl({"learn", "--specs-dir", dir.file("specs"), "--impl-models-dir", dir.file("models"), "--", "sh",
                    "-c", "set -e; ctl=" + program_path("spexctl") + "; " + script},
                   options);
  };
  const std::string good =
      "$ctl init order a; $ctl transition a pay paid; $ctl transition a ship shipped;"
      "$ctl init order b; $ctl transition b cancel cancelled";
  Finished finished = learn(good);
  INFO(finished.out << finished.err);
  CHECK(finished.exit_code == 0);
  CHECK(read_whole_file(dir.file("models/order.spex")) ==
        "Specification: order\nLearning mode: false\nTransitions:\n"
        "created --[cancel]-> cancelled\ncreated --[pay]-> paid\n"
        "nil --[__initialisation__]-> created\npaid --[ship]-> shipped\n");
  // The command's own status counts first; else 1 if the model is not equivalent.
  CHECK(learn(good + "; exit 42").exit_code == 42);
  CHECK(learn("$ctl init order a; $ctl transition a explode gone").exit_code == 1);
  CHECK(processes_mentioning(dir.path()).empty());
}

std::string event_log() {
  std::string csv = "case,activity,timestamp\n";
  const std::vector<std::vector<std::string>> cases{{"register", "check", "pay"},
                                                    {"register", "check", "check", "pay"},
                                                    {"register", "pay"},
                                                    {"register", "check", "\"reject, finally\""}};
  for (int i = 0; i < 40; ++i) {
    int minute = 0;
    for (const std::string& activity : cases[static_cast<std::size_t>(i) % (i < 30 ? 3 : 4)])
      csv += "case-" + std::to_string(i) + "," + activity + ",2010-10-02 09:" + std::to_string(10 + minute++) +
             ":39.266000+02:00\n";
  }
  return csv;
}

TEST_CASE("replay of an event log: instances, records, times, deviations, verified", "[replay]") {
  Cluster cluster(with_order(4));
  cluster.start();
  const TempDir dir;
  write_whole_file(dir.file("log.csv"), event_log());
  const std::vector<std::string> columns{"--case-column", "case",          "--activity-column",
                                         "activity",      "--time-column", "timestamp"};
  std::vector<std::string> arguments{"replay", dir.file("log.csv"), "--spec", "process", "--learn-first",
                                     "30",     "--verify"};
  arguments.insert(arguments.end(), columns.begin(), columns.end());
  const Finished finished = cluster.ctl(arguments);
  INFO(finished.out << finished.err);
  CHECK((finished.exit_code == 0 || finished.exit_code == 1));
  CHECK(contains(finished.out + finished.err, "reject, finally"));

  auto client = cluster.client();
  CHECK(size_of(client->all().body) == 40);
  const WireReply got = client->get("case-1");
  INFO(got.text());
  REQUIRE(got.ok);
  CHECK(states_of(got.body) == "pay check check register start");
  CHECK(at(at(at(got.body, "transitions"), 3), 0) == Value("register"));
  CHECK(at(at(at(got.body, "transitions"), 3), 3) == Value(std::int64_t{1'286'003'439'266'000}));
  // What only later cases do is a deviation of the model learned from the first 30.
  const WireReply model = client->call(Operation::export_impl_models, {}, Array{});
  std::string text;
  for (std::size_t i = 0; i < size_of(model.body); ++i)
    if (at(at(model.body, i), 0) == Value("process.spex")) text = string_of(at(at(model.body, i), 1));
  CHECK(contains(text, "Learning mode: false"));
  CHECK(contains(text, "start --[register]-> register"));
  CHECK_FALSE(contains(text, "reject"));
  cluster.stop();
}

TEST_CASE("replay goes on while a shard is killed, and nothing is lost or doubled", "[replay]") {
  ClusterOptions options = with_order(2);
  options.arguments = {"--max-restarts", "1000"};
  Cluster cluster(std::move(options));
  cluster.start();
  const TempDir dir;
  std::string csv = "case,activity,state,time\n";
  for (int step = 0; step < 40; ++step)
    for (int i = 0; i < 250; ++i)
      csv += std::to_string(i) + ",a" + std::to_string(step) + ",s" + std::to_string(step) +
             ",2020-01-01T00:00:" + std::to_string(10 + step) + "Z\n";
  write_whole_file(dir.file("log.csv"), csv);
  ProgramOptions start;
  start.arguments = {program_path("spexctl"),
                     "replay",
                     dir.file("log.csv"),
                     "--endpoint",
                     cluster.endpoint(),
                     "--case-column",
                     "case",
                     "--activity-column",
                     "activity",
                     "--state-column",
                     "state",
                     "--time-column",
                     "time",
                     "--spec",
                     "big",
                     "--learn-first",
                     "100",
                     "--verify",
                     "--json"};
  start.output_file = dir.file("out");
  start.error_file = dir.file("err");
  Program program(start);
  auto client = cluster.client();
  REQUIRE(eventually([&] { return client->get("5", 1).ok || !program.running(); }));
  cluster.kill_and_wait_ready("shard-1");
  cluster.kill_and_wait_ready("shard-2");
  const std::optional<int> code = program.wait(std::chrono::seconds(60));
  INFO(read_whole_file(dir.file("out")) << read_whole_file(dir.file("err")));
  CHECK((code == 0 || code == 1));
  const Value verified = at(json(read_whole_file(dir.file("out"))), "verified");
  CHECK(at(verified, "instances") == Value(250));
  CHECK(at(verified, "records") == Value(250 * 41));
  CHECK(at(verified, "missing") == Value(0));
  CHECK(at(verified, "doubled") == Value(0));
  const WireReply all = client->all();
  REQUIRE(size_of(all.body) == 250);
  for (std::size_t i = 0; i < 250; ++i) CHECK(at(at(all.body, i), "transitions_total") == Value(41));
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
