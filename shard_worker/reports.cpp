#include "shard_worker/reports.h"

#include <algorithm>

#include "base/log.h"
#include "conformance/explained.h"
#include "protocol/codec.h"
#include "protocol/json.h"
#include "protocol/msgpack_writer.h"
#include "protocol/replies.h"
#include "shard_worker/shard.h"

namespace spex::shard_worker {
namespace {

using base::Reason;
using base::Result;
using conformance::NamedTransition;
using protocol::MsgpackWriter;

// An event is kept for days and says why in a sentence; the report has the rest.
constexpr std::size_t kStoryInEventMax = 512;

void append_transition(const NamedTransition& transition, std::string& out) {
  MsgpackWriter(out).array(3).string_or_nil(transition.from).string(transition.action).string(transition.to);
}

std::string event_body(const InstanceError& error) {
  std::string body;
  MsgpackWriter writer(body);
  const std::string story = conformance::shortened(error.story, kStoryInEventMax);
  writer.map(7U + (error.deviating ? 1U : 0U) + (story.empty() ? 0U : 1U));
  writer.string("kind").string("error");
  writer.string("class").string(base::class_name(error.reason));
  writer.string("reason").string(base::reason_name(error.reason));
  writer.string("accepted").boolean(error.accepted);
  writer.string("specification").string_or_nil(error.specification);
  writer.string("identifier").raw_or_nil(error.identifier);
  writer.string("record").uint(error.sequence);
  if (error.deviating) {
    writer.string("deviating_transition");
    append_transition(*error.deviating, body);
  }
  if (!story.empty()) writer.string("story").string(story);
  return body;
}

void count(Counters& counters, Reason reason) {
  ++counters.errors_reported;
  if (reason == Reason::deviation_still_equivalent) ++counters.deviations_still_equivalent;
  if (reason == Reason::deviation_not_equivalent) ++counters.deviations_not_equivalent;
  if (reason == Reason::transition_timeout) ++counters.timeouts;
}

// Identifiers in logs look as `spexctl batch` writes them.
std::string identifier_text(std::string_view identifier) {
  const auto value = protocol::decode_value(identifier);
  return value ? protocol::to_json(*value) : std::string();
}

}  // namespace

Result<void> publish(Shard& shard, base::Timestamp now, const InstanceError& error) {
  auto appended = shard.store.append_event(now, event_body(error));
  if (!appended) return std::move(appended).error();
  count(shard.counters, error.reason);
  base::log_limited(error.accepted ? base::LogLevel::info : base::LogLevel::warning, base::reason_name(error.reason),
                    {{"specification", error.specification},
                     {"identifier", identifier_text(error.identifier)},
                     {"accepted", error.accepted ? "true" : "false"},
                     {"transition", error.deviating ? transition_line(*error.deviating) : std::string()},
                     {"story", conformance::shortened(error.story, kStoryInEventMax)}},
                    100);
  return {};
}

Result<void> report_error(Shard& shard, Call& call, const InstanceError& error) {
  SPEX_TRY(publish(shard, call.now.wall, error));
  protocol::append_error(call.reported, error.reason, error.context);
  ++call.reported_count;
  return {};
}

namespace {

std::string reported_list(const Call& call) {
  std::string list;
  if (call.reported_count != 0) MsgpackWriter(list).array(call.reported_count).raw(call.reported);
  return list;
}

}  // namespace

void answer_ok(Call& call, std::string_view body) {
  if (body.empty() && call.reported_count == 0) {
    protocol::append_ok(call.reply, call.header.id);
    return;
  }
  const std::string reported = reported_list(call);
  protocol::append_reply(call.reply, {call.header.id, true, body, reported, {}});
}

void answer_error(Call& call, Reason reason, std::string_view context) {
  std::string body;
  protocol::append_error(body, reason, context);
  const std::string reported = reported_list(call);
  protocol::append_reply(call.reply, {call.header.id, false, body, reported, {}});
}

void answer_error(Call& call, const base::Error& error) {
  std::string body;
  protocol::append_error(body, error);
  const std::string reported = reported_list(call);
  protocol::append_reply(call.reply, {call.header.id, false, body, reported, {}});
}

std::string identifier_context(std::string_view identifier) {
  std::string out;
  MsgpackWriter(out).map(1).string("instance_identifier").raw_or_nil(identifier);
  return out;
}

std::string model_context(std::string_view specification, std::string_view identifier) {
  std::string out;
  MsgpackWriter(out).map(2).string("specification").string(specification);
  MsgpackWriter(out).string("instance_identifier").raw_or_nil(identifier);
  return out;
}

Result<std::string> deviation_context(Shard& shard, store::InstanceNumber number, std::uint32_t sequence,
                                      const NamedTransition& deviating, std::string_view explanation) {
  std::string out;
  MsgpackWriter(out).map(explanation.empty() ? 2 : 3).string("instance");
  SPEX_TRY(append_instance_map(shard, shard.store.instance(number), sequence, 0, shard.config.report_records, out));
  MsgpackWriter(out).string("deviating_transition");
  append_transition(deviating, out);
  if (!explanation.empty()) MsgpackWriter(out).string("explanation").raw(explanation);
  return out;
}

Result<void> append_instance_map(Shard& shard, const store::Instance& instance, std::uint32_t as_of,
                                 std::uint32_t before, std::size_t limit, std::string& out) {
  const store::InstanceStore& names = shard.store;
  SPEX_TRY_ASSIGN(const store::InstanceDetails details, shard.store.details(instance.number));
  if (as_of != 0) before = before == 0 ? as_of + 1 : std::min(before, as_of + 1);
  std::vector<store::Record> records;
  if (limit != 0) {
    SPEX_TRY_ASSIGN(records, shard.store.history(instance.number, before, limit));
  }
  store::NameId state = instance.current_state;
  std::uint32_t total = instance.transitions_total;
  if (as_of != 0 && as_of < total && !records.empty()) {
    state = records.front().to_state;
    total = as_of;
  }
  protocol::append_instance(
      out,
      {names.specification_name(instance.specification), details.identifier, details.meta, names.name(state), total},
      static_cast<std::uint32_t>(records.size()));
  for (const store::Record& record : records) {
    protocol::append_record(out, names.name(record.action), names.name(record.to_state), record.at, record.occurred_at);
  }
  return {};
}

}  // namespace spex::shard_worker
