// A shard without process, socket or thread: the real store in a temporary
// directory, requests as a router would hand them over, checks run when the
// test says so, time as the test sets it.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "protocol/arguments.h"
#include "protocol/codec.h"
#include "protocol/filter.h"
#include "protocol/identifier.h"
#include "protocol/replies.h"
#include "shard_worker/deadlines.h"
#include "shard_worker/loader.h"
#include "shard_worker/shard.h"
#include "tests/support/temp_dir.h"

namespace spex::shard_worker::testing {

using protocol::Operation;
using protocol::Reply;
using protocol::Value;

constexpr std::int64_t kSecond = 1'000'000;

inline const std::string kOrderSpec =
    "Specification: order\nTransitions:\nopen --[pay]-> paid\npaid --[ship]-> shipped\n";
// Equivalent to it, closed, with other names and room for a harmless deviation.
inline const std::string kOrderModel =
    "Specification: order\nLearning mode: false\nTransitions:\n"
    "nil --[__initialisation__]-> o\no --[pay]-> p\np --[ship]-> s\n";

class HeldRunner final : public CheckRunner {
 public:
  void start(CheckJob job) override { jobs.push_back(std::move(job)); }
  std::deque<CheckJob> jobs;
};

class ShardFixture {
 public:
  static constexpr std::size_t kSlice = 256;  // changes
  explicit ShardFixture(config::Config configuration = {}) : config(std::move(configuration)) {
    config.specs_dir = directory.file("specs");
    config.impl_models_dir = directory.file("models");
    config.data_dir = directory.path();
    std::filesystem::create_directory(config.specs_dir);
    std::filesystem::create_directory(config.impl_models_dir);
  }

  void put_spec(const std::string& name, const std::string& text) const {
    std::ofstream(config.specs_dir + "/" + name) << text;
  }
  void put_model(const std::string& name, const std::string& text) const {
    std::ofstream(config.impl_models_dir + "/" + name) << text;
  }

  // Opens the store (again) and loads everything, as a starting worker does.
  void start() {
    shard.reset();
    store.reset();
    runner.jobs.clear();
    store::StoreOptions options;
    options.path = directory.file("shard_1.sqlite");
    options.shard = base::ShardId(1);
    options.cluster_id = "test";
    options.full_durability = false;
    options.names_max = config.names_max;
    options.instances_max = config.instances_max;
    options.now = now.wall;
    auto opened = store::InstanceStore::open(options);
    if (!opened) FAIL(base::to_string(opened.error()));
    store = std::move(opened).value();
    auto slots = protocol::SlotMap::create(std::vector<std::uint16_t>(protocol::kSlotCount, 1), 1);
    REQUIRE(slots.ok());
    shard = std::make_unique<Shard>(base::ShardId(1), std::move(slots).value(), config, *store, runner);
    REQUIRE(load_all(*shard, now).ok());
    commit();
    deadlines = std::make_unique<Deadlines>(*shard);
    deadlines->start(now);
  }
  void restart() {
    REQUIRE(store->close().ok());
    start();
  }
  void commit() {
    const auto committed = store->commit();
    if (!committed) FAIL(base::to_string(committed.error()));
  }

  void pass(std::int64_t microseconds) {
    now.wall += microseconds;
    now.monotonic += std::chrono::microseconds(microseconds);
  }
  // All slices that are due, then the commit.
  void run_deadlines() {
    for (int i = 0; i < 1000; ++i) {
      const auto more = deadlines->run_slice(now, kSlice);
      REQUIRE(more.ok());
      if (!*more) break;
    }
    commit();
  }

  struct Asked {
    std::uint64_t client = 7;
    std::optional<std::uint64_t> key;
    std::uint8_t round = 0;
    std::string gathered;
  };
  // Executes and commits; the token of the request.
  std::uint64_t send(Operation operation, const Value& identifier, const std::string& arguments, const Asked& asked) {
    requests.emplace_back();
    protocol::append_request(requests.back(), ++last_token, operation, protocol::encode_value(identifier), arguments,
                             asked.key);
    shard->execute({1, last_token, asked.client, asked.round, requests.back(), asked.gathered}, now, answers);
    collect();
    return last_token;
  }
  // What waits for nothing any more is executed; bulk jobs run to their end.
  void settle() {
    for (const StoredRequest& request : shard->take_ready()) shard->execute(request.incoming(), now, answers);
    while (!shard->deletions.empty()) shard->deletions.run_slice(*shard, now, answers, kSlice);
    collect();
  }
  void run_checks() {
    while (!runner.jobs.empty()) {
      const CheckJob job = runner.jobs.front();
      runner.jobs.pop_front();
      shard->on_verdict(job.ticket, run(job), answers);
      settle();
    }
  }
  void collect() {
    commit();
    for (const Answers::Entry& entry : answers.entries()) {
      replies.emplace_back(entry.token, std::string(answers.reply(entry)));
    }
    answers.clear();
  }
  bool answered(std::uint64_t token) const {
    for (const auto& [of, reply] : replies) {
      if (of == token) return true;
    }
    return false;
  }
  Reply reply_to(std::uint64_t token) const {
    std::optional<Reply> found;
    for (const auto& [of, bytes] : replies) {
      if (of != token) continue;
      REQUIRE_FALSE(found.has_value());  // exactly one
      const auto view = protocol::read_reply(bytes);
      REQUIRE(view.ok());
      auto reply = protocol::decode_reply(*view);
      REQUIRE(reply.ok());
      found = std::move(reply).value();
    }
    REQUIRE(found.has_value());
    return *found;
  }

  // Short forms: send, run what is needed, answer.
  Reply ask(Operation operation, const Value& identifier, const std::string& arguments, const Asked& asked) {
    const std::uint64_t token = send(operation, identifier, arguments, asked);
    run_checks();
    settle();
    return reply_to(token);
  }
  template <typename Arguments>
  static std::string encoded(const Arguments& arguments) {
    std::string out;
    protocol::encode(arguments, out);
    return out;
  }
  Reply init(const Value& id, std::string_view spec, std::string_view state, const Asked& asked) {
    return ask(Operation::init_instance, id, encoded(protocol::InitArguments{spec, {}, state, {}}), asked);
  }
  Reply init(const Value& id, std::string_view spec = "order", std::string_view state = "o") {
    return init(id, spec, state, Asked());
  }
  Reply move(const Value& id, std::string_view action, std::string_view state, const Asked& asked) {
    return ask(Operation::transition, id, encoded(protocol::TransitionArguments{action, state, {}}), asked);
  }
  Reply move(const Value& id, std::string_view action, std::string_view state) {
    return move(id, action, state, Asked());
  }
  Reply get(const Value& id) { return ask(Operation::get_instance, id, encoded(protocol::GetArguments{}), Asked()); }
  // Both rounds, with this shard as the only one.
  Reply ask_rounds(Operation operation, const std::string& arguments, Asked asked) {
    asked.round = 1;
    asked.gathered = protocol::encode_value(++last_change);  // as the router numbers changes of models
    const std::uint64_t token = send(operation, nullptr, arguments, asked);
    const Reply first = reply_to(token);
    if (!first.ok) return first;
    asked.round = 2;
    asked.gathered = protocol::encode_value(protocol::Array{first.body});
    return ask(operation, nullptr, arguments, asked);
  }
  Reply ask_rounds(Operation operation, const std::string& arguments) {
    return ask_rounds(operation, arguments, Asked());
  }

  std::vector<Value> events() {
    std::vector<Value> bodies;
    const auto stored = store->events(0, 1000);
    REQUIRE(stored.ok());
    for (const store::StoredEvent& event : *stored) bodies.push_back(protocol::decode_value(event.body).value());
    return bodies;
  }

  test::TempDir directory;
  config::Config config;
  Now now{1'790'000'000 * kSecond, base::MonotonicTime(std::chrono::hours(100))};
  HeldRunner runner;
  std::unique_ptr<store::InstanceStore> store;
  std::unique_ptr<Shard> shard;
  std::unique_ptr<Deadlines> deadlines;
  Answers answers;
  std::deque<std::string> requests;
  std::vector<std::pair<std::uint64_t, std::string>> replies;
  std::uint64_t last_token = 0;
  std::int64_t last_change = 0;
};

inline std::string reason(const Reply& reply) { return reply.ok ? "ok" : reply.error->reason; }
inline std::vector<std::string> reported(const Reply& reply) {
  std::vector<std::string> reasons;
  for (const protocol::ErrorBody& error : reply.reported) reasons.push_back(error.reason);
  return reasons;
}
inline std::string text(const Value* value) {
  return value != nullptr && value->string() != nullptr ? *value->string() : std::string();
}

}  // namespace spex::shard_worker::testing
