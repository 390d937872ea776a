#include "tests/shard_worker/shard_fixture.h"

namespace spex::shard_worker::testing {
namespace {

std::string learning(const char* spec, bool on) {
  return ShardFixture::encoded(protocol::SetLearningModeArguments{spec, on});
}
std::string with_text(const std::string& content) { return ShardFixture::encoded(protocol::TextArguments{content}); }
std::string naming(const char* spec) { return ShardFixture::encoded(protocol::SpecificationArguments{spec}); }

struct OrderShard : ShardFixture {
  OrderShard() {
    put_spec("order.spec", kOrderSpec);
    put_model("order.spex", kOrderModel);
    start();
  }
  std::string exported() {
    const Reply reply = ask_rounds(Operation::export_impl_models, "");
    REQUIRE(reply.body.array()->size() == 1);
    return *(*reply.body.array())[0].array()->at(1).string();
  }
  std::string file(const std::string& name) const {
    std::ifstream in(config.specs_dir + "/" + name);
    return {std::istreambuf_iterator<char>(in), {}};
  }
};

TEST_CASE("a model comes out as it went in", "[administration]") {
  OrderShard shard;
  CHECK(shard.exported() == kOrderModel);
  shard.restart();
  CHECK(shard.exported() == kOrderModel);
}

TEST_CASE("the models of all shards are united, and learning if one of them is", "[administration]") {
  OrderShard shard;
  ShardFixture::Asked second{7, std::nullopt, 2, {}};
  const auto model = [](const char* name, bool on, const char* to) {
    return protocol::Array{name, on, protocol::Array{protocol::Array{nullptr, "__initialisation__", to, 1, 5, 5}}};
  };
  second.gathered = protocol::encode_value(protocol::Array{
      protocol::Array{model("b", false, "x"), model("a", false, "q")}, protocol::Array{model("b", true, "y")}});
  const Reply reply = shard.ask(Operation::all_impl_models, nullptr, "", second);
  const protocol::Array& models = *reply.body.array();
  REQUIRE(models.size() == 2);
  CHECK(text(models[0].find("specification")) == "a");
  CHECK(*models[1].find("learning_mode") == Value(true));
  CHECK(models[1].find("transitions")->array()->size() == 2);
  second.gathered = "damaged";
  CHECK(reason(shard.ask(Operation::all_impl_models, nullptr, "", second)) == "malformed");
}

TEST_CASE("learning is switched on and off, and what was learned stays", "[administration]") {
  OrderShard shard;
  CHECK(reason(shard.ask_rounds(Operation::set_learning_mode, learning("order", true))) == "ok");
  shard.init("a");
  CHECK(reported(shard.move("a", "steal", "gone")).empty());
  CHECK(reason(shard.ask_rounds(Operation::set_learning_mode, learning("order", false))) == "ok");
  shard.restart();
  CHECK(reported(shard.move("a", "steal", "gone")) == std::vector<std::string>{"deviation_not_equivalent"});
  CHECK_THAT(shard.exported(), Catch::Contains("Learning mode: false") && Catch::Contains("o --[steal]-> gone"));
  CHECK(reason(shard.ask_rounds(Operation::set_learning_mode, learning("nothing", true))) == "specification_not_found");
}

TEST_CASE("a learned transition carries how often and when it was seen", "[administration]") {
  OrderShard shard;
  shard.ask_rounds(Operation::set_learning_mode, learning("order", true));
  for (int i = 0; i < 3; ++i) {
    shard.init(i);
    shard.move(i, "steal", "gone");
    shard.pass(kSecond);
  }
  REQUIRE(store_sightings(*shard.shard, 100).ok());
  shard.commit();
  shard.restart();
  const Reply reply = shard.ask_rounds(Operation::all_impl_models, "");
  const Value& model = reply.body.array()->front();
  const protocol::Array& transitions = *model.find("transitions")->array();
  const auto stolen = std::find(transitions.begin(), transitions.end(), Value(protocol::Array{"o", "steal", "gone"}));
  REQUIRE(stolen != transitions.end());
  const Value& seen = (*model.find("sightings")->array())[static_cast<std::size_t>(stolen - transitions.begin())];
  const std::int64_t first = shard.now.wall - 3 * kSecond;
  CHECK(seen == Value(protocol::Array{3, first, first + 2 * kSecond}));
}

TEST_CASE("an imported model replaces the old one and outlives a start", "[administration]") {
  OrderShard shard;
  const std::string imported =
      "Specification: order\nLearning mode: false\nTransitions:\nnil --[__initialisation__]-> new\n";
  CHECK(reason(shard.ask_rounds(Operation::import_impl_model, with_text(imported))) == "ok");
  shard.restart();  // its file has not changed
  CHECK(shard.exported() == imported);
  CHECK(reason(shard.ask_rounds(Operation::import_impl_model, with_text("nonsense"))) == "deserialisation_failed");
}

TEST_CASE("a changed model file replaces the model and keeps what was learned beside it", "[administration]") {
  OrderShard shard;
  shard.ask_rounds(Operation::set_learning_mode, learning("order", true));
  shard.init("a");
  shard.move("a", "steal", "gone");
  const std::string changed =
      "Specification: order\nLearning mode: true\nTransitions:\nnil --[__initialisation__]-> o\n";
  shard.put_model("order.spex", changed);
  shard.restart();
  CHECK(shard.exported() == changed);
  std::string kept;
  for (const auto& entry : std::filesystem::directory_iterator(shard.config.impl_models_dir)) {
    if (entry.path().filename().string().starts_with("order.spex.before-")) kept = entry.path();
  }
  REQUIRE_FALSE(kept.empty());
  std::ifstream in(kept);
  CHECK_THAT(std::string(std::istreambuf_iterator<char>(in), {}), Catch::Contains("o --[steal]-> gone"));
}

TEST_CASE("a check compares the united model with the specification", "[administration]") {
  OrderShard shard;
  const Reply good = shard.ask_rounds(Operation::check_impl_model, naming("order"));
  CHECK(*good.body.find("equivalent") == Value(true));
  shard.ask_rounds(Operation::import_impl_model,
                   with_text("Specification: order\nLearning mode: false\nTransitions:\n\n"));
  const Reply bad = shard.ask_rounds(Operation::check_impl_model, naming("order"));
  CHECK(*bad.body.find("equivalent") == Value(false));
  CHECK(text(bad.body.find("verdict")) == "no_initialisation");
  CHECK(reason(shard.ask_rounds(Operation::check_impl_model, naming("none"))) == "specification_not_found");
}

TEST_CASE("a check says why not, and answers for the model with one more transition", "[administration]") {
  OrderShard shard;
  const auto asked = [&](std::string_view from, std::string_view action, std::string_view to) {
    return shard.ask_rounds(Operation::check_impl_model,
                            ShardFixture::encoded(protocol::CheckArguments{"order", true, from, action, to}));
  };
  const Reply bad = asked("p", "steal", "gone");
  CHECK(*bad.body.find("equivalent") == Value(false));
  CHECK(text(bad.body.find("verdict")) == "not_bisimilar");
  CHECK(text(bad.body.find("explanation")->find("story")) ==
        "after `pay` the implementation (state `p`) can do `steal`; the specification (state `paid`) can only do "
        "`ship`");
  const Reply harmless = asked("s", "__internal__", "archived");
  CHECK(*harmless.body.find("equivalent") == Value(true));
  CHECK(*harmless.body.find("explanation") == Value());
  CHECK(*asked("o", "pay", "p").body.find("equivalent") == Value(true));
  CHECK(text(asked("", "__initialisation__", "z").body.find("verdict")) == "several_initialisations");
  CHECK(reason(asked("", "pay", "p")) == "invalid_argument");
  CHECK(reason(asked("o", "bad\nname", "p")) == "invalid_argument");
}

TEST_CASE("a specification is defined at once, on file and after a start", "[administration]") {
  OrderShard shard;
  const std::string spec = "# mine\nSpecification: ticket\nTransitions:\nnew --[close]-> closed\n";
  CHECK(reason(shard.ask_rounds(Operation::define_specification, with_text(spec))) == "ok");
  CHECK(shard.file("ticket.spec") == spec);
  CHECK(reason(shard.init("t", "ticket", "")) == "ok");
  CHECK(text(shard.get("t").body.find("current_state")) == "new");
  shard.restart();
  CHECK(shard.ask(Operation::show_specification, nullptr, naming("ticket"), {}).body == Value(spec));
  const Reply list = shard.ask_rounds(Operation::list_specifications, "");
  REQUIRE(list.body.array()->size() == 2);
  const Value& ticket = (*list.body.array())[1];
  CHECK(text(ticket.find("specification")) == "ticket");
  CHECK(*ticket.find("instances") == Value(1));
  CHECK(*ticket.find("states") == Value(2));
}

TEST_CASE("a definition that is no good changes nothing", "[administration]") {
  OrderShard shard;
  CHECK(reason(shard.ask_rounds(Operation::define_specification, with_text("Specification: x\n"))) ==
        "deserialisation_failed");
  CHECK(reason(shard.ask_rounds(Operation::define_specification,
                                with_text("Specification: order\nInitial state: no\nTransitions:\na --[b]-> c\n"))) ==
        "invalid");
  CHECK(shard.file("order.spec") == kOrderSpec);
}

TEST_CASE("a specification with instances is removed by force only; they stay readable", "[administration]") {
  OrderShard shard;
  shard.init("a");
  const auto remove = [&](bool force) {
    return shard.ask_rounds(Operation::remove_specification,
                            ShardFixture::encoded(protocol::RemoveSpecificationArguments{"order", force}));
  };
  const Reply refused = remove(false);
  CHECK(reason(refused) == "invalid_argument");
  CHECK(*refused.error->context.find("instances") == Value("1"));
  CHECK(reason(shard.init("b")) == "ok");
  CHECK(reason(remove(true)) == "ok");
  CHECK(shard.file("order.spec").empty());
  CHECK(reason(shard.init("c")) == "specification_not_found");
  CHECK(reason(shard.move("a", "pay", "p")) == "specification_not_found");
  CHECK(shard.get("a").ok);
  shard.restart();
  CHECK(text(shard.get("a").body.find("specification")) == "order");
}

TEST_CASE("a damaged file is a problem, and the rest serves", "[administration]") {
  OrderShard shard;
  shard.put_spec("bad.spec", "Specification: bad\n");
  shard.put_model("bad.spex", "hello\n");
  shard.restart();
  CHECK(shard.shard->problems.size() == 2);
  CHECK(reason(shard.init("a")) == "ok");
  // A reload that finds the file of a served specification damaged keeps what it defined.
  shard.put_spec("order.spec", "Specification: order\nTransitions:\noops\n");
  REQUIRE(reload_directories(*shard.shard, shard.now).ok());
  shard.commit();
  CHECK(shard.shard->problems.size() == 3);
  CHECK(reason(shard.init("b")) == "ok");
}

TEST_CASE("all instances come in pages, each once", "[administration]") {
  OrderShard shard;
  for (int i = 0; i < 25; ++i) shard.init(i);
  protocol::AllInstancesArguments arguments;
  arguments.limit = 10;
  std::vector<Value> seen;
  std::vector<std::size_t> sizes;
  for (int page = 0; page < 10; ++page) {
    const Reply reply = shard.ask(Operation::all_instances, nullptr, ShardFixture::encoded(arguments), {});
    REQUIRE(reply.ok);
    const protocol::Array& body = *reply.body.array();
    sizes.push_back(body[0].array()->size());
    for (const Value& instance : *body[0].array()) seen.push_back(*instance.find("identifier"));
    if (body.size() < 2 || body[1].is_nil()) break;
    arguments.cursor = protocol::decode_cursor(protocol::encode_value(body[1])).value();
  }
  CHECK(sizes == std::vector<std::size_t>{10, 10, 5});
  REQUIRE(seen.size() == 25);
  for (int i = 0; i < 25; ++i) CHECK(std::count(seen.begin(), seen.end(), Value(i)) == 1);
}

TEST_CASE("while others ask, a listing comes in short pages and is complete", "[administration]") {
  OrderShard shard;
  constexpr int kCount = 100;
  for (int i = 0; i < kCount; ++i) shard.init(i);
  protocol::AllInstancesArguments arguments;
  std::vector<Value> seen;
  std::vector<std::size_t> sizes;
  const auto list_one_page = [&] {
    const Reply reply = shard.ask(Operation::all_instances, nullptr, ShardFixture::encoded(arguments), {});
    REQUIRE(reply.ok);
    const protocol::Array& body = *reply.body.array();
    sizes.push_back(body[0].array()->size());
    for (const Value& instance : *body[0].array()) seen.push_back(*instance.find("identifier"));
    if (body.size() < 2 || body[1].is_nil()) return false;
    arguments.cursor = protocol::decode_cursor(protocol::encode_value(body[1])).value();
    return true;
  };
  REQUIRE_FALSE(list_one_page());  // as long as what was asked before
  arguments.cursor.reset();
  seen.clear();
  sizes.clear();
  for (bool more = true; more && sizes.size() < kCount;) more = list_one_page();
  CHECK(sizes == std::vector<std::size_t>{32, 32, 32, 4});
  for (int i = 0; i < kCount; ++i) CHECK(std::count(seen.begin(), seen.end(), Value(i)) == 1);
}

TEST_CASE("an instance with a damaged record is listed with its error, and the others as they are",
          "[administration]") {
  OrderShard shard;
  for (int i = 0; i < 10; ++i) {
    const std::string meta = protocol::encode_value(protocol::Map{{"note", "meta-of-" + std::to_string(i) + "."}});
    shard.ask(Operation::init_instance, i, ShardFixture::encoded(protocol::InitArguments{"order", meta, "o", {}}), {});
  }
  REQUIRE(shard.store->close().ok());
  const std::string path = shard.directory.file("shard_1.sqlite");
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  const std::size_t at = bytes.find("meta-of-7.");
  REQUIRE(at != std::string::npos);
  file.clear();
  file.seekp(static_cast<std::streamoff>(at));
  file.put('M');
  file.close();
  shard.start();
  const Reply page =
      shard.ask(Operation::all_instances, nullptr, ShardFixture::encoded(protocol::AllInstancesArguments{}), {});
  REQUIRE(page.ok);
  const protocol::Array& instances = *page.body.array()->front().array();
  REQUIRE(instances.size() == 10);
  int damaged = 0;
  for (const Value& instance : instances) {
    const Value* error = instance.find("error");
    if (error == nullptr) {
      CHECK(instance.find("transitions")->array()->size() == 1);
      continue;
    }
    ++damaged;
    CHECK(error->array()->at(1) == Value("corrupt"));
    CHECK(text(instance.find("specification")) == "order");
    CHECK(text(instance.find("current_state")) == "o");
  }
  CHECK(damaged == 1);
}

TEST_CASE("a filter selects what is listed and what is deleted", "[administration]") {
  OrderShard shard;
  for (int i = 0; i < 10; ++i) shard.init(i);
  for (int i = 0; i < 4; ++i) shard.move(i, "pay", "p");
  const std::string paid = protocol::Filter::parse("current_state = \"p\"").value().encode();
  protocol::AllInstancesArguments listing;
  listing.filter = paid;
  const Reply listed = shard.ask(Operation::all_instances, nullptr, ShardFixture::encoded(listing), {});
  CHECK((*listed.body.array())[0].array()->size() == 4);
  const Reply deleted = shard.ask(Operation::delete_instances, nullptr,
                                  ShardFixture::encoded(protocol::DeleteInstancesArguments{paid}), {});
  CHECK(deleted.body == Value(4));
  CHECK(shard.store->statistics().instances == 6);
}

TEST_CASE("events are read on from a number", "[administration]") {
  OrderShard shard;
  for (int i = 0; i < 5; ++i) shard.move(i, "pay", "p");
  const Reply reply =
      shard.ask(Operation::read_events, nullptr, ShardFixture::encoded(protocol::ReadEventsArguments{1, 2, 2}), {});
  const protocol::Array& body = *reply.body.array();
  REQUIRE(body[0].array()->size() == 2);
  CHECK((*(*body[0].array())[0].array())[0] == Value(3));
  CHECK(body[1] == Value(5));
  CHECK(body[2] == Value(1));
}

TEST_CASE("test mode learns whatever the files say", "[administration]") {
  config::Config config;
  config.test_mode = true;
  ShardFixture shard(config);
  shard.put_spec("order.spec", kOrderSpec);
  shard.put_model("order.spex", kOrderModel);
  shard.start();
  shard.init("a");
  CHECK(reported(shard.move("a", "steal", "gone")).empty());
}

}  // namespace
}  // namespace spex::shard_worker::testing
