// `spexctl batch` against a real cluster: every operation of the JSON-lines
// form, its order, its exit statuses, and keys through a crash.
#include <signal.h>

#include <catch2/catch.hpp>

#include "protocol/json.h"
#include "support/cluster.h"

namespace spex::test {
namespace {

ClusterOptions with_order(unsigned shards) {
  ClusterOptions options;
  options.shards = shards;
  options.specs = {{"order.spec", order_specification()}};
  options.models = {{"order.spex", order_model()}};
  return options;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return lines;
}

Value json(const std::string& line) {
  auto parsed = protocol::parse_json(line);
  INFO("line: " << line);
  REQUIRE(parsed.ok());
  return std::move(parsed).value();
}

struct Batch {
  int exit_code = -1;
  std::vector<Value> replies;
  std::string err;
};

Batch batch(const Cluster& cluster, const std::string& input, std::vector<std::string> options = {}) {
  options.insert(options.begin(), "batch");
  RunOptions run;
  run.input = input;
  const Finished finished = cluster.ctl(options, run);
  Batch result{finished.exit_code, {}, finished.err};
  for (const std::string& line : lines_of(finished.out)) result.replies.push_back(json(line));
  return result;
}

const Value& reason_of(const Value& reply) { return at(at(reply, "error"), "reason"); }

TEST_CASE("batch speaks every operation", "[batch]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  const Batch run = batch(cluster,
                          R"({"op":"init_instance","args":{"spec":"order","id":"o-1","meta":{"n":1.0}},"ref":"a"}
{"op":"transition","args":{"id":"o-1","action":"pay","state":"paid"},"ref":[1,{"x":null}]}
{"op":"transition","args":{"id":"o-1","action":"__internal__","state":"packed"}}
{"op":"get_instance","args":{"id":"o-1"}}
{"op":"transition","args":{"id":"nobody","action":"pay","state":"paid"}}
{"op":"mock_instance","args":{"spec":"order","id":{"$bin":"AP8="},"state":"paid","meta":null}}
{"op":"get_instance","args":{"id":{"$bin":"AP8="}}}
{"op":"init_instance","args":{"spec":"order","id":null,"initial_state":"created"}}
{"op":"all_instances","args":{"filter":{"current_state":"paid"}}}
{"op":"all_instances","args":{"filter":{"where":"specification = \"order\" and meta.n = 1.0"}}}
{"op":"all_instances","args":{"spec":"order","limit":1}}
{"op":"all_impl_models","args":{}}
{"op":"export_impl_models"}
{"op":"set_learning_mode","args":{"spec":"order","learning_mode":true}}
{"op":"transition","args":{"id":null,"action":"learned","state":"elsewhere"}}
{"op":"delete_instance","args":{"id":"o-1"}}
{"op":"get_instance","args":{"id":"o-1"}}
{"op":"delete_instances","args":{"filter":{}}}
)");
  INFO(run.err);
  CHECK(run.exit_code == 0);
  REQUIRE(run.replies.size() == 18);
  const auto& replies = run.replies;
  const auto ok = [&](std::size_t i) {
    INFO(i << ": " << protocol::to_json(replies[i]));
    CHECK(at(replies[i], "status") == Value("ok"));
  };
  for (const std::size_t i : {0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 17}) ok(i);
  CHECK(at(replies[0], "ref") == Value("a"));
  CHECK(at(replies[0], "reported") == Value(Array{}));
  CHECK(at(replies[1], "ref") == Value(Array{1, Map{{"x", Value()}}}));
  CHECK(replies[2].find("ref") == nullptr);
  REQUIRE(size_of(at(replies[2], "reported")) == 1);
  CHECK(at(at(at(replies[2], "reported"), 0), "reason") == Value("deviation_still_equivalent"));
  CHECK(at(at(at(at(replies[2], "reported"), 0), "context"), "deviating_transition") ==
        Value(Array{"paid", "__internal__", "packed"}));
  const Value& instance = at(replies[3], "instance");
  CHECK(states_of(instance) == "packed paid created");
  CHECK(at(at(instance, "meta"), "n") == Value(1.0));
  const std::string time = string_of(at(at(at(instance, "transitions"), 0), 2));
  CHECK(time.size() == 27);
  CHECK(time.back() == 'Z');
  CHECK(at(replies[4], "status") == Value("error"));
  CHECK(reason_of(replies[4]) == Value("instance_identifier_not_found"));
  CHECK(at(at(replies[4], "error"), "class") == Value("InstanceError"));
  CHECK(at(at(at(replies[4], "error"), "context"), "instance_identifier") == Value("nobody"));
  CHECK(at(at(replies[6], "instance"), "transitions") == Value(Array{}));
  CHECK(at(at(replies[6], "instance"), "identifier") == Value(protocol::Binary{std::string("\x00\xff", 2)}));
  CHECK(size_of(at(replies[8], "instances")) == 1);
  CHECK(size_of(at(replies[9], "instances")) == 1);
  CHECK(size_of(at(replies[10], "instances")) <= 1);
  CHECK_FALSE(at(replies[10], "cursor").is_nil());
  CHECK(at(at(at(replies[11], "models"), 0), "learning_mode") == Value(false));
  CHECK(at(at(at(replies[12], "files"), 0), "filename") == Value("order.spex"));
  CHECK(at(at(at(replies[12], "files"), 0), "content") == Value(order_model()));
  CHECK(at(replies[14], "reported") == Value(Array{}));
  CHECK(reason_of(replies[16]) == Value("instance_identifier_not_found"));
  CHECK(at(replies[17], "deleted") == Value(2));
  for (const Value& reply : replies) CHECK(reply.find("missing_shards") == nullptr);
  cluster.stop();
}

TEST_CASE("a line that is no request gets a reply, is named, and the rest goes on", "[batch]") {
  Cluster cluster(with_order(1));
  cluster.start();
  const Batch run = batch(cluster,
                          R"({"op":"init_instance","args":{"spec":"order","id":1}}
this is no JSON
{"op":"no_such_operation","args":{}}
{"op":"delete_instances","args":{}}
{"op":"init_instance","args":{"spec":"order","id":18446744073709551616}}
{"op":"init_instance","args":{"spec":"order","id":{"a":1,"a":2}}}
{"op":"transition","args":{"id":1,"action":"pay"}}
{"op":"transition","args":{"id":1,"action":"pay","state":"paid"}}
)");
  CHECK(run.exit_code == 2);
  REQUIRE(run.replies.size() == 8);
  CHECK(at(run.replies[0], "status") == Value("ok"));
  for (std::size_t i = 1; i <= 6; ++i) {
    INFO(i << ": " << protocol::to_json(run.replies[i]));
    CHECK(at(at(run.replies[i], "error"), "class") == Value("RequestError"));
  }
  CHECK(reason_of(run.replies[1]) == Value("malformed"));
  CHECK(run.err.find('2') != std::string::npos);
  CHECK(at(run.replies[7], "status") == Value("ok"));
  cluster.stop();
}

TEST_CASE("identifiers keep their kind through JSON", "[batch]") {
  Cluster cluster(with_order(4));
  cluster.start();
  const std::vector<std::string> identifiers{"1",
                                             "1.0",
                                             "-1",
                                             "0.0",
                                             "-0.0",
                                             "\"1\"",
                                             "true",
                                             "null",
                                             "[]",
                                             "{}",
                                             "[1]",
                                             "[1.0]",
                                             "1e300",
                                             R"({"$bin":"MQ=="})",
                                             "18446744073709551615",
                                             "-9223372036854775808",
                                             R"({"b":1,"a":[null,2.5]})",
                                             R"({"$map":[[1,2]]})",
                                             R"({"$map":[["$x",2]]})"};
  std::string input;
  for (std::size_t i = 0; i < identifiers.size(); ++i)
    input += R"({"op":"init_instance","args":{"spec":"order","id":)" + identifiers[i] + R"(,"meta":{"i":)" +
             std::to_string(i) + "}}}\n";
  for (const std::string& identifier : identifiers)
    input += R"({"op":"get_instance","args":{"id":)" + identifier + "}}\n";
  input += R"({"op":"all_instances"})"
           "\n";
  const Batch run = batch(cluster, input, {"--window", "50"});
  INFO(run.err);
  CHECK(run.exit_code == 0);
  REQUIRE(run.replies.size() == 2 * identifiers.size() + 1);
  for (std::size_t i = 0; i < identifiers.size(); ++i) {
    INFO(identifiers[i] << ": " << protocol::to_json(run.replies[identifiers.size() + i]));
    CHECK(at(run.replies[i], "status") == Value("ok"));
    const Value& instance = at(run.replies[identifiers.size() + i], "instance");
    CHECK(at(at(instance, "meta"), "i") == Value(static_cast<std::int64_t>(i)));
    if (identifiers[i][0] != '{') CHECK(at(instance, "identifier") == json(identifiers[i]));
  }
  CHECK(size_of(at(run.replies.back(), "instances")) == identifiers.size());
  cluster.stop();
}

TEST_CASE("lines of one identifier take effect in order at any window; a line over all waits for all", "[batch]") {
  Cluster cluster(with_order(4));
  cluster.start();
  std::string input = R"({"op":"set_learning_mode","args":{"spec":"order","learning_mode":true}})"
                      "\n";
  constexpr int kInstances = 25;
  constexpr int kSteps = 20;
  for (int i = 0; i < kInstances; ++i)
    input += R"({"op":"init_instance","args":{"spec":"order","id":)" + std::to_string(i) + "}}\n";
  for (int step = 0; step < kSteps; ++step)
    for (int i = 0; i < kInstances; ++i)
      input += R"({"op":"transition","args":{"id":)" + std::to_string(i) + R"(,"action":"go","state":"s)" +
               std::to_string(step) + "\"}}\n";
  input += R"({"op":"all_instances"})"
           "\n";
  input += R"({"op":"delete_instances","args":{"filter":{}}})"
           "\n";
  input += R"({"op":"init_instance","args":{"spec":"order","id":0}})"
           "\n";
  const Batch run = batch(cluster, input, {"--window", "500"});
  INFO(run.err);
  REQUIRE(run.exit_code == 0);
  const std::size_t count = run.replies.size();
  REQUIRE(count == 1 + kInstances * (kSteps + 1) + 3);
  for (const Value& reply : run.replies) REQUIRE(at(reply, "status") == Value("ok"));
  const Value& instances = at(run.replies[count - 3], "instances");
  REQUIRE(size_of(instances) == kInstances);
  std::string expected;
  for (int step = kSteps - 1; step >= 0; --step) expected += "s" + std::to_string(step) + " ";
  for (std::size_t i = 0; i < kInstances; ++i) {
    const std::string states = states_of(at(instances, i));
    CHECK(states == (expected + "created").substr(0, states.size()));
    CHECK(at(at(instances, i), "current_state") == Value("s19"));
  }
  CHECK(at(run.replies[count - 2], "deleted") == Value(kInstances));
  CHECK(size_of(cluster.client()->all().body) == 1);
  cluster.stop();
}

TEST_CASE("with keys a batch gets through the death of shards, router and supervisor with one effect each", "[batch]") {
  ClusterOptions options = with_order(2);
  options.arguments = {"--max-restarts", "1000"};
  Cluster cluster(std::move(options));
  cluster.start();
  std::string input = R"({"op":"set_learning_mode","args":{"spec":"order","learning_mode":true}})"
                      "\n";
  constexpr int kInstances = 40;
  constexpr int kSteps = 200;
  for (int i = 0; i < kInstances; ++i)
    input += R"({"op":"init_instance","args":{"spec":"order","id":)" + std::to_string(i) + "}}\n";
  for (int step = 0; step < kSteps; ++step)
    for (int i = 0; i < kInstances; ++i)
      input += R"({"op":"transition","args":{"id":)" + std::to_string(i) + R"(,"action":"go","state":"s)" +
               std::to_string(step % 50) + "\"}}\n";
  const TempDir dir;
  write_whole_file(dir.file("in"), input);
  ProgramOptions start;
  start.arguments = {program_path("spexctl"), "batch", "--endpoint", cluster.endpoint(), "--window", "40", "--keys"};
  start.input_file = dir.file("in");
  start.output_file = dir.file("out");
  start.error_file = dir.file("err");
  Program program(start);
  const auto wait_lines = [&](std::size_t more) {
    const std::size_t wanted = lines_of(read_whole_file(dir.file("out"))).size() + more;
    REQUIRE(
        eventually([&] { return !program.running() || lines_of(read_whole_file(dir.file("out"))).size() >= wanted; }));
  };
  for (const char* victim : {"shard-1", "router", "shard-2", "supervisor"}) {
    wait_lines(300);
    if (victim == std::string("supervisor")) {
      cluster.kill_supervisor();
      cluster.start();
    } else {
      cluster.kill_and_wait_ready(victim);
    }
  }
  const std::optional<int> code = program.wait(std::chrono::seconds(90));
  INFO(read_whole_file(dir.file("err")));
  CHECK(code == 0);
  const auto lines = lines_of(read_whole_file(dir.file("out")));
  REQUIRE(lines.size() == 1 + kInstances * (kSteps + 1));
  int refused = 0;
  for (const std::string& line : lines) refused += at(json(line), "status") != Value("ok");
  CHECK(refused == 0);
  auto client = cluster.client();
  for (int i = 0; i < kInstances; ++i) {
    const WireReply got = client->get(i);
    CHECK(at(got.body, "transitions_total") == Value(kSteps + 1));
    const Value& records = at(got.body, "transitions");
    for (int step = 0; step < kSteps; ++step)
      REQUIRE(at(at(records, static_cast<std::size_t>(kSteps - 1 - step)), 1) ==
              Value("s" + std::to_string(step % 50)));
  }
  cluster.stop();
}

TEST_CASE("async lines are answered when sent and take effect", "[batch]") {
  Cluster cluster(with_order(4));
  cluster.start();
  std::string input;
  for (int i = 0; i < 300; ++i) {
    const std::string id = std::to_string(i);
    input += R"({"op":"init_instance_async","args":{"spec":"order","id":)" + id + "}}\n";
    input += R"({"op":"transition_async","args":{"id":)" + id +
             R"(,"action":"pay","state":"paid"}})"
             "\n";
  }
  const Batch run = batch(cluster, input, {"--window", "100"});
  INFO(run.err);
  CHECK(run.exit_code == 0);
  CHECK(run.replies.size() == 600);
  auto client = cluster.client();
  CHECK(eventually([&] { return size_of(client->all(Map{{"current_state", "paid"}}).body) == 300; }));
  cluster.stop();
}

TEST_CASE("without a cluster batch gives up with exit status 5", "[batch]") {
  const TempDir dir;
  RunOptions run;
  run.input = R"({"op":"all_instances"})"
              "\n";
  const Finished finished = run_program({program_path("spexctl"), "batch", "--endpoint",
                                         "ipc://" + dir.file("nobody.sock"), "--connect-timeout", "300ms"},
                                        run);
  CHECK(finished.exit_code == 5);
}

}  // namespace
}  // namespace spex::test
