#include "protocol/backend.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace spex::protocol;

TEST_CASE("hello and ready are read back, other frames are not", "[backend]") {
  CHECK(decode_hello(encode(BackendHello{42}))->router_incarnation == 42);
  const auto ready = decode_ready(encode(BackendReady{3, 7, 1234}));
  REQUIRE(ready);
  CHECK(ready->shard == 3);
  CHECK(ready->incarnation == 7);
  CHECK(ready->pid == 1234);
  CHECK_FALSE(decode_hello(encode(BackendReady{})));
  CHECK_FALSE(decode_ready(encode(BackendHello{})));
  CHECK_FALSE(decode_hello(encode(BackendHello{}) + "x"));
  CHECK(backend_kind(encode(BackendHello{})) == BackendKind::hello);
  CHECK(backend_kind(encode_last()) == BackendKind::last);
  CHECK_FALSE(backend_kind(""));
  CHECK_FALSE(backend_kind("\x09"));
}

TEST_CASE("requests and replies are read back in order", "[backend]") {
  std::string frame;
  begin_requests(frame);
  append(frame, BackendRequest{1, 99, 0, 0, "request", ""});
  append(frame, BackendRequest{2, 0, 2, 1, "", "gathered"});
  BackendRequestReader requests(frame);
  const auto first = requests.next();
  REQUIRE(first);
  CHECK(first->token == 1);
  CHECK(first->client == 99);
  CHECK(first->request == "request");
  const auto second = requests.next();
  REQUIRE(second);
  CHECK(second->round == 2);
  CHECK(second->flags == 1);
  CHECK(second->gathered == "gathered");
  CHECK_FALSE(requests.next());
  CHECK_FALSE(requests.damaged());

  begin_replies(frame);
  append(frame, BackendReply{5, "reply"});
  BackendReplyReader replies(frame);
  const auto reply = replies.next();
  REQUIRE(reply);
  CHECK(reply->token == 5);
  CHECK(reply->reply == "reply");
  CHECK_FALSE(replies.next());
  CHECK_FALSE(replies.damaged());
}

TEST_CASE("a frame cut anywhere inside an entry is damaged", "[backend]") {
  std::string frame;
  begin_requests(frame);
  append(frame, BackendRequest{1, 2, 0, 0, "abc", "de"});
  for (std::size_t length = 2; length < frame.size(); ++length) {
    BackendRequestReader reader(std::string_view(frame).substr(0, length));
    CHECK_FALSE(reader.next());
    CHECK(reader.damaged());
  }
  begin_replies(frame);
  append(frame, BackendReply{1, "abc"});
  for (std::size_t length = 2; length < frame.size(); ++length) {
    BackendReplyReader reader(std::string_view(frame).substr(0, length));
    CHECK_FALSE(reader.next());
    CHECK(reader.damaged());
  }
  CHECK(BackendRequestReader(frame).damaged());  // a frame of another kind
}
