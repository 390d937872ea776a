#include "router/async_clients.h"

#include <catch2/catch.hpp>

#include "tests/support/fake_clock.h"

using namespace spex::router;
using namespace std::chrono_literals;
using spex::base::Reason;
using spex::test::FakeClock;

namespace {

struct Clients {
  explicit Clients(std::uint32_t credit, std::size_t clients_max = 100) : table(credit, clients_max) {}
  FakeClock clock;
  AsyncClients table;
  ReplyTo from{PeerId(3), kNoEnvelope};

  bool arrive(std::uint64_t number, std::uint64_t client = 1) {
    return table.arrive(client, number, from, clock.monotonic());
  }
  AsyncNews news() {
    std::vector<AsyncNews> all;
    table.take_news(all);
    REQUIRE(all.size() <= 1);
    return all.empty() ? AsyncNews{} : all[0];
  }
};

}  // namespace

TEST_CASE("the first async request brings credit for the numbers after it", "[router]") {
  Clients clients(10);
  CHECK(clients.arrive(1));
  CHECK(clients.news().credit == 10);
  CHECK(clients.table.lost() == 0);
}

TEST_CASE("a router that was restarted adopts the first number it sees", "[router]") {
  Clients clients(10);
  CHECK(clients.arrive(501));
  const AsyncNews news = clients.news();
  CHECK(news.notices.empty());
  CHECK(news.credit == 510);
}

TEST_CASE("more credit is announced in quarters, and at the end of what is in flight", "[router]") {
  Clients clients(8);
  for (std::uint64_t number = 1; number <= 8; ++number) CHECK(clients.arrive(number));
  CHECK(clients.news().credit == 8);
  clients.table.done(1, 1, std::nullopt);
  CHECK_FALSE(clients.news().credit);
  clients.table.done(1, 2, std::nullopt);
  CHECK(clients.news().credit == 10);
  for (std::uint64_t number = 3; number <= 8; ++number) clients.table.done(1, number, std::nullopt);
  CHECK(clients.news().credit == 16);
}

TEST_CASE("a client beyond its credit loses requests and is told which, in one range", "[router]") {
  Clients clients(2);
  for (std::uint64_t number = 1; number <= 5; ++number) CHECK(clients.arrive(number) == (number <= 2));
  CHECK(clients.news().notices == std::vector<AsyncNotice>{{3, 5, Reason::overloaded}});
  CHECK(clients.table.lost() == 3);
}

TEST_CASE("numbers that never arrived are told, and a number comes once only", "[router]") {
  Clients clients(10);
  CHECK(clients.arrive(1));
  CHECK(clients.arrive(5));
  CHECK_FALSE(clients.arrive(3));
  CHECK_FALSE(clients.arrive(5));
  CHECK(clients.news().notices == std::vector<AsyncNotice>{{2, 4, Reason::overloaded},
                                                           {3, 3, Reason::invalid_argument},
                                                           {5, 5, Reason::invalid_argument}});
}

TEST_CASE("an end without success is told with its reason", "[router]") {
  Clients clients(10);
  CHECK(clients.arrive(1));
  clients.news();
  clients.table.done(1, 1, Reason::shard_restarted);
  CHECK(clients.news().notices == std::vector<AsyncNotice>{{1, 1, Reason::shard_restarted}});
}

TEST_CASE("one who asks is answered, 0 if he is not known", "[router]") {
  Clients clients(10);
  clients.table.ask(9, clients.from, clients.clock.monotonic());
  CHECK(clients.news().credit == 0);
  CHECK(clients.arrive(1, 9));
  CHECK(clients.news().credit == 10);
  clients.table.ask(9, clients.from, clients.clock.monotonic());
  CHECK(clients.news().credit == 10);
}

TEST_CASE("nothing is told to a client that speaks in delimited messages", "[router]") {
  Clients clients(1);
  clients.from.envelope = 0;
  CHECK(clients.arrive(1));
  CHECK_FALSE(clients.arrive(2));
  const AsyncNews news = clients.news();
  CHECK(news.notices.empty());
  CHECK_FALSE(news.credit);
  CHECK(clients.table.lost() == 1);
}

TEST_CASE("the table is bounded: idle clients make room, busy ones do not", "[router]") {
  Clients clients(10, 2);
  CHECK(clients.arrive(1, 1));
  CHECK(clients.arrive(1, 2));
  std::vector<AsyncNews> all;
  clients.table.take_news(all);
  CHECK_FALSE(clients.arrive(1, 3));
  clients.table.done(1, 1, std::nullopt);
  clients.table.take_news(all);
  CHECK(clients.arrive(1, 3));
  CHECK(clients.table.size() == 2);
}

TEST_CASE("clients that are silent for long are forgotten", "[router]") {
  Clients clients(10);
  CHECK(clients.arrive(1));
  clients.news();
  clients.clock.advance(1h);
  clients.table.sweep(clients.clock.monotonic(), 1min);
  CHECK(clients.table.size() == 1);  // it has one in flight
  clients.table.done(1, 1, std::nullopt);
  clients.news();
  clients.table.sweep(clients.clock.monotonic(), 1min);
  CHECK(clients.table.size() == 0);
}
