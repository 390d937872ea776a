#include "clients/cpp/client_impl.h"

#include <algorithm>
#include <random>

#include "base/log.h"

namespace spex::client {
namespace {

using protocol::ErrorBody;
using protocol::Map;
using protocol::Value;

constexpr std::size_t kRequestsPerMessage = 256;
constexpr std::size_t kMessageBytes = 1u << 20;
constexpr base::Duration kTurnMax = std::chrono::milliseconds(250);
constexpr base::Duration kCreditPatience = std::chrono::seconds(1);
// How long what cannot be repeated may still be answered after its router was replaced.
constexpr base::Duration kLostGrace = std::chrono::seconds(6);

std::uint64_t random_number() {
  std::random_device device;
  return (std::uint64_t{device()} << 32 | device()) >> 1 | 1;
}

PipelineOptions pipeline_options(const ClientOptions& options, base::Timestamp wall) {
  PipelineOptions result;
  result.retry = options.retry;
  result.request_timeout = options.request_timeout;
  result.keys = options.keys;
  result.first_key = static_cast<std::uint64_t>(wall);
  result.seed = random_number();
  return result;
}

Answer failed_answer(bool was_sent, unsigned attempts, const std::string& endpoint) {
  Answer answer;
  answer.origin = was_sent ? Origin::no_reply : Origin::unreachable;
  answer.error = was_sent
                     ? ErrorBody::of(base::Reason::deadline_exceeded,
                                     Map{{"message", "no reply from " + endpoint}, {"attempts", attempts}})
                     : ErrorBody::of(base::Reason::shard_unavailable, Map{{"message", "no connection to " + endpoint}});
  return answer;
}

bool is_ok_with_nil(const protocol::ReplyView& view) {
  return view.ok && view.body == "\xc0" && view.reported.empty() && view.missing.empty();
}

// Null: unreadable.
std::unique_ptr<Answer> decode(const protocol::ReplyView& view) {
  auto reply = protocol::decode_reply(view);
  if (!reply.ok()) return nullptr;
  auto answer = std::make_unique<Answer>();
  answer->ok = reply->ok;
  answer->body = std::move(reply->body);
  answer->error = std::move(reply->error);
  answer->reported = std::move(reply->reported);
  answer->missing = std::move(reply->missing);
  return answer;
}

}  // namespace

Client::Impl::Impl(ClientOptions client_options)
    : options(std::move(client_options)),
      client(options.client.value_or(random_number())),
      reactor(clock),
      pipeline(pipeline_options(options, clock.wall())),
      connection(options.endpoint, client, context, reactor, [this] { return receive_all(); }),
      writer(client) {
  if (auto opened = connection.open(now()); !opened.ok()) endpoint_error = opened.error();
}

void Client::Impl::submit(Request&& request, Handler&& handler) {
  const base::MonotonicTime time = now();
  if (pipeline.size() == 0) waiting_since = time;
  const std::size_t place = Pipeline::place_of(pipeline.submit(std::move(request), time));
  if (handlers.size() <= place) handlers.resize(pipeline.places());
  handlers[place] = std::move(handler);
}

bool Client::Impl::send_async(Request request, Client& self) {
  if (options.when_full == WhenFull::drop && !async.may_send()) {
    turn(base::Duration::zero());  // credit may have come
    if (!async.may_send()) {
      ++statistics.async_dropped;
      return false;
    }
  }
  return self.call(std::move(request)).ok;
}

void Client::Impl::turn(base::Duration timeout) {
  // Also when a callback throws.
  const struct EndOfTurn {
    std::optional<base::MonotonicTime>& time;
    ~EndOfTurn() { time.reset(); }
  } end_of_turn{turn_time};
  turn_time = clock.monotonic();
  flush();
  const bool has_work = !done.empty();
  reactor.run_once(has_work ? base::Duration::zero() : until_next(timeout));
  turn_time = clock.monotonic();
  std::vector<Pipeline::Failure> failures;
  pipeline.advance(now(), failures);
  end_failed(failures);
  keep_alive();
  call_back();
  flush();
}

base::Duration Client::Impl::until_next(base::Duration timeout) const {
  base::Duration wait = pipeline.size() > 0 ? std::min(timeout, kTurnMax) : timeout;
  if (const auto due = pipeline.next_due()) wait = std::min<base::Duration>(wait, *due - now());
  return std::max(wait, base::Duration::zero());
}

bool Client::Impl::flush() {
  bool sent = false;
  while (pipeline.has_ready() && !blocked && !endpoint_error) {
    const std::vector<RequestId> taken = pipeline.take_ready(kRequestsPerMessage);
    std::size_t next = 0;
    while (next < taken.size()) {
      std::vector<RequestId> packed;
      packed.reserve(taken.size() - next);
      std::uint64_t async_packed = 0;
      for (; next < taken.size() && writer.size() < kMessageBytes; ++next) {
        const RequestId id = taken[next];
        const Request& request = pipeline.request(id);
        if (!pipeline.is_async(id)) {
          writer.add(id, request.operation, request.identifier, request.arguments, pipeline.key(id),
                     pipeline.timeout_ms());
        } else if (async.may_send(async_packed)) {
          writer.add(async.last() + ++async_packed, request.operation, request.identifier, request.arguments);
        } else {
          pipeline.park(id);
          if (!parked_since) parked_since = now();
          continue;
        }
        packed.push_back(id);
      }
      if (!send_packed(packed)) {
        packed.insert(packed.end(), taken.begin() + static_cast<std::ptrdiff_t>(next), taken.end());
        pipeline.give_back(packed);
        return sent;
      }
      sent = true;
    }
  }
  return sent;
}

bool Client::Impl::send_packed(const std::vector<RequestId>& ids) {
  if (ids.empty()) return true;
  const bool ok = connection.send(writer.message());
  writer.clear();
  if (!ok) {
    blocked = true;
    return false;
  }
  const base::MonotonicTime time = now();
  for (const RequestId id : ids) {
    pipeline.sent(id, time);
    if (!pipeline.is_async(id)) continue;
    async.sent();
    ++statistics.async_sent;
    done.push_back({id});
  }
  return true;
}

bool Client::Impl::receive_all() {
  blocked = false;
  turn_time = clock.monotonic();
  bool received = false;
  while (connection.receive(message, now())) {
    received = true;
    // With or without the empty delimiter of a REQ; the body is the last frame.
    if (message.size() > 0) on_message(message.frame(message.size() - 1));
  }
  return received;
}

void Client::Impl::on_message(std::string_view bytes) {
  const auto read = protocol::read_server_message(bytes, server_message);
  if (!read.ok()) {
    base::log_limited(base::LogLevel::warning, "unreadable_message", {{"error", base::to_string(read.error())}});
    return;
  }
  switch (server_message.type) {
    case protocol::MessageType::reply:
      for (const auto& view : server_message.replies) on_reply(view);
      return;
    case protocol::MessageType::notice:
      return on_notice(server_message);
    case protocol::MessageType::credit:
      return on_credit(server_message.credit);
    case protocol::MessageType::request:
      return;
  }
}

void Client::Impl::on_reply(const protocol::ReplyView& view) {
  const auto id = view.id_number();
  if (!id) {
    base::log_limited(base::LogLevel::warning, "message_refused", {{"endpoint", options.endpoint}});
    return;
  }
  if ((*id & Connection::kPingBit) != 0) {
    const auto lost_before = connection.on_ping_reply(view, *id);
    if (!lost_before) return;
    pipeline.lost(*lost_before, kLostGrace, now());
    if (pipeline.parked() > 0) ask_for_credit();
    return;
  }
  Done answered{*id};
  std::optional<base::Reason> reason;
  if (!is_ok_with_nil(view)) {
    answered.answer = decode(view);
    if (!answered.answer) return;
    if (answered.answer->error) reason = answered.answer->error->known();
  }
  // An error of a reason that this library does not know is final.
  if (pipeline.answered(*id, reason, now()) == Pipeline::Fate::final) done.push_back(std::move(answered));
}

void Client::Impl::on_credit(std::uint64_t number) {
  async.grant(number);
  if (!async.may_send()) return;
  pipeline.unpark();
  parked_since.reset();
}

void Client::Impl::on_notice(const protocol::ServerMessage& news) {
  auto error = protocol::decode_error(news.error);
  if (!error.ok()) return;
  statistics.async_refused += news.last - news.first + 1;
  if (options.on_notice) options.on_notice({news.first, news.last, std::move(*error)});
}

void Client::Impl::ask_for_credit() {
  protocol::RequestMessageWriter empty(client);
  if (connection.send(empty.message())) parked_since = now();
}

base::Duration Client::Impl::silence_max() const {
  return options.retry.repeat ? std::max(options.connect_timeout, options.retry.give_up) : options.connect_timeout;
}

void Client::Impl::keep_alive() {
  if (pipeline.size() == 0) {
    waiting_since.reset();
    return;
  }
  if (!waiting_since) waiting_since = now();
  std::vector<Pipeline::Failure> failures;
  if (endpoint_error) {
    pipeline.fail_all(failures);
    return end_failed(failures);
  }
  const std::uint64_t before = connection.reconnects();
  connection.keep_alive(*waiting_since, now());
  if (connection.reconnects() != before) {
    blocked = false;
    ++statistics.reconnects;
    pipeline.lost(now(), kLostGrace, now());
  }
  if (parked_since && now() - *parked_since > kCreditPatience) ask_for_credit();
  const base::MonotonicTime heard = std::max(*waiting_since, connection.last_heard().value_or(*waiting_since));
  if (now() - heard < silence_max()) return;
  pipeline.fail_all(failures);
  end_failed(failures);
}

void Client::Impl::end_failed(const std::vector<Pipeline::Failure>& failures) {
  for (const auto& failure : failures) {
    Answer answer = failed_answer(failure.was_sent, pipeline.attempts(failure.id), options.endpoint);
    if (endpoint_error) answer.error = ErrorBody::of(*endpoint_error);
    done.push_back({failure.id, std::make_unique<Answer>(std::move(answer))});
  }
}

void Client::Impl::call_back() {
  calling.swap(done);
  for (auto& [id, told] : calling) {
    Answer answer;
    if (told) {
      answer = std::move(*told);
    } else {
      answer.ok = true;
    }
    answer.attempts = pipeline.attempts(id);
    // Taken out first: it may submit, and the table may grow.
    Handler handler = std::move(handlers[Pipeline::place_of(id)]);
    std::optional<Request> next;
    if (handler.continuation) {
      next = handler.continuation(answer);
    } else {
      handler.callback(answer);
    }
    if (next) {
      const RequestId continued = pipeline.continue_with(id, std::move(*next), now());
      handlers[Pipeline::place_of(continued)] = std::move(handler);
    } else {
      pipeline.finish(id, now());
    }
  }
  calling.clear();
  if (pipeline.size() == 0) waiting_since.reset();
}

bool Client::Impl::reachable() const {
  const auto heard = connection.last_heard();
  return heard && now() - *heard < Connection::kFreshSocketAfter;
}

}  // namespace spex::client
