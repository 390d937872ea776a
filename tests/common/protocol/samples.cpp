#include "samples.h"

#include "protocol/arguments.h"
#include "protocol/codec.h"
#include "protocol/filter.h"
#include "protocol/replies.h"
#include "protocol/requests.h"

namespace spex::protocol {
namespace {

using base::Error;
using base::Reason;
using base::ShardId;

constexpr std::uint64_t kClient = 0x1d2c3b4a59687786;
constexpr std::int64_t kTime = 1'763'890'200'000'000;  // 2025-11-23T09:30:00Z

class Samples {
 public:
  template <typename Arguments>
  void request(Operation operation, std::string_view identifier, const Arguments& arguments) {
    std::string encoded;
    encode(arguments, encoded);
    add_request(operation, identifier, encoded);
  }
  void request(Operation operation, std::string_view identifier = {}) { add_request(operation, identifier, {}); }

  // The reply that goes with the last request.
  void reply(const Value& body) { add_reply(Value(Array{number_, 0, body})); }
  void other(std::string name, std::string message) { all_.push_back({std::move(name), std::move(message)}); }
  std::vector<Sample> take() { return std::move(all_); }

 private:
  void add_request(Operation operation, std::string_view identifier, std::string_view arguments) {
    const OperationInfo& info = *find_operation(static_cast<std::uint64_t>(operation));
    name_ = info.name;
    const bool has_key = info.mutates && !info.is_async;
    RequestMessageWriter writer(info.mutates ? std::optional(kClient) : std::nullopt);
    ++number_;
    writer.add(info.is_async ? 1 : static_cast<std::uint64_t>(number_), operation, identifier, arguments,
               has_key ? std::optional(static_cast<std::uint64_t>(kTime + number_)) : std::nullopt);
    other("request " + name_, std::string(writer.message()));
  }
  void add_reply(const Value& reply) { other("reply " + name_, encode_value(Array{1, 2, Array{reply}})); }

  std::vector<Sample> all_;
  std::string name_;
  int number_ = 0;
};

Value instance(bool with_records) {
  Array records;
  if (with_records) {
    records = {Array{"pay", "paid", kTime + 1'500'000, kTime + 1'000'000}, Array{"__initialisation__", "new", kTime}};
  }
  std::string encoded;
  append_instance(encoded, {"order", encode_value("o-1"), encode_value(Map{{"country", "NL"}}), "paid", 2},
                  static_cast<std::uint32_t>(records.size()));
  for (const Value& record : records) append_value(encoded, record);
  return *decode_value(encoded);
}

// Why a model that can refund at once is not equivalent.
Value explanation() {
  return Map{
      {"story",
       "at the start the implementation (state `new`) can do `refund`; the specification (state `new`) can only do "
       "`pay`"},
      {"kind", "trace"},
      {"able", "left"},
      {"action", "refund"},
      {"left_run", Array{Array{"refund", "new"}}},
      {"left_state", "new"},
      {"right_state", "new"},
      {"left_offers", Array{"pay", "refund"}},
      {"right_offers", Array{"pay"}},
      {"formula", "<tau*>(<refund>true)"},
      {"depth", 1}};
}

void add_keyed(Samples& all) {
  const std::string id = encode_value("o-1");
  const std::string meta = encode_value(Map{{"country", "NL"}});
  all.request(Operation::init_instance, id, InitArguments{"order", meta, {}, {}});
  all.reply({});
  all.request(Operation::transition, id, TransitionArguments{"pay", "paid", kTime + 1'000'000});
  all.reply({});
  all.request(Operation::mock_instance, id, MockArguments{"order", "paid", {}});
  all.reply({});
  all.request(Operation::get_instance, id, GetArguments{2, 0});
  all.reply(instance(true));
  all.request(Operation::delete_instance, id);
  all.reply({});
  all.request(Operation::init_instance_async, encode_value(42), InitArguments{"order", {}, {}, {}});
  all.request(Operation::transition_async, encode_value(42), TransitionArguments{"pay", "paid", {}});
}

void add_scattered(Samples& all) {
  const std::string filter = Filter::parse("specification = \"order\" and idle > 5m")->encode();
  all.request(Operation::all_instances, {}, AllInstancesArguments{filter, 100, Cursor{ShardId(2), 17}});
  all.reply(Array{Array{instance(false)}, Array{3, 0}});
  all.request(Operation::read_events, {}, ReadEventsArguments{1, 41, 100});
  all.reply(Array{Array{Array{42, kTime,
                              Map{{"kind", "error"},
                                  {"class", "TransitionError"},
                                  {"reason", "deviation_still_equivalent"},
                                  {"accepted", true},
                                  {"specification", "order"},
                                  {"identifier", "o-1"},
                                  {"record", 3},
                                  {"deviating_transition", Array{"paid", "__internal__", "archived"}}}}},
                  42, 1});
  all.request(Operation::delete_instances, {}, DeleteInstancesArguments{encode_value(Map{{"specification", "order"}})});
  all.reply(3);
  const Value model =
      Map{{"specification", "order"},
          {"learning_mode", false},
          {"transitions", Array{Array{nullptr, "__initialisation__", "new"}, Array{"new", "pay", "paid"}}},
          {"sightings", Array{Array{2, kTime, kTime + 1'500'000}, Array{0, 0, 0}}}};
  all.request(Operation::all_impl_models);
  all.reply(Array{model});
  all.request(Operation::export_impl_models);
  all.reply(Array{Array{"order.spex",
                        "Specification: order\nLearning mode: false\nTransitions:\n"
                        "new --[pay]-> paid\nnil --[__initialisation__]-> new\n"}});
}

void add_administration(Samples& all) {
  all.request(Operation::set_learning_mode, {}, SetLearningModeArguments{"order", false});
  all.reply({});
  all.request(
      Operation::import_impl_model, {},
      TextArguments{"Specification: order\nLearning mode: false\nTransitions:\nnil --[__initialisation__]-> new\n"});
  all.reply({});
  all.request(Operation::define_specification, {},
              TextArguments{"Specification: order\nTransitions:\nnew --[pay]-> paid\n"});
  all.reply({});
  all.request(Operation::remove_specification, {}, RemoveSpecificationArguments{"order", true});
  all.reply({});
  all.request(Operation::list_specifications);
  all.reply(Array{Map{{"specification", "order"},
                      {"initial_state", "new"},
                      {"states", 2},
                      {"actions", 1},
                      {"transitions", 1},
                      {"instances", 3},
                      {"transition_timeout", "30s"},
                      {"prune_timeout", "infinity"},
                      {"prunable_states", "terminal"},
                      {"model", "closed"}}});
  all.request(Operation::show_specification, {}, SpecificationArguments{"order"});
  all.reply("Specification: order\nTransitions:\nnew --[pay]-> paid\n");
  all.request(Operation::check_impl_model, {}, CheckArguments{"order", true, "new", "refund", "new"});
  all.reply(Map{{"specification", "order"},
                {"equivalent", false},
                {"verdict", "not_bisimilar"},
                {"reason", "the model is not branching bisimilar to specification 'order'"},
                {"explanation", explanation()}});
  all.request(Operation::ping);
  all.reply(Array{"0.1.0", 1, 4200});
  all.request(Operation::shard_map);
  all.request(Operation::control, {}, TextArguments{"status"});
  all.reply("{\"ok\":true}");
}

void add_other(Samples& all) {
  std::string reported;
  append_error(reported, Reason::impl_model_not_found, encode_value(Map{{"specification", "order"}}));
  ReplyMessageWriter writer;
  writer.add_in_place() += encode_value(Array{1, 0, nullptr, Array{*decode_value(reported)}});
  all.other("reply with an accepted error", std::string(writer.message()));

  writer.clear();
  append_error_reply(writer.add_in_place(), "\x02",
                     Error(Reason::shard_restarted, "shard 3 ended while it had the request").with("shard", "3"));
  all.other("reply with an error", std::string(writer.message()));

  writer.clear();
  append_reply(writer.add_in_place(),
               {"\x03", true, "\x05", {}, encode_missing({{ShardId(2), Reason::shard_unavailable}})});
  all.other("reply with a missing shard", std::string(writer.message()));

  all.other("reply to what cannot be read", encode_refusal(Error(Reason::malformed, "read message: not an array")));
  all.other("notice", encode_notice(5, 9, Error(Reason::overloaded, "no credit for these")));
  all.other("credit", encode_credit(4096));
}

}  // namespace

std::vector<Sample> samples() {
  Samples all;
  add_keyed(all);
  add_scattered(all);
  add_administration(all);
  add_other(all);
  return all.take();
}

}  // namespace spex::protocol
