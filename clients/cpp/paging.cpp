#include "clients/cpp/paging.h"

#include <algorithm>
#include <memory>
#include <utility>

namespace spex::client {
namespace {

using protocol::Array;
using protocol::Map;
using protocol::Value;

Value* find_member(Value& value, std::string_view key) {
  auto* map = std::get_if<Map>(&value.content);
  if (map == nullptr) return nullptr;
  for (auto& [name, member] : *map) {
    if (name.string() != nullptr && *name.string() == key) return &member;
  }
  return nullptr;
}

struct History {
  Value identifier;
  Callback done;
  std::optional<Answer> first;
  std::uint32_t next_before = 0;

  // The page's records; what is left to ask for in `next_before`, 0: nothing.
  Array take_records(Answer& page, std::uint32_t before) {
    Value* list = find_member(page.body, "transitions");
    const Value* total = page.body.find("transitions_total");
    Array records = list != nullptr && list->array() != nullptr ? std::get<Array>(std::move(list->content)) : Array();
    const auto newest = static_cast<std::uint32_t>(total != nullptr && total->integer() ? *total->integer() : 0);
    const std::uint32_t end = before == 0 ? newest + 1 : std::min(before, newest + 1);
    const auto oldest = static_cast<std::uint32_t>(end - std::min<std::size_t>(end, records.size()));
    next_before = records.empty() || oldest <= 1 ? 0 : oldest;
    return records;
  }

  std::optional<Request> on_page(Answer& page, std::uint32_t& before) {
    if (!page.ok) {
      done(page);
      return std::nullopt;
    }
    Array records = take_records(page, before);
    if (!first) {
      first = std::move(page);
      if (Value* list = find_member(first->body, "transitions")) *list = Array();
    }
    if (Value* list = find_member(first->body, "transitions")) {
      auto& all = std::get<Array>(list->content);
      std::move(records.begin(), records.end(), std::back_inserter(all));
    }
    before = next_before;
    if (next_before != 0) return client::get_instance(identifier, std::nullopt, next_before);
    done(*first);
    return std::nullopt;
  }
};

struct Instances {
  Value filter;
  std::optional<std::uint64_t> limit;
  std::function<void(Array&)> visit;
  Callback done;
  std::uint64_t visited = 0;
  std::vector<protocol::MissingShard> missing;
  unsigned attempts = 0;

  Request request(const Value& cursor) const {
    Value page_limit;
    if (limit) page_limit = std::min<std::uint64_t>(*limit - visited, protocol::kPageInstancesMax);
    return client::all_instances(filter, page_limit, cursor);
  }

  std::optional<Request> on_page(Answer& page) {
    auto* body = std::get_if<Array>(&page.body.content);
    if (!page.ok || body == nullptr || body->empty()) {
      done(page);
      return std::nullopt;
    }
    if (auto* list = std::get_if<Array>(&(*body)[0].content)) {
      visited += list->size();
      visit(*list);
    }
    missing.insert(missing.end(), page.missing.begin(), page.missing.end());
    attempts += page.attempts;
    const Value cursor = body->size() > 1 ? (*body)[1] : Value();
    if (!cursor.is_nil() && (!limit || visited < *limit)) return request(cursor);
    page.body = cursor.is_nil() ? Array() : Array{cursor};
    page.missing = std::move(missing);
    page.attempts = attempts;
    done(page);
    return std::nullopt;
  }
};

}  // namespace

Paged whole_history(const Value& identifier, std::uint32_t before, Callback done) {
  auto state = std::make_shared<History>();
  state->identifier = identifier;
  state->done = std::move(done);
  return {client::get_instance(identifier, std::nullopt, before),
          [state, before](Answer& page) mutable { return state->on_page(page, before); }};
}

Paged each_page(const Value& filter, std::optional<std::uint64_t> limit, const Value& cursor,
                std::function<void(Array&)> visit, Callback done) {
  auto state = std::make_shared<Instances>();
  state->filter = filter;
  state->limit = limit;
  state->visit = std::move(visit);
  state->done = std::move(done);
  return {state->request(cursor), [state](Answer& page) { return state->on_page(page); }};
}

Paged collect_instances(const Value& filter, std::optional<std::uint64_t> limit, const Value& cursor, Callback done) {
  auto all = std::make_shared<Array>();
  const auto visit = [all](Array& page) { std::move(page.begin(), page.end(), std::back_inserter(*all)); };
  return each_page(filter, limit, cursor, visit, [all, done = std::move(done)](Answer& answer) {
    if (auto* body = std::get_if<Array>(&answer.body.content); answer.ok && body != nullptr) {
      body->insert(body->begin(), Value(std::move(*all)));
    }
    done(answer);
  });
}

}  // namespace spex::client
