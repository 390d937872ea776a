#include "transport/socket.h"

#include <poll.h>

#include <array>
#include <catch2/catch.hpp>

#include "tests/support/temp_dir.h"

using namespace spex::transport;
using spex::test::TempDir;

namespace {

// Waits on the descriptor of the socket, as the reactor does, for at most five seconds.
bool receive_soon(Socket& socket, Message& message) {
  for (int turn = 0; turn < 500; ++turn) {
    if (socket.receive(message)) return true;
    pollfd polled{socket.fd(), POLLIN, 0};
    ::poll(&polled, 1, 10);
  }
  return false;
}

std::string ipc(const TempDir& dir) { return "ipc://" + dir.file("s"); }

}  // namespace

TEST_CASE("a message of several frames travels both ways over ipc", "[transport]") {
  TempDir dir;
  Context context;
  Socket router = *Socket::open(context, SocketType::router);
  Socket dealer = *Socket::open(context, SocketType::dealer);
  REQUIRE(router.bind(ipc(dir)).ok());
  REQUIRE(dealer.connect(ipc(dir)).ok());
  const std::array<std::string_view, 3> frames{"", "question", std::string_view("\0\1", 2)};
  REQUIRE(dealer.send(frames) == SendOutcome::sent);
  Message message;
  REQUIRE(receive_soon(router, message));
  REQUIRE(message.size() == 4);
  CHECK(message.frame(1).empty());
  CHECK(message.frame(2) == "question");
  CHECK(message.frame(3) == std::string_view("\0\1", 2));
  const std::array<std::string_view, 2> answer{message.frame(0), "answer"};
  REQUIRE(router.send(answer) == SendOutcome::sent);
  REQUIRE(receive_soon(dealer, message));
  CHECK(message.size() == 1);
  CHECK(message.frame(0) == "answer");
}

TEST_CASE("frames beyond the limit are dropped and the next message is whole", "[transport]") {
  TempDir dir;
  Context context;
  Socket router = *Socket::open(context, SocketType::router);
  Socket dealer = *Socket::open(context, SocketType::dealer);
  REQUIRE(router.bind(ipc(dir)).ok());
  REQUIRE(dealer.connect(ipc(dir)).ok());
  const std::vector<std::string_view> many(100, "x");
  REQUIRE(dealer.send(many) == SendOutcome::sent);
  REQUIRE(dealer.send("next") == SendOutcome::sent);
  Message message;
  REQUIRE(receive_soon(router, message));
  CHECK(message.size() == kFramesMax);
  CHECK(message.truncated());
  REQUIRE(receive_soon(router, message));
  CHECK(message.size() == 2);
  CHECK_FALSE(message.truncated());
  CHECK(message.frame(1) == "next");
}

TEST_CASE("sending never blocks: a full queue and an unknown peer are told apart", "[transport]") {
  TempDir dir;
  Context context;
  SocketOptions small;
  small.send_hwm = small.receive_hwm = 2;
  Socket router = *Socket::open(context, SocketType::router, small);
  REQUIRE(router.bind(ipc(dir)).ok());
  const std::array<std::string_view, 2> unknown{"nobody", "x"};
  CHECK(router.send(unknown) == SendOutcome::unreachable);

  // Nobody listens there, so the queue of the DEALER only fills.
  Socket dealer = *Socket::open(context, SocketType::dealer, small);
  REQUIRE(dealer.connect("ipc://" + dir.file("nobody")).ok());
  SendOutcome outcome = SendOutcome::sent;
  int taken = 0;
  while (taken < 100 && (outcome = dealer.send("x")) == SendOutcome::sent) ++taken;
  CHECK(outcome == SendOutcome::would_block);
  CHECK(taken >= 1);
  CHECK(taken <= 4);
}

TEST_CASE("with `immediate` nothing is queued for a peer that is not there", "[transport]") {
  TempDir dir;
  Context context;
  SocketOptions options;
  options.immediate = true;
  Socket dealer = *Socket::open(context, SocketType::dealer, options);
  REQUIRE(dealer.connect("ipc://" + dir.file("nobody")).ok());
  CHECK(dealer.send("x") == SendOutcome::would_block);
}

TEST_CASE("a bind or connect that fails names the endpoint", "[transport]") {
  Context context;
  Socket router = *Socket::open(context, SocketType::router);
  for (const std::string endpoint : {"ipc:///nowhere/at/all", "tcp://256.0.0.1:1", "nonsense", "ipc://"}) {
    const auto bound = router.bind(endpoint == "ipc://" ? endpoint + std::string(kIpcPathBytesMax + 1, 'x') : endpoint);
    REQUIRE_FALSE(bound.ok());
    CHECK(bound.error().message.find(endpoint) != std::string::npos);
  }
  CHECK_FALSE(router.connect("nonsense").ok());
}

TEST_CASE("an ipc path of the full length can be bound", "[transport]") {
  TempDir dir;
  Context context;
  Socket router = *Socket::open(context, SocketType::router);
  const std::string path = dir.path() + "/" + std::string(kIpcPathBytesMax - dir.path().size() - 1, 'x');
  REQUIRE(path.size() == kIpcPathBytesMax);
  CHECK(router.bind("ipc://" + path).ok());
}

TEST_CASE("a tcp port chosen by the system is told", "[transport]") {
  Context context;
  SocketOptions options;
  options.heartbeat = std::chrono::seconds(5);
  Socket router = *Socket::open(context, SocketType::router, options);
  REQUIRE(router.bind("tcp://127.0.0.1:*").ok());
  CHECK(router.last_endpoint().starts_with("tcp://127.0.0.1:"));
  CHECK(router.last_endpoint().find('*') == std::string::npos);
}

TEST_CASE("a frame over the limit costs the sender its connection and others nothing", "[transport]") {
  TempDir dir;
  Context context;
  SocketOptions limited;
  limited.message_bytes_max = 1000;
  Socket router = *Socket::open(context, SocketType::router, limited);
  REQUIRE(router.bind(ipc(dir)).ok());
  Socket rude = *Socket::open(context, SocketType::dealer);
  Socket polite = *Socket::open(context, SocketType::dealer);
  REQUIRE(rude.connect(ipc(dir)).ok());
  REQUIRE(polite.connect(ipc(dir)).ok());
  REQUIRE(rude.send(std::string(1001, 'x')) == SendOutcome::sent);
  REQUIRE(polite.send("hello") == SendOutcome::sent);
  Message message;
  REQUIRE(receive_soon(router, message));
  CHECK(message.frame(1) == "hello");
}
