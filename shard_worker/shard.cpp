#include "shard_worker/shard.h"

#include "base/assert.h"
#include "protocol/arguments.h"
#include "protocol/identifier.h"
#include "protocol/msgpack_writer.h"
#include "protocol/replies.h"
#include "shard_worker/deadlines.h"
#include "shard_worker/handlers.h"
#include "shard_worker/loader.h"
#include "shard_worker/reports.h"

namespace spex::shard_worker {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using protocol::Operation;
using protocol::Route;

constexpr std::string_view kNil = "\xc0";

Handled handle(Shard& shard, Call& call) {
  switch (call.header.operation->operation) {
    case Operation::init_instance:
    case Operation::init_instance_async:
      return init_instance(shard, call);
    case Operation::transition:
    case Operation::transition_async:
      return transition(shard, call);
    case Operation::mock_instance:
      return mock_instance(shard, call);
    case Operation::get_instance:
      return get_instance(shard, call);
    case Operation::delete_instance:
      return delete_instance(shard, call);
    case Operation::all_instances:
      return all_instances(shard, call);
    case Operation::read_events:
      return read_events(shard, call);
    case Operation::delete_instances:
      return delete_instances(shard, call);
    case Operation::all_impl_models:
      return all_impl_models(shard, call);
    case Operation::export_impl_models:
      return export_impl_models(shard, call);
    case Operation::set_learning_mode:
      return set_learning_mode(shard, call);
    case Operation::import_impl_model:
      return import_impl_model(shard, call);
    case Operation::define_specification:
      return define_specification(shard, call);
    case Operation::remove_specification:
      return remove_specification(shard, call);
    case Operation::list_specifications:
      return list_specifications(shard, call);
    case Operation::show_specification:
      return show_specification(shard, call);
    case Operation::check_impl_model:
      return check_impl_model(shard, call);
    case Operation::ping:
    case Operation::shard_map:
    case Operation::control:
      break;
  }
  return fail(Reason::unknown_operation, "a shard does not serve this operation");
}

// Operations of all shards take effect in their last round, and only there a key counts.
bool takes_effect(const Call& call) {
  const Route route = call.header.operation->route;
  return route == Route::keyed || (route == Route::merge_all && call.incoming.round != 1);
}

void answer_verdict(const StoredRequest& asker, const Judgement& judgement, Answers& answers) {
  protocol::RequestHeader header;
  protocol::CheckArguments arguments;
  // Both were read before, when the check was asked for.
  SPEX_ASSERT(protocol::read_request(asker.request, asker.head.client != 0, header));
  SPEX_ASSERT(protocol::decode(header.arguments, arguments).ok());
  std::string body;
  protocol::MsgpackWriter writer(body);
  writer.map(5).string("specification").string(arguments.specification);
  writer.string("equivalent").boolean(judgement.equivalent());
  writer.string("verdict").string(conformance::verdict_name(judgement.kind));
  writer.string("reason").string_or_nil(judgement.reason);
  writer.string("explanation").raw_or_nil(judgement.explanation);
  protocol::append_reply(answers.begin(asker.head, header.id, false), {header.id, true, body, {}, {}});
  answers.end();
}

}  // namespace

// ---- WaitingRequests ----------------------------------------------------------

void WaitingRequests::add(std::uint64_t ticket, std::string_view identifier, const Incoming& incoming) {
  ++size_;
  OfTicket& waiting = by_ticket_[ticket];
  if (identifier.empty()) {
    waiting.askers.emplace_back(incoming);
  } else {
    waiting.identifiers.emplace_back(identifier);
    by_identifier_[std::string(identifier)].emplace_back(incoming);
  }
}

bool WaitingRequests::holds(std::string_view identifier) const {
  return !by_identifier_.empty() && by_identifier_.contains(std::string(identifier));
}

void WaitingRequests::add_behind(std::string_view identifier, const Incoming& incoming) {
  ++size_;
  by_identifier_.at(std::string(identifier)).emplace_back(incoming);
}

WaitingRequests::Released WaitingRequests::release(std::uint64_t ticket) {
  Released released;
  const auto found = by_ticket_.find(ticket);
  if (found == by_ticket_.end()) return released;
  released.askers = std::move(found->second.askers);
  for (const std::string& identifier : found->second.identifiers) {
    const auto requests = by_identifier_.find(identifier);
    for (StoredRequest& request : requests->second) released.again.push_back(std::move(request));
    by_identifier_.erase(requests);
  }
  by_ticket_.erase(found);
  size_ -= released.askers.size() + released.again.size();
  return released;
}

// ---- Shard ----------------------------------------------------------------------

Shard::Shard(base::ShardId shard_id, protocol::SlotMap slot_map, config::Config configuration,
             store::InstanceStore& instances, CheckRunner& runner)
    : id(shard_id),
      slots(std::move(slot_map)),
      config(std::move(configuration)),
      store(instances),
      catalogue(instances),
      checks(runner, config.checks_queued_max) {}

Result<void> Shard::take_identifier(Call& call) {
  SPEX_TRY_ASSIGN(call.identifier, protocol::canonicalise(call.header.identifier, scratch_));
  if (slots.shard_of(call.identifier) == id) return {};
  return fail(Reason::invalid_argument, "this identifier belongs to another shard");
}

Disposition Shard::dispatch(Call& call) {
  const bool keyed = call.header.operation->route == Route::keyed;
  if (keyed) {
    if (auto taken = take_identifier(call); !taken) {
      answer_error(call, taken.error());
      return Disposition::answered;
    }
    if (waiting.holds(call.identifier)) {
      if (waiting.size() < config.queue_max) {
        waiting.add_behind(call.identifier, call.incoming);
        return Disposition::waiting;
      }
      ++counters.overloaded;
      protocol::append_error_reply(call.reply, call.header.id, Reason::overloaded,
                                   "too many requests wait for a check");
      return Disposition::answered;
    }
  }
  if (call.header.key && call.incoming.client != 0) {
    call.key = store::RequestKey{
        call.incoming.client, *call.header.key,
        protocol::request_fingerprint(call.header.operation->operation, call.identifier, call.header.arguments)};
  }
  if (call.key && takes_effect(call)) {
    const store::KeyLookup known = store.find_key(*call.key);
    if (known.state == store::KeyState::expired || known.state == store::KeyState::reused) {
      const bool expired = known.state == store::KeyState::expired;
      protocol::append_error_reply(
          call.reply, call.header.id, expired ? Reason::request_key_expired : Reason::request_key_reused,
          expired ? "the key is older than what is remembered of this client" : "the key was used for another request");
      return Disposition::answered;
    }
    if (known.state == store::KeyState::known) {
      if (auto ended = give_up_change(*this, call); !ended) {
        answer_error(call, ended.error());
        return Disposition::answered;
      }
      const auto again = answer_again(*this, call, known.outcome);
      if (again) return *again;
      answer_error(call, again.error());
      return Disposition::answered;
    }
  }
  auto handled = handle(*this, call);
  if (handled && *handled == Disposition::answered && call.key && !keyed && takes_effect(call)) {
    if (auto kept = store.remember(*call.key, {}, call.now.wall); !kept) handled = std::move(kept).error();
  }
  if (handled) return *handled;
  answer_error(call, handled.error());
  return Disposition::answered;
}

void Shard::execute(const Incoming& incoming, Now now, Answers& answers) {
  ++counters.requests;
  protocol::RequestHeader header;
  if (!protocol::read_request(incoming.request, incoming.client != 0, header)) {
    protocol::append_error_reply(answers.begin(incoming, kNil, false), kNil, Reason::malformed, "no request");
    answers.end();
    return;
  }
  const bool mutates = header.operation != nullptr && header.operation->mutates;
  const bool is_page = header.operation != nullptr && header.operation->operation == Operation::all_instances;
  if (!is_page) listing.asked(now.monotonic);
  std::string& reply = answers.begin(incoming, header.id, mutates);
  if (header.fault) {
    protocol::append_error_reply(reply, header.id, header.fault->reason, header.fault->what);
    answers.end();
    return;
  }
  const std::size_t begin = reply.size();
  Call call{incoming, header, now, reply, {}, std::nullopt, {}, 0};
  if (dispatch(call) == Disposition::waiting) {
    answers.drop();
    return;
  }
  SPEX_ASSERT(reply.size() > begin);
  answers.end();
}

void Shard::refuse(const Incoming& incoming, const base::Error& error, Answers& answers) {
  protocol::RequestHeader header;
  const bool read = protocol::read_request(incoming.request, incoming.client != 0, header);
  const std::string_view request_id = read ? header.id : kNil;
  protocol::append_error_reply(answers.begin(incoming, request_id, false), request_id, error);
  answers.end();
}

bool Shard::is_mutating(const Incoming& incoming) {
  protocol::RequestHeader header;
  return protocol::read_request(incoming.request, incoming.client != 0, header) && header.operation != nullptr &&
         header.operation->mutates;
}

void Shard::on_verdict(std::uint64_t ticket, KnownJudgement judgement, Answers& answers) {
  WaitingRequests::Released released = waiting.release(ticket);
  for (const StoredRequest& asker : released.askers) answer_verdict(asker, *judgement, answers);
  checks.finish(ticket, std::move(judgement));
  for (StoredRequest& request : released.again) ready.push_back(std::move(request));
}

void Shard::resume(std::uint64_t ticket) {
  WaitingRequests::Released released = waiting.release(ticket);
  for (StoredRequest& request : released.again) ready.push_back(std::move(request));
}

Result<void> Shard::recover(Now now) {
  SPEX_TRY(catalogue.rebind());
  SPEX_TRY(load_stored_models(*this));
  SPEX_TRY(changes.load(*this, now));
  rebuild_timeouts(*this, now);
  return {};
}

}  // namespace spex::shard_worker
