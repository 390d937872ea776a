// SIGKILL of every kind of process under load: clients go on, others are
// untouched, nothing acknowledged is missing, nothing is doubled, and with
// request keys nothing stays unknown (semantics §12).
#include <signal.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <deque>
#include <iostream>
#include <set>
#include <thread>

#include "support/cluster.h"

namespace spex::test {
namespace {

using Clock = std::chrono::steady_clock;

// What one instance went through, as its client saw it. Every transition
// carries its number as the time of occurrence, by which it is found again.
struct Journal {
  std::string identifier;
  unsigned shard = 0;
  std::int64_t next = 1;
  std::vector<std::int64_t> acknowledged;
  std::vector<std::int64_t> unknown;
  int errors = 0;  // answers that were no ok, and missing answers
};

struct LoadOptions {
  int clients = 4;
  int instances = 12;  // per client; the window, too: one request in flight for each
  bool keys = false;
};

// One client in a thread of its own.
class LoadClient {
 public:
  LoadClient(const Cluster& cluster, int number, const LoadOptions& options)
      : options_(options), endpoint_(cluster.endpoint()), client_id_(static_cast<std::uint64_t>(number) + 1'000) {
    for (int i = 0; i < options.instances; ++i) {
      Journal journal;
      journal.identifier = "c" + std::to_string(number) + "-" + std::to_string(i);
      journal.shard = cluster.shard_of(journal.identifier);
      journals_.push_back(std::move(journal));
    }
  }

  ~LoadClient() {
    abandoned_ = true;
    if (thread_.joinable()) thread_.join();
  }

  void start() {
    thread_ = std::thread([this] { run(); });
  }
  // Sends nothing new, waits for what is under way.
  void finish() {
    finishing_ = true;
    thread_.join();
  }
  std::int64_t acknowledged() const { return acknowledged_; }
  const std::vector<Journal>& journals() const { return journals_; }
  bool gave_up() const { return gave_up_; }

 private:
  static constexpr std::chrono::milliseconds kReplyPatience{1500};

  struct Pending {
    std::size_t journal = 0;
    std::int64_t number = 0;
    std::uint64_t key = 0;
    std::uint64_t id = 0;
    Clock::time_point sent;
  };

  void transmit(WireClient& client, Pending& pending) {
    RequestOptions options;
    if (options_.keys) options.key = pending.key;
    pending.sent = Clock::now();
    pending.id = client.send(Operation::transition, journals_[pending.journal].identifier,
                             Array{"tick", "s0", pending.number}, options);
  }

  Pending next_of(std::size_t journal) { return {journal, journals_[journal].next++, next_key_++, 0, {}}; }

  // True: the request has its end; false: it is to be sent again.
  bool settle(const Pending& pending, const WireReply& reply) {
    Journal& journal = journals_[pending.journal];
    if (reply.answered && reply.ok) {
      journal.acknowledged.push_back(pending.number);
      ++acknowledged_;
      return true;
    }
    ++journal.errors;
    const bool not_executed =
        reply.answered && (reply.error.reason == "shard_unavailable" || reply.error.reason == "overloaded" ||
                           reply.error.reason == "draining");
    if (options_.keys || not_executed) return false;
    journal.unknown.push_back(pending.number);
    return true;
  }

  void run() {
    WireClient client(endpoint_, client_id_);
    std::deque<Pending> in_flight;
    std::deque<Pending> again;
    for (std::size_t i = 0; i < journals_.size(); ++i) again.push_back(next_of(i));
    const auto end = Clock::now() + std::chrono::seconds(100);
    while (!in_flight.empty() || !again.empty()) {
      if (abandoned_ || Clock::now() > end) {
        gave_up_ = true;
        return;
      }
      for (; !again.empty(); again.pop_front()) {
        transmit(client, again.front());
        in_flight.push_back(again.front());
      }
      client.pump(std::chrono::milliseconds(20));
      bool refused = false;
      for (std::size_t left = in_flight.size(); left > 0; --left) {
        Pending pending = in_flight.front();
        in_flight.pop_front();
        const WireReply reply = client.receive(pending.id, std::chrono::milliseconds(0));
        if (!reply.answered && Clock::now() - pending.sent < kReplyPatience) {
          in_flight.push_back(pending);
        } else if (!settle(pending, reply)) {
          again.push_back(pending);
          refused = true;
        } else if (!finishing_) {
          again.push_back(next_of(pending.journal));
        }
      }
      // A little back-off, so that a shard that is away is not asked in a tight loop.
      if (refused) client.pump(std::chrono::milliseconds(10));
    }
  }

  LoadOptions options_;
  std::string endpoint_;
  std::uint64_t client_id_;
  std::uint64_t next_key_ = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch())
          .count());
  std::vector<Journal> journals_;
  std::atomic<bool> finishing_ = false;
  std::atomic<bool> abandoned_ = false;
  std::atomic<bool> gave_up_ = false;
  std::atomic<std::int64_t> acknowledged_ = 0;
  std::thread thread_;
};

class Load {
 public:
  Load(Cluster& cluster, LoadOptions options) : cluster_(cluster), options_(options) {
    auto client = cluster.client();
    for (int i = 0; i < options.clients; ++i) {
      clients_.push_back(std::make_unique<LoadClient>(cluster, i, options));
      for (const Journal& journal : clients_.back()->journals()) REQUIRE(client->init("ring", journal.identifier).ok);
    }
    for (auto& each : clients_) each->start();
  }

  std::int64_t acknowledged() const {
    std::int64_t sum = 0;
    for (const auto& client : clients_) sum += client->acknowledged();
    return sum;
  }
  // Until `count` more have been acknowledged.
  void wait_for(std::int64_t count) const {
    const std::int64_t wanted = acknowledged() + count;
    REQUIRE(eventually([&] { return acknowledged() >= wanted; }));
  }
  void finish() {
    for (auto& client : clients_) client->finish();
    for (auto& client : clients_) REQUIRE_FALSE(client->gave_up());
  }
  std::vector<Journal> journals() const {
    std::vector<Journal> all;
    for (const auto& client : clients_) all.insert(all.end(), client->journals().begin(), client->journals().end());
    return all;
  }

 private:
  Cluster& cluster_;
  LoadOptions options_;
  std::vector<std::unique_ptr<LoadClient>> clients_;
};

// The numbers of the instance's transitions, oldest first.
std::vector<std::int64_t> stored_numbers(WireClient& client, const std::string& identifier) {
  std::vector<std::int64_t> newest_first;
  Value before;
  for (int page = 0; page < 1000; ++page) {
    const WireReply reply = client.get(identifier, 1000, before);
    INFO(identifier << ": " << reply.text().substr(0, 200));
    REQUIRE(reply.ok);
    const Value& records = at(reply.body, "transitions");
    for (std::size_t i = 0; i < size_of(records); ++i)
      if (at(at(records, i), 0) == Value("tick")) newest_first.push_back(integer_of(at(at(records, i), 3)));
    const std::int64_t read = integer_of(at(reply.body, "transitions_total"));
    const std::int64_t seen = static_cast<std::int64_t>(newest_first.size());
    if (size_of(records) == 0 || seen + 1 >= read) break;
    before = read - seen + 1;
  }
  return {newest_first.rbegin(), newest_first.rend()};
}

void check_journals(Cluster& cluster, const Load& load, bool keys) {
  auto client = cluster.client();
  std::size_t acknowledged = 0;
  std::size_t unknown = 0;
  for (const Journal& journal : load.journals()) {
    const std::vector<std::int64_t> stored = stored_numbers(*client, journal.identifier);
    std::map<std::int64_t, int> counts;
    for (const std::int64_t number : stored) ++counts[number];
    INFO(journal.identifier << " on shard " << journal.shard << ": " << journal.acknowledged.size() << " acknowledged, "
                            << journal.unknown.size() << " unknown, " << stored.size() << " stored");
    int missing = 0;
    int doubled = 0;
    for (const std::int64_t number : journal.acknowledged) missing += counts[number] == 0;
    for (const auto& [number, count] : counts) doubled += count > 1;
    CHECK(missing == 0);
    CHECK(doubled == 0);
    CHECK(stored.size() <= journal.acknowledged.size() + journal.unknown.size());
    if (keys) {
      CHECK(journal.unknown.empty());
      CHECK(stored == journal.acknowledged);
    }
    // Order of the replies is the order of the records.
    std::vector<std::int64_t> order;
    const std::set<std::int64_t> acked(journal.acknowledged.begin(), journal.acknowledged.end());
    for (const std::int64_t number : stored)
      if (acked.count(number) == 1) order.push_back(number);
    CHECK(order == journal.acknowledged);
    acknowledged += journal.acknowledged.size();
    unknown += journal.unknown.size();
  }
  std::cout << "acknowledged " << acknowledged << ", unknown " << unknown << ", missing 0, doubled 0\n";
}

ClusterOptions ring(unsigned shards, const std::string& durability = "process") {
  ClusterOptions options;
  options.shards = shards;
  options.durability = durability;
  options.specs = {{"ring.spec", "Specification: ring\nTransitions:\ns0 --[tick]-> s0\n"}};
  options.models = {
      {"ring.spex",
       "Specification: ring\nLearning mode: false\nTransitions:\nnil --[__initialisation__]-> s0\ns0 --[tick]-> s0\n"}};
  options.arguments = {"--max-restarts", "1000"};
  return options;
}

TEST_CASE("a shard killed under load loses nothing acknowledged and disturbs no other", "[crash]") {
  const bool keys = GENERATE(false, true);
  Cluster cluster(ring(4, keys ? "full" : "process"));
  cluster.start();
  LoadOptions options;
  options.keys = keys;
  Load load(cluster, options);
  for (int round = 0; round < 5; ++round) {
    load.wait_for(300);
    cluster.kill_and_wait_ready("shard-2");
  }
  load.wait_for(300);
  load.finish();
  for (const Journal& journal : load.journals()) {
    INFO(journal.identifier << " on shard " << journal.shard);
    if (journal.shard != 2) CHECK(journal.errors == 0);
  }
  check_journals(cluster, load, keys);
  cluster.stop();
}

TEST_CASE("the router killed under load: clients go on, nothing is lost or doubled", "[crash]") {
  const bool keys = GENERATE(false, true);
  Cluster cluster(ring(2));
  cluster.start();
  LoadOptions options;
  options.keys = keys;
  Load load(cluster, options);
  for (int round = 0; round < 4; ++round) {
    load.wait_for(300);
    cluster.kill_and_wait_ready("router");
  }
  load.wait_for(300);
  load.finish();
  CHECK(cluster.incarnation("shard-1") == 1);
  CHECK(cluster.incarnation("shard-2") == 1);
  check_journals(cluster, load, keys);
  cluster.stop();
}

TEST_CASE("the supervisor killed under load and started again: nothing is lost or doubled", "[crash]") {
  const bool keys = GENERATE(false, true);
  Cluster cluster(ring(3));
  cluster.start();
  LoadOptions options;
  options.keys = keys;
  Load load(cluster, options);
  for (int round = 0; round < 3; ++round) {
    load.wait_for(300);
    cluster.kill_supervisor();
    cluster.start();
  }
  load.wait_for(300);
  load.finish();
  check_journals(cluster, load, keys);
  cluster.stop();
}

TEST_CASE("every process killed in turn under load, with keys: every request has one effect", "[crash]") {
  Cluster cluster(ring(2, "full"));
  cluster.start();
  LoadOptions options;
  options.keys = true;
  options.clients = 3;
  Load load(cluster, options);
  for (const char* victim : {"shard-1", "router", "shard-2", "supervisor", "router", "shard-1"}) {
    load.wait_for(200);
    if (victim == std::string("supervisor")) {
      cluster.kill_supervisor();
      cluster.start();
    } else {
      cluster.kill_and_wait_ready(victim);
    }
  }
  load.wait_for(200);
  load.finish();
  check_journals(cluster, load, true);
  cluster.stop();
}

TEST_CASE("a clean stop in the middle of load loses nothing acknowledged", "[crash]") {
  Cluster cluster(ring(2));
  cluster.start();
  LoadOptions options;
  options.keys = true;
  Load load(cluster, options);
  for (int round = 0; round < 3; ++round) {
    load.wait_for(300);
    cluster.stop();
    cluster.start();
  }
  load.wait_for(300);
  load.finish();
  check_journals(cluster, load, true);
  cluster.stop();
}

TEST_CASE("a repeated key returns the first outcome and has no second effect", "[keys]") {
  Cluster cluster(ring(2));
  cluster.start();
  auto client = cluster.client(42);
  const std::uint64_t base = 1'700'000'000'000'000;
  const auto keyed = [&](std::uint64_t number) {
    RequestOptions options;
    options.key = base + number;
    return options;
  };
  REQUIRE(client->init("ring", "k", {}, {}, keyed(1)).ok);
  CHECK(client->init("ring", "k", {}, {}, keyed(1)).ok);  // the first answer, not "already in use"
  CHECK(client->init("ring", "k", {}, {}, keyed(2)).refused("InstanceError", "instance_identifier_already_in_use"));
  REQUIRE(client->transition("k", "tick", "s0", keyed(3)).ok);
  const WireReply deviation = client->transition("k", "explode", "s1", keyed(4));
  REQUIRE(deviation.refused("TransitionError", "deviation_not_equivalent"));

  const auto check_again = [&](WireClient& again) {
    CHECK(again.transition("k", "tick", "s0", keyed(3)).ok);
    const WireReply repeated = again.transition("k", "explode", "s1", keyed(4));
    INFO(repeated.text());
    CHECK(repeated.refused("TransitionError", "deviation_not_equivalent"));
    CHECK(at(repeated.error.context, "deviating_transition") == at(deviation.error.context, "deviating_transition"));
    CHECK(at(at(repeated.error.context, "instance"), "transitions") ==
          at(at(deviation.error.context, "instance"), "transitions"));
    CHECK(again.init("ring", "k", {}, {}, keyed(2)).refused("InstanceError", "instance_identifier_already_in_use"));
    CHECK(again.transition("k", "other", "s0", keyed(3)).refused("RequestError", "request_key_reused"));
    CHECK(again.get("k").body.find("transitions_total")->integer() != nullptr);
    CHECK(at(again.get("k").body, "transitions_total") == Value(3));
  };
  check_again(*client);
  // Another client's keys are its own.
  CHECK(cluster.client(43)->transition("k", "tick", "s1", keyed(3)).answered);
  CHECK(at(client->get("k").body, "transitions_total") == Value(4));
  REQUIRE(client->remove("k").ok);
  REQUIRE(client->init("ring", "k", {}, {}, keyed(10)).ok);
  REQUIRE(client->remove("k").ok);
  REQUIRE(client->init("ring", "k").ok);
  REQUIRE(client->transition("k", "tick", "s0", keyed(11)).ok);
  REQUIRE(client->transition("k", "explode", "s1", keyed(12)).refused("TransitionError", "deviation_not_equivalent"));

  for (const char* victim : {"shard-1", "shard-2", "router"}) cluster.kill_and_wait_ready(victim);
  CHECK(client->transition("k", "tick", "s0", keyed(11)).ok);
  CHECK(client->transition("k", "explode", "s1", keyed(12)).refused("TransitionError", "deviation_not_equivalent"));
  CHECK(at(client->get("k").body, "transitions_total") == Value(3));
  cluster.kill_supervisor();
  cluster.start();
  CHECK(client->transition("k", "explode", "s1", keyed(12)).refused("TransitionError", "deviation_not_equivalent"));
  CHECK(at(client->get("k").body, "transitions_total") == Value(3));
  cluster.stop();
}

TEST_CASE("a key below the floor is refused as expired, never executed", "[keys]") {
  ClusterOptions options = ring(1);
  options.arguments.insert(options.arguments.end(), {"--request-keys-max", "100"});
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client(42);
  const std::uint64_t base = 1'700'000'000'000'000;
  const auto tick = [&](std::uint64_t number) {
    RequestOptions keyed;
    keyed.key = base + number;
    return client->transition("k", "tick", "s0", keyed);
  };
  REQUIRE(client->init("ring", "k").ok);
  constexpr std::uint64_t kSent = 1000;
  for (std::uint64_t i = 1; i <= kSent; ++i) REQUIRE(tick(i).ok);
  CHECK(tick(1).refused("RequestError", "request_key_expired"));
  CHECK(tick(kSent).ok);
  cluster.kill_and_wait_ready("shard-1");
  CHECK(tick(1).refused("RequestError", "request_key_expired"));
  CHECK(tick(kSent).ok);
  CHECK(at(client->get("k").body, "transitions_total") == Value(static_cast<std::int64_t>(kSent) + 1));
  cluster.stop();
}

TEST_CASE("a request without an answer in its time is told so, and one to a dead shard at once", "[crash]") {
  ClusterOptions options = ring(1);
  options.arguments.insert(options.arguments.end(), {"--heartbeat-timeout", "1h"});
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("ring", "k").ok);
  const pid_t worker = cluster.signal_child("shard-1", SIGSTOP);
  RequestOptions brief;
  brief.timeout_ms = 200;
  CHECK(client->transition("k", "tick", "s0", brief).refused("ClusterError", "deadline_exceeded"));
  // In flight when the shard dies: outcome unknown.
  const std::uint64_t id = client->send(Operation::transition, "k", Array{"tick", "s0"});
  CHECK(client->call(Operation::ping, {}, Array{}).ok);  // the router has read both
  REQUIRE(::kill(worker, SIGKILL) == 0);
  const WireReply lost = client->receive(id);
  INFO(lost.text());
  CHECK(lost.refused("ClusterError", "shard_restarted"));
  cluster.wait_ready();
  REQUIRE(eventually([&] { return client->get("k").ok; }));
  CHECK(integer_of(at(client->get("k").body, "transitions_total")) <= 3);
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
