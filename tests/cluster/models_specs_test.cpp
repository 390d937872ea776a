// Model and specification files: loading, learned transitions, changed and bad
// files, defining and removing specifications (semantics §4, §9).
#include <signal.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "protocol/json.h"
#include "support/cluster.h"

namespace spex::test {
namespace {

ClusterOptions with_order(unsigned shards = 1) {
  ClusterOptions options;
  options.shards = shards;
  options.specs = {{"order.spec", order_specification()}};
  options.models = {{"order.spex", order_model()}};
  return options;
}

// The problems that status names, as one text.
std::string problems(const Cluster& cluster) { return protocol::to_json(cluster.status()); }

std::string exported(Cluster& cluster, const std::string& file) {
  const WireReply reply = cluster.client()->call(Operation::export_impl_models, {}, Array{});
  for (std::size_t i = 0; i < size_of(reply.body); ++i)
    if (at(at(reply.body, i), 0) == Value(file)) return string_of(at(at(reply.body, i), 1));
  return {};
}

// Asks the cluster to read its files again, and waits until it has.
void reload(const Cluster& cluster) {
  const Value answer = cluster.control("reload");
  INFO(protocol::to_json(answer));
  REQUIRE(at(answer, "ok") == Value(true));
}

std::vector<std::string> files_like(const std::string& dir, const std::string& part) {
  std::vector<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(dir))
    if (entry.path().filename().string().find(part) != std::string::npos) found.push_back(entry.path());
  return found;
}

TEST_CASE("a bad file is named with file and line in status, and the rest serves", "[models]") {
  ClusterOptions options = with_order(GENERATE(1u, 4u));
  options.models["broken.spex"] = "Specification: broken\nLearning mode: perhaps\nTransitions:\n";
  options.models["truncated.spex"] = "Specification: truncated\nLearning mode: false\nTransitions:\na --[b\n";
  options.models["ignored.txt"] = "nothing";
  options.specs["damaged.spec"] = "Specification: damaged\nNo such option: 1\nTransitions:\na --[b]-> c\n";
  options.specs["empty.spec"] = "Specification: empty\nTransitions:\n";
  Cluster cluster(std::move(options));
  cluster.start();  // ready in spite of them
  const std::string told = problems(cluster);
  for (const char* name : {"broken.spex", "truncated.spex", "damaged.spec", "empty.spec"}) {
    INFO("file " << name << " in " << told);
    CHECK(told.find(name) != std::string::npos);
    CHECK(cluster.log().find(name) != std::string::npos);
  }
  CHECK(told.find("ignored.txt") == std::string::npos);
  auto client = cluster.client();
  REQUIRE(client->init("order", "o").ok);
  CHECK(client->init("damaged", "d").refused("SpecificationError", "specification_not_found"));
  CHECK(exported(cluster, "broken.spex").empty());

  // Mended and reloaded, it is there.
  write_whole_file(cluster.models_dir() + "/broken.spex", order_model("broken"));
  reload(cluster);
  CHECK(eventually([&] { return exported(cluster, "broken.spex") == order_model("broken"); }));
  CHECK(eventually([&] { return problems(cluster).find("broken.spex") == std::string::npos; }));
  cluster.stop();
}

TEST_CASE("two files for one specification are both refused by name", "[models]") {
  ClusterOptions options = with_order();
  options.models = {{"first.spex", order_model()}, {"second.spex", order_model()}};
  Cluster cluster(std::move(options));
  cluster.start();
  const std::string told = problems(cluster);
  CHECK(told.find("first.spex") != std::string::npos);
  CHECK(told.find("second.spex") != std::string::npos);
  CHECK(exported(cluster, "order.spex").empty());
  cluster.stop();
}

TEST_CASE("the text names the specification, whatever the file is called", "[models]") {
  ClusterOptions options = with_order();
  options.models = {{"anything at all.spex", order_model()}};
  Cluster cluster(std::move(options));
  cluster.start();
  CHECK(exported(cluster, "order.spex") == order_model());
  cluster.stop();
}

TEST_CASE("an unchanged file changes nothing at a later start; what was learned stays", "[models]") {
  ClusterOptions options = with_order(GENERATE(1u, 4u));
  options.models = {{"order.spex", order_model("order", true)}};
  Cluster cluster(std::move(options));
  cluster.start();
  REQUIRE(cluster.client()->init("order", "o").ok);
  REQUIRE(cluster.client()->transition("o", "remind", "created").ok);
  const std::string learned = exported(cluster, "order.spex");
  CHECK(learned.find("created --[remind]-> created") != std::string::npos);
  cluster.stop();
  cluster.start();
  CHECK(exported(cluster, "order.spex") == learned);
  reload(cluster);
  CHECK(exported(cluster, "order.spex") == learned);
  cluster.kill_and_wait_ready("shard-1");
  CHECK(exported(cluster, "order.spex") == learned);
  CHECK(files_like(cluster.models_dir(), "before").empty());
  cluster.stop();
}

TEST_CASE("a changed file replaces the model, whose learned transitions are kept beside it", "[models]") {
  const bool while_running = GENERATE(true, false);
  ClusterOptions options = with_order(GENERATE(1u, 4u));
  options.models = {{"order.spex", order_model("order", true)}};
  Cluster cluster(std::move(options));
  cluster.start();
  REQUIRE(cluster.client()->init("order", "o").ok);
  REQUIRE(cluster.client()->transition("o", "remind", "created").ok);
  if (!while_running) cluster.stop();
  write_whole_file(cluster.models_dir() + "/order.spex", order_model());
  if (while_running)
    reload(cluster);
  else
    cluster.start();
  CHECK(eventually([&] { return exported(cluster, "order.spex") == order_model(); }));
  const auto kept = files_like(cluster.models_dir(), "order.spex.before-");
  REQUIRE_FALSE(kept.empty());
  bool found = false;
  for (const std::string& path : kept)
    found = found || read_whole_file(path).find("created --[remind]-> created") != std::string::npos;
  CHECK(found);
  CHECK(cluster.log().find("before-") != std::string::npos);
  cluster.stop();
}

TEST_CASE("importing a text replaces the model on every shard, durably", "[models]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  std::string text = order_model() + "paid --[refund]-> refunded\n";
  REQUIRE(client->call(Operation::import_impl_model, {}, Array{text}).ok);
  for (int i = 0; i < 8; ++i) {
    REQUIRE(client->init("order", i).ok);
    REQUIRE(client->transition(i, "pay", "paid").ok);
    CHECK(client->transition(i, "refund", "refunded").reported.empty());
  }
  cluster.kill_and_wait_ready("shard-1");
  CHECK(client->transition(0, "x", "x").refused("TransitionError", "deviation_not_equivalent"));
  CHECK(exported(cluster, "order.spex").find("paid --[refund]-> refunded") != std::string::npos);
  const WireReply bad = client->call(Operation::import_impl_model, {}, Array{"no model"});
  INFO(bad.text());
  CHECK(bad.refused("ImplModelError", "deserialisation_failed"));
  cluster.stop();
}

TEST_CASE("a specification can be defined, shown, listed and used at once on every shard", "[specs]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  const std::string text = order_specification("", "claim");
  REQUIRE(client->call(Operation::define_specification, {}, Array{text}).ok);
  for (int i = 0; i < 8; ++i) CHECK(client->init("claim", i).ok);
  CHECK(std::filesystem::exists(cluster.specs_dir() + "/claim.spec"));
  const WireReply list = client->call(Operation::list_specifications, {}, Array{});
  REQUIRE(list.ok);
  REQUIRE(size_of(list.body) == 2);
  const WireReply shown = client->call(Operation::show_specification, {}, Array{"claim"});
  CHECK(string_of(shown.body).find("created --[pay]-> paid") != std::string::npos);
  CHECK(client->call(Operation::show_specification, {}, Array{"nobody"})
            .refused("SpecificationError", "specification_not_found"));

  const WireReply bad =
      client->call(Operation::define_specification, {}, Array{"Specification: bad\nTransitions:\nx\n"});
  INFO(bad.text());
  CHECK(bad.refused("SpecificationError", "deserialisation_failed"));
  CHECK_FALSE(std::filesystem::exists(cluster.specs_dir() + "/bad.spec"));
  const WireReply none = client->call(Operation::define_specification, {}, Array{"Specification: bad\nTransitions:\n"});
  INFO(none.text());
  CHECK(none.error.error_class == "SpecificationError");
  const WireReply path =
      client->call(Operation::define_specification, {}, Array{order_specification("", "../outside")});
  INFO(path.text());
  CHECK_FALSE(path.ok);
  CHECK_FALSE(std::filesystem::exists(cluster.dir() + "/outside.spec"));

  cluster.stop();
  cluster.start();
  CHECK(cluster.client()->get(3).ok);
  CHECK(cluster.client()->transition(3, "pay", "paid").ok);
  cluster.stop();
}

TEST_CASE("a changed specification judges anew and running instances go on under it", "[specs]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "o").ok);
  CHECK(client->transition("o", "pay", "paid").ok);
  REQUIRE(client->init("order", "p").ok);
  // The verdict is remembered; the new version must not use it.
  CHECK(client->transition("p", "refuse", "refused").refused("TransitionError", "deviation_not_equivalent"));
  const std::string next =
      order_specification("On deviation_not_equivalent: report\n") + "created --[refuse]-> refused\n";
  REQUIRE(client->call(Operation::define_specification, {}, Array{next}).ok);
  REQUIRE(client->init("order", "q").ok);
  const WireReply judged = client->transition("q", "refuse", "refused");
  INFO(judged.text());
  CHECK(judged.ok);
  CHECK(judged.reports("deviation_still_equivalent"));
  // `shipped` is fine in the model and in the specification still.
  const WireReply goes_on = client->transition("o", "ship", "shipped");
  CHECK(goes_on.ok);
  CHECK(states_of(client->get("o").body) == "shipped paid created");
  cluster.stop();
}

TEST_CASE("a specification with instances is removed only by force, and they stay readable", "[specs]") {
  Cluster cluster(with_order(GENERATE(1u, 4u)));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "o").ok);
  const WireReply refused = client->call(Operation::remove_specification, {}, Array{"order"});
  INFO(refused.text());
  CHECK(refused.error.error_class == "RequestError");
  CHECK(client->init("order", "p").ok);
  const WireReply forced = client->call(Operation::remove_specification, {}, Array{"order", true});
  INFO(forced.text());
  CHECK(forced.ok);
  CHECK(client->init("order", "q").refused("SpecificationError", "specification_not_found"));
  CHECK(states_of(client->get("o").body) == "created");
  CHECK(size_of(client->all().body) == 2);
  CHECK_FALSE(std::filesystem::exists(cluster.specs_dir() + "/order.spec"));
  CHECK(client->call(Operation::remove_specification, {}, Array{"nobody"})
            .refused("SpecificationError", "specification_not_found"));
  cluster.stop();
  cluster.start();
  CHECK(cluster.client()->get("o").ok);
  cluster.stop();
}

TEST_CASE("checking a model against its specification on the running cluster", "[models]") {
  ClusterOptions options = with_order(GENERATE(1u, 4u));
  options.specs["claim.spec"] = order_specification("", "claim");
  options.models["claim.spex"] = order_model("claim") + "created --[explode]-> gone\n";
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  const WireReply good = client->call(Operation::check_impl_model, {}, Array{"order"});
  INFO(good.text());
  CHECK(good.ok);
  const WireReply bad = client->call(Operation::check_impl_model, {}, Array{"claim"});
  INFO(bad.text());
  CHECK(bad.ok);
  CHECK(at(good.body, "equivalent") == Value(true));
  CHECK(at(bad.body, "equivalent") == Value(false));
  cluster.stop();
}

TEST_CASE("in test mode models learn and instances are dropped at a clean stop", "[models]") {
  ClusterOptions options = with_order();
  options.arguments = {"--test-mode"};
  Cluster cluster(std::move(options));
  cluster.start();
  auto client = cluster.client();
  REQUIRE(client->init("order", "o").ok);
  const WireReply learned = client->transition("o", "surprise", "anywhere");
  CHECK(learned.ok);
  CHECK(learned.reported.empty());
  cluster.stop();
  cluster.start();
  CHECK(size_of(cluster.client()->all().body) == 0);
  cluster.stop();
}

}  // namespace
}  // namespace spex::test
