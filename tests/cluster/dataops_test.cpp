// Data operations on a real cluster: backup under load with a shard killed meanwhile,
// restore and reshard into other numbers of shards, and what clients see afterwards:
// the same instances, histories and answers to repeated requests.
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <thread>

#include "protocol/json.h"
#include "support/cluster.h"

namespace spex::test {
namespace {

const char* const kLoopSpecification = "Specification: loop\nTransitions:\ns0 --[tick]-> s0\n";
const char* const kLoopModel =
    "Specification: loop\nLearning mode: false\nTransitions:\n"
    "nil --[__initialisation__]-> s0\ns0 --[tick]-> s0\n";

ClusterOptions options_for(unsigned shards, const std::string& data_dir = "") {
  ClusterOptions options;
  options.shards = shards;
  options.data_dir = data_dir;
  options.specs = {{"loop.spec", kLoopSpecification}, {"order.spec", order_specification()}};
  options.models = {{"loop.spex", kLoopModel}, {"order.spex", order_model()}};
  options.arguments = {"--heartbeat-interval", "100ms"};
  return options;
}

constexpr std::uint64_t kClient = 4'711;
constexpr std::uint64_t kFirstKey = 1'790'000'000'000'000;
constexpr int kInstances = 40;

std::string name_of(int i) { return "case-" + std::to_string(i); }

RequestOptions key(int number) {
  RequestOptions options;
  options.key = kFirstKey + static_cast<std::uint64_t>(number);
  return options;
}

// Keyed requests of every outcome; what was answered, by the number of the key.
using Answers = std::map<int, std::string>;

std::string answer_of(const WireReply& reply) {
  REQUIRE(reply.answered);
  return (reply.ok ? std::string("ok") : reply.error.error_class + " " + reply.error.reason) + " " +
         std::to_string(reply.reported.size());
}

Answers ask_all(WireClient& client) {
  Answers answers;
  for (int i = 0; i < kInstances; ++i) {
    answers[10 * i] = answer_of(client.init("order", name_of(i), Map{{"n", i}}, "created", key(10 * i)));
    answers[10 * i + 1] = answer_of(client.transition(name_of(i), "pay", "paid", key(10 * i + 1)));
    // A deviation: reported, and stored all the same.
    answers[10 * i + 2] = answer_of(client.transition(name_of(i), "lose", "lost", key(10 * i + 2)));
    answers[10 * i + 3] = answer_of(client.transition("nobody-" + std::to_string(i), "pay", "paid", key(10 * i + 3)));
  }
  return answers;
}

std::map<std::string, std::string> instances_of(WireClient& client) {
  std::map<std::string, std::string> instances;
  const WireReply all = client.all();
  REQUIRE(all.ok);
  CHECK(all.missing.empty());
  for (std::size_t i = 0; i < size_of(all.body); ++i) {
    const Value& instance = at(all.body, i);
    CHECK(instances.emplace(protocol::to_json(at(instance, "identifier")), protocol::to_json(instance)).second);
  }
  return instances;
}

void require_fine(const Finished& finished) {
  INFO(finished.out << finished.err);
  REQUIRE(finished.exit_code == 0);
}

Finished ctl(const std::vector<std::string>& words) {
  std::vector<std::string> arguments{program_path("spexctl")};
  arguments.insert(arguments.end(), words.begin(), words.end());
  return run_program(arguments);
}

// Ticks one instance until it is told to stop; counts what was acknowledged.
class Ticker {
 public:
  explicit Ticker(const Cluster& cluster) : endpoint_(cluster.endpoint()) {
    thread_ = std::thread([this] { run(); });
  }
  ~Ticker() { finish(); }
  int acknowledged() const { return acknowledged_; }
  void finish() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run() {
    WireClient client(endpoint_, 9'000);
    std::uint64_t number = kFirstKey;
    while (!stop_) {
      RequestOptions options;
      options.key = ++number;
      // Unknown or refused: the same key again, until it is done.
      while (!stop_ && !client.transition("ticker", "tick", "s0", options).ok) {
      }
      if (!stop_) ++acknowledged_;
    }
  }

  std::string endpoint_;
  std::atomic<bool> stop_{false};
  std::atomic<int> acknowledged_{0};
  std::thread thread_;
};

TEST_CASE("a backup under load, with a shard killed meanwhile, is restored into any number of shards", "[dataops]") {
  Cluster cluster(options_for(2));
  cluster.start();
  auto client = cluster.client(kClient);
  REQUIRE(client->init("loop", "ticker").ok);
  const Answers answers = ask_all(*client);
  const std::string backup = cluster.dir() + "/backup";
  int before = 0;
  {
    Ticker ticker(cluster);
    REQUIRE(eventually([&] { return ticker.acknowledged() > 20; }));
    before = ticker.acknowledged();
    ProgramOptions options;
    options.arguments = {program_path("spexctl"), "--endpoint", cluster.endpoint(), "backup", backup, "--rate", "200K"};
    options.error_file = options.output_file = cluster.dir() + "/backup.log";
    Program spexctl(options);
    // The first step is made, the second waits for its turn.
    REQUIRE(eventually(
        [&] { return string_of(at(at(at(cluster.child("shard-2"), "stats"), "backup"), "state")) == "running"; }));
    CHECK(std::filesystem::exists(backup + ".unfinished"));
    CHECK_FALSE(std::filesystem::exists(backup));
    cluster.kill_and_wait_ready("shard-2");
    INFO(read_whole_file(cluster.dir() + "/backup.log"));
    REQUIRE(spexctl.wait() == 0);
    const int during = ticker.acknowledged();
    REQUIRE(eventually([&] { return ticker.acknowledged() > during + 20; }));
  }
  const auto instances = instances_of(*client);
  cluster.stop();
  require_fine(ctl({"verify", backup}));
  require_fine(ctl({"verify", "--data-dir", cluster.data_dir()}));
  for (const unsigned shards : {2U, 3U}) {
    const std::string restored = cluster.dir() + "/restored-" + std::to_string(shards);
    require_fine(ctl({"restore", backup, restored, "--distribution-factor", std::to_string(shards), "--verify"}));
    Cluster again(options_for(shards, restored));
    again.start();
    auto repeater = again.client(kClient);
    const auto found = instances_of(*repeater);
    REQUIRE(found.size() == instances.size());
    for (const auto& [identifier, instance] : instances) {
      if (identifier != "\"ticker\"") CHECK(found.at(identifier) == instance);
    }
    // All that was acknowledged before the backup began.
    CHECK(integer_of(at(repeater->get("ticker", 1).body, "transitions_total")) > before);
    CHECK(ask_all(*repeater) == answers);
    CHECK(instances_of(*repeater) == found);
    again.stop();
  }
}

TEST_CASE("4, 6, 3 and 4 shards again: the same instances, and the same answers to repeated requests", "[dataops]") {
  Cluster first(options_for(4));
  first.start();
  auto client = first.client(kClient);
  const Answers answers = ask_all(*client);
  const auto instances = instances_of(*client);
  // A reader of events that stores its position has each once, also those that change shard and number.
  const std::string position = first.dir() + "/position";
  const auto deviations_read = [&position](const Cluster& cluster) {
    const Finished read =
        cluster.ctl({"events", "--json", "--reason", "deviation_not_equivalent", "--position", position});
    require_fine(read);
    return std::count(read.out.begin(), read.out.end(), '\n');
  };
  CHECK(deviations_read(first) == kInstances);
  first.stop();
  unsigned last = 4;
  for (const unsigned shards : {6U, 3U, 4U}) {
    INFO(last << " -> " << shards);
    const std::string number = std::to_string(shards);
    require_fine(ctl({"reshard", "--distribution-factor", number, "--data-dir", first.data_dir()}));
    require_fine(ctl({"verify", "--data-dir", first.data_dir()}));
    Cluster next(options_for(shards, first.data_dir()));
    next.start();
    auto repeater = next.client(kClient);
    CHECK(instances_of(*repeater) == instances);
    CHECK(ask_all(*repeater) == answers);
    CHECK(instances_of(*repeater) == instances);
    CHECK(repeater->init("order", "new-" + number, {}, "created").ok);
    CHECK(repeater->remove("new-" + number).ok);
    CHECK(deviations_read(next) == 0);
    next.stop();
    last = shards;
  }
}

TEST_CASE("a cluster does not start on a half-made move and names the command that completes it", "[dataops]") {
  Cluster cluster(options_for(2));
  cluster.start();
  cluster.stop();
  write_whole_file(cluster.data_dir() + "/reshard", "spexd reshard 1\nfrom: 2\nto: 2\nkeep_as: \n");
  cluster.start_without_waiting();
  CHECK(cluster.supervisor().wait() == 78);
  CHECK(cluster.log().find("spexctl reshard --data-dir " + cluster.data_dir()) != std::string::npos);
  const Finished refused = ctl({"verify", "--data-dir", cluster.data_dir()});
  CHECK(refused.exit_code == 7);
  CHECK(refused.err.find("spexctl reshard") != std::string::npos);
  require_fine(ctl({"reshard", "--data-dir", cluster.data_dir()}));
  cluster.start();
  cluster.stop();
}

TEST_CASE("a repaired file serves again: what was sound is there, what is lost is named, keys do not act twice",
          "[dataops]") {
  Cluster cluster(options_for(2));
  cluster.start();
  auto client = cluster.client(kClient);
  ask_all(*client);
  const auto instances = instances_of(*client);
  cluster.stop();
  // Everything behind the first third of one shard's file is gone.
  const std::string file = cluster.data_dir() + "/shard_1.sqlite";
  std::string content = read_whole_file(file);
  const std::size_t kept = content.size() / 3 / 4096 * 4096;
  std::fill(content.begin() + static_cast<std::ptrdiff_t>(kept), content.end(), '\0');
  write_whole_file(file, content);
  CHECK(ctl({"verify", "--data-dir", cluster.data_dir()}).exit_code == 1);
  const Finished repaired = ctl({"repair", "--shard", "1", "--data-dir", cluster.data_dir()});
  INFO(repaired.out << repaired.err);
  REQUIRE(repaired.exit_code == 1);  // not every instance could be saved
  require_fine(ctl({"verify", "--data-dir", cluster.data_dir()}));
  cluster.start();
  auto repeater = cluster.client(kClient);
  const auto found = instances_of(*repeater);
  CHECK(found.size() < instances.size());
  CHECK(found.size() >= instances.size() / 3);  // the other shard lost nothing
  for (const auto& [identifier, instance] : found) CHECK(instances.at(identifier) == instance);
  // Requests from before are answered as before or refused as expired; nothing happens again.
  ask_all(*repeater);
  CHECK(instances_of(*repeater) == found);
  cluster.stop();
}

TEST_CASE("what cannot be done is refused, and nothing is changed", "[dataops]") {
  Cluster cluster(options_for(2));
  cluster.start();
  REQUIRE(cluster.client()->init("order", "one").ok);
  const std::string data = cluster.data_dir();
  const std::string backup = cluster.dir() + "/backup";
  CHECK(ctl({"verify", "--data-dir", data}).exit_code == 7);
  CHECK(ctl({"reshard", "--distribution-factor", "3", "--data-dir", data}).exit_code == 7);
  CHECK(ctl({"backup", backup, "--data-dir", data}).exit_code == 7);
  CHECK(cluster.ctl({"backup", cluster.dir()}).exit_code == 2);
  require_fine(cluster.ctl({"backup", backup}));
  CHECK(cluster.ctl({"backup", backup}).exit_code == 2);
  CHECK(ctl({"restore", backup, data}).exit_code == 2);
  CHECK(ctl({"reshard", "--distribution-factor", "4097", "--data-dir", data}).exit_code == 2);
  CHECK(cluster.ctl({"backup", cluster.dir() + "/no/such/place"}).exit_code == 7);
  cluster.stop();
  // A backup that was changed is not restored.
  std::string content = read_whole_file(backup + "/shard_1.sqlite");
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
  write_whole_file(backup + "/shard_1.sqlite", content);
  const Finished damaged = ctl({"restore", backup, cluster.dir() + "/restored"});
  CHECK(damaged.exit_code == 1);
  CHECK(damaged.err.find("shard_1.sqlite is not the file that the manifest describes") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(cluster.dir() + "/restored"));
  CHECK(ctl({"verify", backup}).exit_code == 1);
  require_fine(ctl({"backup", cluster.dir() + "/offline", "--data-dir", data}));
  require_fine(ctl({"restore", cluster.dir() + "/offline", cluster.dir() + "/restored", "--verify"}));
}

}  // namespace
}  // namespace spex::test
