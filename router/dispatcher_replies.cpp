// Replies and failures on their way out, deadlines, statistics.
#include <algorithm>

#include "base/assert.h"
#include "base/log.h"
#include "protocol/replies.h"
#include "router/dispatcher.h"

namespace spex::router {

using base::Error;
using base::MonotonicTime;
using base::Reason;
using base::ShardId;
using protocol::Operation;

namespace {

constexpr std::chrono::seconds kAsyncIdleMax{600};

std::string text_for(Reason reason, ShardId shard) {
  const std::string name = "shard " + std::to_string(shard.value());
  switch (reason) {
    case Reason::shard_unavailable:
      return name + " does not serve now";
    case Reason::shard_restarted:
      return name + " ended before it answered; the outcome is unknown";
    case Reason::overloaded:
      return "the queue to " + name + " is full";
    case Reason::deadline_exceeded:
      return name + " did not answer in time; the outcome is unknown";
    default:
      return name + " did not take part";
  }
}

Error shard_error(Reason reason, ShardId shard) {
  return Error(reason, text_for(reason, shard)).with("shard", std::to_string(shard.value()));
}

// What a shard says of an async request that a client must hear of: that it was
// not carried out, for reasons that are not the instance's. All else is in log and events.
std::optional<Reason> reason_to_tell(std::string_view reply) {
  const auto view = protocol::read_reply(reply);
  if (!view.ok() || view->ok) return std::nullopt;
  const auto error = protocol::decode_error(view->body);
  const auto reason = error.ok() ? error->known() : std::nullopt;
  if (!reason) return std::nullopt;
  const base::ErrorClass error_class = base::class_of(*reason);
  const bool is_told = error_class == base::ErrorClass::cluster || error_class == base::ErrorClass::storage ||
                       error_class == base::ErrorClass::request;
  return is_told ? reason : std::nullopt;
}

}  // namespace

void Dispatcher::refuse(const ReplyTo& to, std::string_view id, const Error& error) {
  reply_.clear();
  protocol::append_error_reply(reply_, id, error);
  peers_.reply(to, reply_);
}

void Dispatcher::refuse_shard(const ReplyTo& to, std::string_view id, const protocol::OperationInfo& operation,
                              ShardId shard, Reason reason) {
  if (reason == Reason::overloaded) ++stats_.overloaded;
  // A listing goes on with the next shard and names the one that is missing.
  const bool is_absent = reason == Reason::shard_unavailable || reason == Reason::shard_restarted;
  if (is_absent && operation.operation == Operation::all_instances) return answer_missing_page(to, id, shard, reason);
  refuse(to, id, shard_error(reason, shard));
}

void Dispatcher::on_shard_reply(ShardId shard, Token token, std::string_view reply, MonotonicTime now) {
  InFlightRequest* entry = in_flight_.find(token);
  if (entry == nullptr || entry->shard != shard) {
    ++stats_.late_replies;
    return;
  }
  if (entry->async_number > 0) {
    settle_async(*entry, reply);
    return in_flight_.remove(token);
  }
  if (entry->scatter != kNoScatter) {
    const std::uint32_t index = entry->scatter;
    in_flight_.remove(token);
    constexpr std::size_t kScatterBytesMax = 256u << 20;
    Scatter& scatter = *running_[index].scatter;
    const bool is_too_much = scatter.bytes() + reply.size() > kScatterBytesMax;
    return advance(index, is_too_much ? scatter.on_missing(shard, Reason::overloaded) : scatter.on_reply(shard, reply),
                   now);
  }
  if (entry->operation->operation == Operation::all_instances && shard.value() < shards_.size()) {
    answer_page(*entry, reply);
  } else {
    peers_.reply(entry->reply_to, reply);
  }
  in_flight_.remove(token);
}

void Dispatcher::settle_async(const InFlightRequest& entry, std::string_view reply) {
  async_.done(entry.client, entry.async_number, reason_to_tell(reply));
}

// The end of one shard's instances is not the end of the listing.
void Dispatcher::answer_page(const InFlightRequest& entry, std::string_view reply) {
  const auto view = protocol::read_reply(reply);
  if (!view.ok() || !view->ok) return peers_.reply(entry.reply_to, reply);
  auto page = protocol::read_page(view->body);
  if (!page.ok() || page->next) return peers_.reply(entry.reply_to, reply);
  page->next = protocol::Cursor{ShardId(entry.shard.value() + 1), 0};
  std::string body;
  protocol::append_page(body, *page);
  reply_.clear();
  protocol::append_reply(reply_, {view->id, true, body, view->reported, view->missing});
  peers_.reply(entry.reply_to, reply_);
}

void Dispatcher::answer_missing_page(const ReplyTo& to, std::string_view id, ShardId shard, Reason reason) {
  protocol::Page page;
  page.instances = std::string_view("\x90", 1);
  if (shard.value() < shards_.size()) page.next = protocol::Cursor{ShardId(shard.value() + 1), 0};
  std::string body;
  protocol::append_page(body, page);
  const std::string missing = protocol::encode_missing({{shard, reason}});
  reply_.clear();
  protocol::append_reply(reply_, {id, true, body, {}, missing});
  peers_.reply(to, reply_);
}

void Dispatcher::fail_request(Token token, Reason reason, MonotonicTime now) {
  const InFlightRequest* found = in_flight_.find(token);
  if (found == nullptr) return;
  // The entry goes first: what follows may add others.
  const InFlightRequest entry = *found;
  in_flight_.remove(token);
  if (entry.async_number > 0) return async_.done(entry.client, entry.async_number, reason);
  if (entry.scatter != kNoScatter) {
    return advance(entry.scatter, running_[entry.scatter].scatter->on_missing(entry.shard, reason), now);
  }
  refuse_shard(entry.reply_to, entry.id, *entry.operation, entry.shard, reason);
}

void Dispatcher::fail_all(ShardId shard, bool sent, Reason reason, MonotonicTime now) {
  std::vector<Token> tokens;
  in_flight_.list(shard, tokens);
  // Chosen before anything is answered: an answer may queue a second round to this very shard.
  std::erase_if(tokens, [&](Token token) { return queue(shard).was_sent(in_flight_.find(token)->sequence) != sent; });
  if (!sent) queue(shard).drop();
  for (const Token token : tokens) fail_request(token, reason, now);
  if (tokens.empty()) return;
  base::log(base::LogLevel::info, sent ? "requests_outcome_unknown" : "requests_not_executed",
            {{"shard", std::to_string(shard.value())},
             {"count", std::to_string(tokens.size())},
             {"reason", base::reason_name(reason)}});
}

void Dispatcher::apply(ShardId shard, const ShardStep& step, MonotonicTime now) {
  if (step.fail_sent) fail_all(shard, true, Reason::shard_restarted, now);
  if (step.fail_queued) fail_all(shard, false, Reason::shard_unavailable, now);
}

void Dispatcher::on_tick(MonotonicTime now) {
  tokens_.clear();
  in_flight_.list_due(now, tokens_);
  stats_.deadlines_exceeded += tokens_.size();
  for (const Token token : tokens_) fail_request(token, Reason::deadline_exceeded, now);
  while (!merges_waiting_.empty() && running_[merges_waiting_.front()].deadline <= now) start_merge_all(now);
}

bool Dispatcher::is_idle() const {
  return in_flight_.count() == 0 && running_count_ == 0 && controls_ == 0 && !peers_.has_unsent();
}

void Dispatcher::tell_async_clients() {
  news_.clear();
  async_.take_news(news_);
  for (const AsyncNews& news : news_) {
    for (const AsyncNotice& notice : news.notices) {
      const std::string text = "async requests were not taken, or their outcome is unknown: " +
                               std::string(base::reason_name(notice.reason));
      peers_.send_message(news.peer, protocol::encode_notice(notice.first, notice.last, Error(notice.reason, text)));
    }
    if (news.credit) peers_.send_message(news.peer, protocol::encode_credit(*news.credit));
  }
}

void Dispatcher::sweep(MonotonicTime now) {
  peers_.sweep(now);
  async_.sweep(now, kAsyncIdleMax);
}

std::string Dispatcher::stats_json() const {
  const auto member = [](std::string_view name, std::uint64_t value) {
    return "\"" + std::string(name) + "\":" + std::to_string(value);
  };
  std::string json = "{" + member("requests", stats_.requests) + "," + member("in_flight", in_flight_.count()) + "," +
                     member("overloaded", stats_.overloaded) + "," + member("late_replies", stats_.late_replies) + "," +
                     member("deadlines_exceeded", stats_.deadlines_exceeded) + "," +
                     member("refused_messages", stats_.refused_messages) + "," + member("clients", peers_.size()) +
                     "," + member("undeliverable", peers_.undeliverable()) + "," +
                     member("unsent_bytes", peers_.unsent_bytes()) + "," + member("async_clients", async_.size()) +
                     "," + member("async_lost", async_.lost()) + ",\"shards\":[";
  // A heartbeat is short: of many shards the first ones are told.
  constexpr std::uint32_t kShardsToldMax = 32;
  for (std::uint32_t n = 1; n <= std::min(shards_.size(), kShardsToldMax); ++n) {
    const ShardId shard(n);
    json += std::string(n > 1 ? "," : "") + "{" + member("shard", n) + ",\"phase\":\"" +
            std::string(name_of(shards_.at(shard).phase)) + "\"," + member("in_flight", in_flight_.count(shard)) + "," +
            member("queued", queues_[n - 1].requests()) + "}";
  }
  return json + "]}";
}

}  // namespace spex::router
