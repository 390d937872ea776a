#include "router/async_clients.h"

#include <algorithm>

namespace spex::router {
namespace {

constexpr std::size_t kNoticesMax = 64;  // of one client, between two turns
constexpr std::size_t kStrangersMax = 1024;

}  // namespace

using base::Duration;
using base::MonotonicTime;
using base::Reason;

AsyncClients::Client* AsyncClients::find_or_add(std::uint64_t id, const ReplyTo& from, MonotonicTime now) {
  auto found = clients_.find(id);
  if (found == clients_.end()) {
    if (clients_.size() >= clients_max_) {
      // The one that was silent longest makes room, if it has nothing under way.
      Client& oldest = clients_.at(by_use_.front());
      if (oldest.in_flight > 0 || oldest.is_dirty) return nullptr;
      clients_.erase(oldest.id);
      by_use_.pop_front();
    }
    found = clients_.emplace(id, Client{}).first;
    found->second.id = id;
    found->second.used_place = by_use_.insert(by_use_.end(), id);
  }
  Client& client = found->second;
  client.peer = from.peer;
  client.may_be_told = from.envelope == kNoEnvelope;
  client.last_used = now;
  by_use_.splice(by_use_.end(), by_use_, client.used_place);
  return &client;
}

void AsyncClients::mark_dirty(Client& client) {
  if (client.is_dirty) return;
  client.is_dirty = true;
  dirty_.push_back(client.id);
}

void AsyncClients::lose(Client& client, std::uint64_t first, std::uint64_t last, Reason reason) {
  lost_ += last - first + 1;
  mark_dirty(client);
  if (!client.notices.empty()) {
    AsyncNotice& newest = client.notices.back();
    if (newest.reason == reason && newest.last + 1 == first) {
      newest.last = last;
      return;
    }
  }
  if (client.notices.size() < kNoticesMax) client.notices.push_back({first, last, reason});
}

bool AsyncClients::arrive(std::uint64_t client_id, std::uint64_t number, const ReplyTo& from, MonotonicTime now) {
  Client* client = find_or_add(client_id, from, now);
  if (client == nullptr) {
    ++lost_;
    if (from.envelope == kNoEnvelope && strangers_.size() < kStrangersMax) {
      strangers_.push_back({from.peer, {{number, number, Reason::overloaded}}, std::nullopt});
    }
    return false;
  }
  mark_dirty(*client);
  if (number < client->next) {
    lose(*client, number, number, Reason::invalid_argument);
    return false;
  }
  // Numbers left out were lost on the way to the router: none of them was executed.
  if (client->next != 0 && number > client->next) lose(*client, client->next, number - 1, Reason::overloaded);
  client->next = number + 1;
  if (client->in_flight >= credit_) {
    lose(*client, number, number, Reason::overloaded);
    return false;
  }
  ++client->in_flight;
  return true;
}

void AsyncClients::ask(std::uint64_t client_id, const ReplyTo& from, MonotonicTime now) {
  if (from.envelope != kNoEnvelope) return;
  if (clients_.find(client_id) == clients_.end()) {
    if (strangers_.size() < kStrangersMax) strangers_.push_back({from.peer, {}, 0});
    return;
  }
  Client* client = find_or_add(client_id, from, now);
  client->asked = true;
  mark_dirty(*client);
}

void AsyncClients::done(std::uint64_t client_id, std::uint64_t number, std::optional<Reason> reason) {
  const auto found = clients_.find(client_id);
  if (found == clients_.end()) return;
  Client& client = found->second;
  if (client.in_flight > 0) --client.in_flight;
  if (reason) lose(client, number, number, *reason);
  mark_dirty(client);
}

std::optional<std::uint64_t> AsyncClients::credit_to_announce(Client& client) const {
  const std::uint64_t free = credit_ - std::min(client.in_flight, credit_);
  const std::uint64_t credit = std::max(client.next - 1 + free, client.announced);
  const std::uint64_t gained = credit - client.announced;
  const bool is_due =
      client.asked || gained >= std::max<std::uint64_t>(credit_ / 4, 1) || (gained > 0 && client.in_flight == 0);
  client.asked = false;
  if (!is_due) return std::nullopt;
  client.announced = credit;
  return credit;
}

void AsyncClients::take_news(std::vector<AsyncNews>& out) {
  for (AsyncNews& news : strangers_) out.push_back(std::move(news));
  strangers_.clear();
  for (const std::uint64_t id : dirty_) {
    const auto found = clients_.find(id);
    if (found == clients_.end()) continue;
    Client& client = found->second;
    client.is_dirty = false;
    if (!client.may_be_told || client.next == 0) {
      client.notices.clear();
      continue;
    }
    AsyncNews news{client.peer, std::move(client.notices), credit_to_announce(client)};
    client.notices.clear();
    if (!news.notices.empty() || news.credit) out.push_back(std::move(news));
  }
  dirty_.clear();
}

void AsyncClients::sweep(MonotonicTime now, Duration idle_max) {
  while (!by_use_.empty()) {
    const Client& oldest = clients_.at(by_use_.front());
    if (oldest.in_flight > 0 || oldest.is_dirty || now - oldest.last_used < idle_max) return;
    clients_.erase(oldest.id);
    by_use_.pop_front();
  }
}

}  // namespace spex::router
