#include "router/outgoing_queue.h"

#include <catch2/catch.hpp>

using namespace spex::router;
using spex::protocol::BackendRequest;
using spex::protocol::BackendRequestReader;

TEST_CASE("requests are packed into frames of bounded size, in order", "[router]") {
  OutgoingQueue queue;
  for (std::uint64_t token = 0; token < 2500; ++token) CHECK(queue.append({token, 0, 0, 0, "request", {}}) == token);
  CHECK(queue.requests() == 2500);
  std::uint64_t expected = 0;
  int frames = 0;
  for (; !queue.empty(); ++frames) {
    BackendRequestReader reader(queue.front());
    while (const auto request = reader.next()) CHECK(request->token == expected++);
    CHECK_FALSE(reader.damaged());
    CHECK_FALSE(queue.was_sent(expected - 1));
    queue.pop_sent();
    CHECK(queue.was_sent(expected - 1));
  }
  CHECK(expected == 2500);
  CHECK(frames == 3);
}

TEST_CASE("a large request does not share its frame with many others", "[router]") {
  OutgoingQueue queue;
  const std::string large(1u << 20, 'x');
  queue.append({1, 0, 0, 0, large, {}});
  queue.append({2, 0, 0, 0, "small", {}});
  CHECK(queue.front().size() < large.size() + 100);
  queue.pop_sent();
  CHECK_FALSE(queue.empty());
}

TEST_CASE("what was dropped is not sent, and places go on", "[router]") {
  OutgoingQueue queue;
  queue.append({1, 0, 0, 0, "a", {}});
  queue.drop();
  CHECK(queue.empty());
  CHECK(queue.requests() == 0);
  CHECK(queue.append({2, 0, 0, 0, "b", {}}) == 1);
  CHECK_FALSE(queue.was_sent(1));
}
