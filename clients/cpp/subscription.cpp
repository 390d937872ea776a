#include "clients/cpp/subscription.h"

#include <algorithm>
#include <deque>
#include <utility>

namespace spex::client {
namespace {

using protocol::Array;
using protocol::Value;

struct ReadPage {
  EventPage page;
  std::uint64_t last = 0;  // the shard's newest
};

std::uint64_t number_in(const Value& value) {
  return value.integer() != nullptr ? static_cast<std::uint64_t>(*value.integer()) : 0;
}

// The body of read_events: [[[number, at, event], …], last, first_kept].
std::optional<ReadPage> read_page(std::uint32_t shard, Answer& answer) {
  auto* body = std::get_if<Array>(&answer.body.content);
  if (!answer.ok || body == nullptr || body->size() < 2) return std::nullopt;
  auto* rows = std::get_if<Array>(&(*body)[0].content);
  if (rows == nullptr) return std::nullopt;
  ReadPage read;
  read.page.shard = shard;
  read.last = number_in((*body)[1]);
  for (Value& row : *rows) {
    auto* parts = std::get_if<Array>(&row.content);
    if (parts == nullptr || parts->size() < 3 || (*parts)[1].integer() == nullptr) return std::nullopt;
    read.page.events.push_back({shard, number_in((*parts)[0]), *(*parts)[1].integer(), std::move((*parts)[2])});
  }
  return read;
}

}  // namespace

struct Subscription::State {
  struct Shard {
    std::uint64_t position = 0;
    bool began = false;  // a position was given, or something was read: from now on what is missing is a gap
    bool under_way = false;
    bool at_end = false;
    base::MonotonicTime next_look{};
  };

  void on_answer(std::uint32_t number, Answer& answer) {
    Shard& shard = shards.at(number);
    shard.under_way = false;
    auto read = read_page(number, answer);
    if (!read || read->last < shard.position) {
      const bool ahead = read.has_value();
      shard.next_look = clock.monotonic() + options.pause;
      shard.at_end = false;
      problems.push_back({number, std::move(answer), ahead});
      return;
    }
    find_gaps(shard, *read);
    shard.at_end = read->page.events.empty() && read->page.gaps.empty();
    if (shard.at_end) {
      shard.next_look = clock.monotonic() + options.pause;
      return;
    }
    pages.push_back(std::move(read->page));
  }

  static void find_gaps(const Shard& shard, ReadPage& read) {
    std::uint64_t expected = shard.position + 1;
    bool began = shard.began;
    for (const Event& event : read.page.events) {
      if (began && event.number > expected) read.page.gaps.push_back({expected, event.number - 1});
      began = true;
      expected = event.number + 1;
    }
    // Numbers without events up to the newest: they are damaged.
    if (read.page.events.empty() && expected <= read.last) read.page.gaps.push_back({expected, read.last});
  }

  void take(const EventPage& page) {
    Shard& shard = shards.at(page.shard);
    for (const EventPage::Gap& gap : page.gaps) shard.position = std::max(shard.position, gap.last);
    if (!page.events.empty()) shard.position = std::max(shard.position, page.events.back().number);
    shard.began = true;
    positions[page.shard] = shard.position;
  }

  SubscriptionOptions options;
  base::SystemClock clock;
  std::map<std::uint32_t, Shard> shards;
  std::deque<EventPage> pages;
  std::deque<Problem> problems;
  EventPositions positions;
};

Subscription::Subscription(Client& client, const std::vector<std::uint32_t>& shards, SubscriptionOptions options)
    : state_(std::make_shared<State>()), client_(client) {
  for (const std::uint32_t number : shards) {
    State::Shard& shard = state_->shards[number];
    const auto found = options.after.find(number);
    shard.began = found != options.after.end();
    if (shard.began) shard.position = found->second;
  }
  state_->positions = options.after;
  state_->options = std::move(options);
}

Subscription::~Subscription() = default;

std::optional<EventPage> Subscription::next(base::Duration timeout) {
  State& state = *state_;
  const base::MonotonicTime end = state.clock.monotonic() + timeout;
  while (true) {  // ends at the deadline, or with news
    if (!state.pages.empty()) {
      EventPage page = std::move(state.pages.front());
      state.pages.pop_front();
      state.take(page);
      return page;
    }
    if (!state.problems.empty()) return std::nullopt;
    const base::MonotonicTime now = state.clock.monotonic();
    base::MonotonicTime wake = end;
    for (auto& [number, shard] : state.shards) {
      if (shard.under_way) continue;
      if (shard.next_look > now) {
        wake = std::min(wake, shard.next_look);
        continue;
      }
      shard.under_way = true;
      client_.submit(read_events(number, shard.position, state.options.page),
                     [kept = std::weak_ptr(state_), which = number](Answer& answer) {
                       if (const auto living = kept.lock()) living->on_answer(which, answer);
                     });
    }
    client_.poll(std::max<base::Duration>(wake - now, base::Duration::zero()));
    if (state.pages.empty() && (state.clock.monotonic() >= end || caught_up())) return std::nullopt;
  }
}

const EventPositions& Subscription::positions() const { return state_->positions; }

bool Subscription::caught_up() const {
  return state_->pages.empty() && std::all_of(state_->shards.begin(), state_->shards.end(),
                                              [](const auto& entry) { return entry.second.at_end; });
}

std::optional<Subscription::Problem> Subscription::take_problem() {
  if (state_->problems.empty()) return std::nullopt;
  Problem problem = std::move(state_->problems.front());
  state_->problems.pop_front();
  return problem;
}

}  // namespace spex::client
