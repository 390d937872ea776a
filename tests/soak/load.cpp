#include "soak/load.h"

#include <algorithm>

#include "clients/cpp/request.h"
#include "protocol/value.h"

namespace spex::soak {
namespace {

using client::Answer;
using client::Client;
using protocol::Array;
using protocol::Map;
using protocol::Value;

constexpr std::uint64_t kOddEvery = 50;     // one transition in so many is a deviation
constexpr std::uint64_t kLearnedEvery = 5;  // one instance in so many belongs to the specification that is learned
constexpr int kOperationsPerInstance = 150;
constexpr std::uint32_t kPageRecords = 1'000;

struct Plan {
  std::string action;
  std::string to_state;
};
Plan plan_of(std::uint64_t number) {
  const std::string to = "s" + std::to_string(number % 4);
  return {number % kOddEvery == 0 ? "odd" : "a" + std::to_string(number / 4 % 4), to};
}

std::string specification_of(std::uint64_t instance) { return instance % kLearnedEvery == 0 ? "learned" : "ring"; }

// Identifiers of several types.
Value identifier_of(std::uint64_t instance) {
  if (instance % 3 == 0) return Value(instance);
  if (instance % 3 == 1) return Value("order-" + std::to_string(instance));
  return Value(Array{Value("NL"), Value(instance)});
}

Value meta_of(const Operation& operation) {
  return Value(Map{{Value("n"), Value(operation.number)}, {Value("by"), Value(name_of(operation.kind))}});
}

client::Request request_of(const Operation& operation) {
  const Value id = identifier_of(operation.instance);
  const std::string specification = specification_of(operation.instance);
  const auto occurred = static_cast<base::Timestamp>(operation.number);
  switch (operation.kind) {
    case Kind::init: {
      client::InitOptions options;
      options.meta = meta_of(operation);
      options.occurred_at = occurred;
      return operation.async ? client::init_instance_async(specification, id, options)
                             : client::init_instance(specification, id, options);
    }
    case Kind::transition: {
      const Plan plan = plan_of(operation.number);
      return operation.async ? client::transition_async(id, plan.action, plan.to_state, occurred)
                             : client::transition(id, plan.action, plan.to_state, occurred);
    }
    case Kind::mock:
      return client::mock_instance(specification, id, plan_of(operation.number).to_state, meta_of(operation));
    case Kind::remove:
      return client::delete_instance(id);
    case Kind::get:
      return client::get_instance(id, kPageRecords);
  }
  return client::plain(protocol::Operation::ping);
}

const Value& element(const Value& list, std::size_t index) {
  static const Value nil;
  const Array* array = list.array();
  return array != nullptr && index < array->size() ? (*array)[index] : nil;
}
const Value& member(const Value& map, std::string_view key) {
  static const Value nil;
  const Value* found = map.find(key);
  return found != nullptr ? *found : nil;
}
std::int64_t number_in(const Value& value) { return value.integer() != nullptr ? *value.integer() : 0; }
std::string text_in(const Value& value) { return value.string() != nullptr ? *value.string() : std::string(); }

// What one record, given newest first, may be; fills `seen`. A remark says what is wrong.
std::string look_at_record(const Value& record, bool oldest, bool by_init, Observation& seen) {
  const std::string action = text_in(element(record, 0));
  const auto number = static_cast<std::uint64_t>(number_in(element(record, 3)));
  if (action == "__initialisation__") {
    if (!oldest || !by_init || number != seen.generation) return "an initialisation that is none";
    return {};
  }
  if (oldest && by_init) return "the history does not begin with the initialisation";
  const Plan plan = plan_of(number);
  if (action != plan.action || text_in(element(record, 1)) != plan.to_state) {
    return "record of " + std::to_string(number) + " has another action or state";
  }
  seen.records.push_back(number);
  return {};
}

Observation observe(const Value& instance) {
  Observation seen;
  seen.generation = static_cast<std::uint64_t>(number_in(member(member(instance, "meta"), "n")));
  const bool by_init = text_in(member(member(instance, "meta"), "by")) == "init";
  const Value& records = member(instance, "transitions");
  const std::size_t count = records.array() != nullptr ? records.array()->size() : 0;
  if (number_in(member(instance, "transitions_total")) != static_cast<std::int64_t>(count))
    seen.damage = "transitions_total differs from the records";
  std::int64_t later = std::numeric_limits<std::int64_t>::max();
  for (std::size_t i = 0; i < count; ++i) {
    const Value& record = element(records, i);
    const std::int64_t at = number_in(element(record, 2));
    if (at > later) seen.damage = "times step back";
    later = at;
    if (std::string damage = look_at_record(record, i + 1 == count, by_init, seen); !damage.empty())
      seen.damage = std::move(damage);
  }
  if (by_init && count == 0) seen.damage = "an initialised instance without history";
  std::reverse(seen.records.begin(), seen.records.end());
  std::string state = by_init ? "s0" : plan_of(seen.generation).to_state;
  if (!seen.records.empty()) state = plan_of(seen.records.back()).to_state;
  if (text_in(member(instance, "current_state")) != state) seen.damage = "the current state is not the last record's";
  return seen;
}

Outcome outcome_of(const Answer& answer, Kind kind) {
  if (answer.ok) return Outcome::applied;
  const auto reason = answer.error ? answer.error->known() : std::nullopt;
  if (!reason) return Outcome::unexpected;
  // An earlier attempt may have done it.
  const Outcome nothing_done = answer.attempts > 1 && kind != Kind::get ? Outcome::unknown : Outcome::not_executed;
  if (answer.origin == client::Origin::unreachable) return nothing_done;
  switch (*reason) {
    case base::Reason::deviation_not_equivalent:
    case base::Reason::deviation_still_equivalent:
      return kind == Kind::transition || kind == Kind::init ? Outcome::applied : Outcome::unexpected;
    case base::Reason::instance_identifier_already_in_use:
      return kind == Kind::init ? Outcome::in_use : Outcome::unexpected;
    case base::Reason::instance_identifier_not_found:
      return kind == Kind::transition || kind == Kind::get ? Outcome::not_found : Outcome::unexpected;
    case base::Reason::shard_restarted:
    case base::Reason::deadline_exceeded:
      return Outcome::unknown;
    case base::Reason::shard_unavailable:
    case base::Reason::overloaded:
    case base::Reason::draining:
    case base::Reason::request_key_expired:
      return nothing_done;
    default:
      return Outcome::unexpected;
  }
}

}  // namespace

std::string specification_text(const std::string& name) {
  std::string text = "Specification: " + name + "\nTransitions:\n";
  for (int from = 0; from < 4; ++from)
    for (int action = 0; action < 4; ++action)
      for (int to = 0; to < 4; ++to)
        text += "s" + std::to_string(from) + " --[a" + std::to_string(action) + "]-> s" + std::to_string(to) + "\n";
  return text;
}

std::string closed_model_text(const std::string& name) {
  std::string text = specification_text(name);
  text.insert(text.find("Transitions:"), "Learning mode: false\n");
  return text + "nil --[__initialisation__]-> s0\n";
}

Load::Load(LoadOptions options, HistoryWriter& history)
    : options_(std::move(options)), history_(history), slots_(options_.instances), drops_(options_.clients) {
  std::mt19937_64 random(options_.seed);
  for (Slot& slot : slots_) renew(slot, random());
}

Load::~Load() { finish(); }

Micros Load::now() const {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began_).count();
}

void Load::start() {
  for (unsigned i = 0; i < options_.clients; ++i) threads_.emplace_back([this, i] { run(i); });
}

void Load::finish() {
  finishing_ = true;
  for (std::thread& thread : threads_)
    if (thread.joinable()) thread.join();
  threads_.clear();
}

void Load::renew(Slot& slot, std::uint64_t random) {
  slot.instance = next_instance_++;
  slot.left = kOperationsPerInstance / 2 + static_cast<int>(random % kOperationsPerInstance);
  slot.is_there = false;
}

std::unique_ptr<Client> Load::connect(bool keyed) const {
  client::ClientOptions options;
  options.endpoint = options_.endpoint;
  options.keys = keyed;
  options.request_timeout = std::chrono::seconds(3);
  options.retry.backoff_max = std::chrono::milliseconds(200);
  options.retry.give_up = std::chrono::seconds(60);
  options.connect_timeout = std::chrono::seconds(60);
  return std::make_unique<Client>(options);
}

void Load::run(unsigned index) {
  const bool keyed = index % 3 != 2;
  std::mt19937_64 random(options_.seed * 1'000 + index);
  auto client = connect(keyed);
  const double pace = options_.operations_per_second / options_.clients / 1e6;
  double allowed = 0;
  Micros last = now();
  while (!finishing_ || client->outstanding() > 0) {
    if (drops_[index].exchange(false)) client = connect(keyed);
    const Micros time = now();
    allowed = std::min(allowed + static_cast<double>(time - last) * pace, static_cast<double>(options_.window));
    last = time;
    while (!finishing_ && allowed >= 1 && client->outstanding() < options_.window) {
      submit_random(*client, index, keyed, random);
      allowed -= 1;
    }
    client->poll(std::chrono::milliseconds(5));
  }
}

void Load::submit_random(Client& client, unsigned index, bool keyed, std::mt19937_64& random) {
  Slot& slot = slots_[random() % slots_.size()];
  if (slot.left.fetch_sub(1) <= 0) renew(slot, random());
  Operation operation;
  operation.number = next_number_++;
  operation.instance = slot.instance;
  operation.client = index;
  operation.keyed = keyed;
  const std::uint64_t dice = random() % 100;
  if (!slot.is_there && dice < 70) {
    operation.kind = Kind::init;
    operation.async = dice < 5;
  } else if (dice < 76) {
    operation.kind = Kind::transition;
    operation.async = dice < 10;
  } else if (dice < 91) {
    operation.kind = Kind::get;
  } else if (dice < 94) {
    operation.kind = Kind::remove;
  } else if (dice < 96) {
    operation.kind = Kind::mock;
  } else {
    operation.kind = Kind::init;
    operation.async = dice == 99;
  }
  if (operation.kind == Kind::init || operation.kind == Kind::mock) slot.is_there = true;
  if (operation.kind == Kind::remove) slot.is_there = false;
  if (operation.kind == Kind::get) operation.keyed = false;
  submit(client, operation);
}

void Load::submit(Client& client, Operation operation) {
  operation.invoked = now();
  history_.invoked(operation);
  client.submit(request_of(operation), [this, operation](Answer& answer) { settle(operation, answer); });
}

void Load::settle(Operation operation, Answer& answer) {
  if (operation.async) return;  // "sent" tells nothing
  operation.outcome = outcome_of(answer, operation.kind);
  std::string remark;
  if (operation.outcome == Outcome::unexpected) remark = answer.to_text();
  std::replace(remark.begin(), remark.end(), '\n', ' ');
  const bool seen = operation.kind == Kind::get && operation.outcome == Outcome::applied;
  const Observation observation = seen ? observe(answer.body) : Observation();
  history_.responded(operation.number, now(), operation.outcome, seen ? &observation : nullptr, remark);
  if (operation.outcome != Outcome::unknown && operation.outcome != Outcome::not_executed) ++acknowledged_;
}

void Load::read_everything() {
  auto client = connect(true);
  const std::uint64_t end = next_instance_;
  for (std::uint64_t instance = 1; instance < end; ++instance) {
    Operation operation;
    operation.number = next_number_++;
    operation.instance = instance;
    operation.client = options_.clients;
    submit(*client, operation);
    while (client->outstanding() >= options_.window) client->poll(std::chrono::milliseconds(5));
  }
  client->wait_all();
}

}  // namespace spex::soak
