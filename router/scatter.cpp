#include "router/scatter.h"

#include "base/assert.h"
#include "protocol/msgpack_reader.h"
#include "protocol/msgpack_writer.h"

namespace spex::router {

using base::Reason;
using base::ShardId;
using protocol::MissingShard;
using protocol::Route;

Scatter::Scatter(Route route, std::uint32_t shards, std::string_view id) : route_(route), id_(id), parts_(shards) {
  for (Part& part : parts_) part.state = PartState::waiting;
  waiting_ = shards;
}

ScatterNext Scatter::on_reply(ShardId shard, std::string_view reply) {
  Part& part = parts_[shard.value() - 1];
  if (part.state != PartState::waiting) return ScatterNext::wait;
  const auto view = protocol::read_reply(reply);
  if (!view.ok()) return on_missing(shard, Reason::malformed);
  if (!view->ok) {
    // A shard that says that it could not take part counts as missing, for its own reason.
    const auto error = protocol::decode_error(view->body);
    const auto reason = error.ok() ? error->known() : std::nullopt;
    if (reason && class_of(*reason) == base::ErrorClass::cluster) return on_missing(shard, *reason);
  }
  part.state = view->ok ? PartState::ok : PartState::error;
  part.reply = reply;
  bytes_ += reply.size();
  --waiting_;
  return next();
}

ScatterNext Scatter::on_missing(ShardId shard, Reason reason) {
  Part& part = parts_[shard.value() - 1];
  if (part.state != PartState::waiting) return ScatterNext::wait;
  part.state = PartState::missing;
  part.reason = reason;
  --waiting_;
  return next();
}

ScatterNext Scatter::next() {
  if (waiting_ > 0) return ScatterNext::wait;
  const bool has_two_rounds = route_ == Route::merge_one || route_ == Route::merge_all;
  if (!has_two_rounds || round_ == 2) return ScatterNext::answer;
  if (first_in(PartState::error) != nullptr || first_in(PartState::ok) == nullptr) return ScatterNext::answer;
  // Nothing is done anywhere unless every shard can do it.
  if (route_ == Route::merge_all && first_in(PartState::missing) != nullptr) return ScatterNext::answer;
  return ScatterNext::second_round;
}

void Scatter::give_up(ShardId shard, Reason reason) {
  SPEX_ASSERT(route_ == Route::merge_all && round_ == 1);
  parts_[shard.value() - 1].state = PartState::missing;
  parts_[shard.value() - 1].reason = reason;
}

std::string Scatter::begin_second(const std::vector<ShardId>& shards) {
  SPEX_ASSERT(round_ == 1 && waiting_ == 0);
  std::string bodies;
  std::uint32_t count = 0;
  missing_first_ = missing();
  for (const Part& part : parts_) {
    if (part.state != PartState::ok) continue;
    const auto view = protocol::read_reply(part.reply);
    protocol::MsgpackWriter(bodies).raw_or_nil(view->body);
    ++count;
  }
  std::string gathered;
  protocol::MsgpackWriter(gathered).array(count);
  gathered += bodies;
  round_ = 2;
  for (Part& part : parts_) part = Part();
  for (const ShardId shard : shards) parts_[shard.value() - 1].state = PartState::waiting;
  waiting_ = static_cast<std::uint32_t>(shards.size());
  bytes_ = gathered.size();
  return gathered;
}

const Scatter::Part* Scatter::first_in(PartState state) const {
  for (const Part& part : parts_) {
    if (part.state == state) return &part;
  }
  return nullptr;
}

std::vector<MissingShard> Scatter::missing() const {
  std::vector<MissingShard> shards;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i].state != PartState::missing) continue;
    shards.push_back({ShardId(static_cast<std::uint32_t>(i + 1)), parts_[i].reason});
  }
  return shards;
}

void Scatter::append_answer(std::string& out) const {
  const Part* error = first_in(PartState::error);
  if (error != nullptr) {
    // A definite refusal says more than the absence of others.
    protocol::ReplyView view = *protocol::read_reply(error->reply);
    const std::string absent = protocol::encode_missing(missing());
    if (first_in(PartState::missing) != nullptr) view.missing = absent;
    return protocol::append_reply(out, view);
  }
  const bool must_be_all = route_ == Route::merge_all;
  if (first_in(PartState::ok) == nullptr || (must_be_all && first_in(PartState::missing) != nullptr)) {
    return append_refusal(out);
  }
  return route_ == Route::scatter_sum ? append_sum(out) : append_last_round(out);
}

// The most uncertain reason of all decides: where one shard may have executed it, so may the whole.
void Scatter::append_refusal(std::string& out) const {
  const std::vector<MissingShard> absent = missing();
  Reason reason = absent.front().reason;
  std::string names;
  for (const MissingShard& shard : absent) {
    if (base::outcome_of(shard.reason) == base::Outcome::unknown) reason = shard.reason;
    names += (names.empty() ? "" : ", ") + std::to_string(shard.shard.value()) + " (" +
             std::string(base::reason_name(shard.reason)) + ")";
  }
  // Round 1 of two has no effect: whatever happened to a shard then, nothing was executed.
  if (round_ == 1 && route_ != Route::scatter_sum && base::outcome_of(reason) == base::Outcome::unknown) {
    reason = Reason::shard_unavailable;
  }
  // In round 2 the shards that are there have executed it.
  if (round_ == 2 && route_ == Route::merge_all && base::outcome_of(reason) != base::Outcome::unknown) {
    reason = Reason::shard_restarted;
  }
  std::string error;
  protocol::append_error(error, base::Error(reason, "shards that did not take part: " + names));
  const std::string encoded = protocol::encode_missing(absent);
  protocol::append_reply(out, {id_, false, error, {}, encoded});
}

void Scatter::append_sum(std::string& out) const {
  std::uint64_t sum = 0;
  for (const Part& part : parts_) {
    if (part.state != PartState::ok) continue;
    std::uint64_t number = 0;
    protocol::MsgpackReader reader(protocol::read_reply(part.reply)->body);
    if (reader.read_uint(number)) sum += number;
  }
  std::string body;
  protocol::MsgpackWriter(body).uint(sum);
  const std::vector<MissingShard> absent = missing();
  const std::string encoded = absent.empty() ? std::string() : protocol::encode_missing(absent);
  protocol::append_reply(out, {id_, true, body, {}, encoded});
}

void Scatter::append_last_round(std::string& out) const {
  protocol::ReplyView view = *protocol::read_reply(first_in(PartState::ok)->reply);
  const std::string encoded = missing_first_.empty() ? std::string() : protocol::encode_missing(missing_first_);
  view.missing = encoded;
  protocol::append_reply(out, view);
}

}  // namespace spex::router
