#include "clients/cpp/client.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "clients/cpp/client_impl.h"
#include "clients/cpp/paging.h"

namespace spex::client {
namespace {

using protocol::Array;
using protocol::Value;

Answer or_throw(Answer answer) {
  if (!answer.ok) throw Failure(std::move(answer));
  return answer;
}

}  // namespace

std::string Answer::to_text() const {
  if (ok) return "ok";
  if (!error) return "no answer";
  std::string text = error->error_class + " " + error->reason;
  const Value* message = error->context.find("message");
  if (message != nullptr && message->string() != nullptr) text += ": " + *message->string();
  return text;
}

Failure::Failure(Answer answer) : std::runtime_error(answer.to_text()), answer_(std::move(answer)) {}

struct Future::State {
  Client* client = nullptr;
  std::optional<Answer> answer;
};

bool Future::ready() const { return state_->answer.has_value(); }

Answer Future::get() {
  while (!state_->answer) state_->client->poll(std::chrono::seconds(1));
  return std::move(*state_->answer);
}

Client::Client(ClientOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Client::~Client() = default;

void Client::submit(Request request, Callback on_answer) {
  impl_->submit(std::move(request), {std::move(on_answer), nullptr});
}

void Client::submit_paged(Request request, Continuation on_answer) {
  impl_->submit(std::move(request), {nullptr, std::move(on_answer)});
}

Future Client::submit(Request request) {
  Future future;
  future.state_ = std::make_shared<Future::State>();
  future.state_->client = this;
  submit(std::move(request), [state = future.state_](Answer& answer) { state->answer = std::move(answer); });
  return future;
}

void Client::poll(base::Duration timeout) { impl_->turn(timeout); }

void Client::wait_all() {
  while (outstanding() > 0) poll(std::chrono::seconds(1));
}

std::size_t Client::outstanding() const { return impl_->pipeline.size(); }

void Client::watch(int fd, std::function<void()> on_readable) {
  constexpr short kReadable = 0x001;  // POLLIN
  impl_->reactor.add_fd(fd, kReadable, [callback = std::move(on_readable)](short) { callback(); });
}

void Client::unwatch(int fd) { impl_->reactor.remove_fd(fd); }

bool Client::init_instance_async(std::string_view specification, const Value& identifier, const InitOptions& options) {
  return impl_->send_async(client::init_instance_async(specification, identifier, options), *this);
}

bool Client::transition_async(const Value& identifier, std::string_view action, std::string_view to_state) {
  return impl_->send_async(client::transition_async(identifier, action, to_state), *this);
}

Answer Client::call(Request request) { return submit(std::move(request)).get(); }

Answer Client::init_instance(std::string_view specification, const Value& identifier, const InitOptions& options) {
  return call(client::init_instance(specification, identifier, options));
}
Answer Client::transition(const Value& identifier, std::string_view action, std::string_view to_state) {
  return call(client::transition(identifier, action, to_state));
}
Answer Client::mock_instance(std::string_view specification, const Value& identifier, std::string_view state,
                             const Value& meta) {
  return call(client::mock_instance(specification, identifier, state, meta));
}
Answer Client::delete_instance(const Value& identifier) { return call(client::delete_instance(identifier)); }
Answer Client::delete_instances(const Value& filter) { return call(client::delete_instances(filter)); }

Answer Client::get_instance(const Value& identifier) {
  std::optional<Answer> result;
  Paged paged = whole_history(identifier, 0, [&](Answer& answer) { result = std::move(answer); });
  submit_paged(std::move(paged.first), std::move(paged.on_page));
  while (!result) poll(std::chrono::seconds(1));
  return std::move(*result);
}

Answer Client::all_instances(const Value& filter) {
  std::optional<Answer> result;
  Paged paged = collect_instances(filter, std::nullopt, Value(), [&](Answer& answer) { result = std::move(answer); });
  submit_paged(std::move(paged.first), std::move(paged.on_page));
  while (!result) poll(std::chrono::seconds(1));
  if (auto* body = std::get_if<Array>(&result->body.content); result->ok && body != nullptr && !body->empty()) {
    Value instances = std::move(body->front());
    result->body = std::move(instances);
  }
  return std::move(*result);
}

Answer Client::for_each_instance(const Value& filter, const std::function<void(const Value&)>& visit) {
  std::optional<Answer> result;
  const auto visit_page = [&](Array& page) { std::for_each(page.begin(), page.end(), std::cref(visit)); };
  const auto done = [&](Answer& answer) { result = std::move(answer); };
  Paged paged = each_page(filter, std::nullopt, Value(), visit_page, done);
  submit_paged(std::move(paged.first), std::move(paged.on_page));
  while (!result) poll(std::chrono::seconds(1));
  return std::move(*result);
}

void Client::init_instance_or_throw(std::string_view specification, const Value& identifier,
                                    const InitOptions& options) {
  or_throw(init_instance(specification, identifier, options));
}
void Client::transition_or_throw(const Value& identifier, std::string_view action, std::string_view to_state) {
  or_throw(transition(identifier, action, to_state));
}
void Client::mock_instance_or_throw(std::string_view specification, const Value& identifier, std::string_view state,
                                    const Value& meta) {
  or_throw(mock_instance(specification, identifier, state, meta));
}
void Client::delete_instance_or_throw(const Value& identifier) { or_throw(delete_instance(identifier)); }

Value Client::get_instance_or_throw(const Value& identifier) { return or_throw(get_instance(identifier)).body; }

Array Client::all_instances_or_throw(const Value& filter) {
  Answer answer = or_throw(all_instances(filter));
  auto* instances = std::get_if<Array>(&answer.body.content);
  return instances == nullptr ? Array() : std::move(*instances);
}

std::uint64_t Client::delete_instances_or_throw(const Value& filter) {
  const Answer answer = or_throw(delete_instances(filter));
  const std::int64_t* count = answer.body.integer();
  return count == nullptr ? 0 : static_cast<std::uint64_t>(*count);
}

ClientStatistics Client::statistics() const {
  ClientStatistics result = impl_->statistics;
  result.repeats = impl_->pipeline.repeats();
  return result;
}

bool Client::connected() const { return impl_->reachable(); }
std::uint64_t Client::id() const { return impl_->client; }

}  // namespace spex::client
