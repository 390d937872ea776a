#include "transport/reactor.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "base/unique_fd.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"

using namespace spex::transport;
using namespace std::chrono_literals;
using spex::base::SystemClock;
using spex::base::UniqueFd;
using spex::test::FakeClock;
using spex::test::TempDir;

namespace {

template <typename Condition>
bool run_until(Reactor& reactor, Condition condition, int turns_max = 100'000) {
  const auto end = std::chrono::steady_clock::now() + 10s;
  for (int turn = 0; turn < turns_max && std::chrono::steady_clock::now() < end; ++turn) {
    if (condition()) return true;
    reactor.run_once(10ms);
  }
  return condition();
}

struct Pipe {
  UniqueFd read_end, write_end;
  Pipe() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
};

}  // namespace

TEST_CASE("timers run in order of their time, once, and not when cancelled", "[transport]") {
  FakeClock clock;
  Reactor reactor(clock);
  std::string ran;
  reactor.run_after(20ms, [&] { ran += 'b'; });
  reactor.run_after(10ms, [&] { ran += 'a'; });
  const TimerId cancelled = reactor.run_after(15ms, [&] { ran += 'x'; });
  reactor.cancel(cancelled);
  reactor.run_once(0ns);
  CHECK(ran.empty());
  clock.advance(10ms);
  CHECK(reactor.run_once(0ns));
  CHECK(ran == "a");
  clock.advance(1h);
  reactor.run_once(0ns);
  reactor.run_once(0ns);
  CHECK(ran == "ab");
}

TEST_CASE("a timer that sets itself anew for now does not hold up the turn", "[transport]") {
  FakeClock clock;
  Reactor reactor(clock);
  int ran = 0;
  std::function<void()> again = [&] {
    ++ran;
    reactor.run_after(0ns, again);
  };
  reactor.run_after(0ns, again);
  reactor.run_once(0ns);
  CHECK(ran == 1);
  reactor.run_once(0ns);
  CHECK(ran == 2);
}

TEST_CASE("a descriptor is told of its events, and a callback may remove itself", "[transport]") {
  SystemClock clock;
  Reactor reactor(clock);
  Pipe pipe;
  int told = 0;
  reactor.add_fd(pipe.read_end.get(), POLLIN, [&](short events) {
    CHECK((events & POLLIN) != 0);
    ++told;
    reactor.remove_fd(pipe.read_end.get());
  });
  reactor.run_once(0ns);
  CHECK(told == 0);
  REQUIRE(::write(pipe.write_end.get(), "x", 1) == 1);
  REQUIRE(run_until(reactor, [&] { return told == 1; }));
  reactor.run_once(0ns);
  CHECK(told == 1);
}

TEST_CASE("a callback that removes another one of the same turn is obeyed", "[transport]") {
  SystemClock clock;
  Reactor reactor(clock);
  Pipe first, second;
  int told = 0;
  const auto remove_both = [&](short) {
    ++told;
    reactor.remove_fd(first.read_end.get());
    reactor.remove_fd(second.read_end.get());
  };
  reactor.add_fd(first.read_end.get(), POLLIN, remove_both);
  reactor.add_fd(second.read_end.get(), POLLIN, remove_both);
  REQUIRE(::write(first.write_end.get(), "x", 1) == 1);
  REQUIRE(::write(second.write_end.get(), "x", 1) == 1);
  REQUIRE(run_until(reactor, [&] { return told > 0; }));
  reactor.run_once(0ns);
  CHECK(told == 1);
}

TEST_CASE("what another thread posts runs in the reactor's thread and wakes it", "[transport]") {
  SystemClock clock;
  Reactor reactor(clock);
  int ran = 0;
  std::thread::id ran_in;
  std::thread helper([&] {
    for (int i = 0; i < 100; ++i) {
      reactor.post([&] {
        ++ran;
        ran_in = std::this_thread::get_id();
      });
    }
  });
  const auto start = std::chrono::steady_clock::now();
  for (int turn = 0; turn < 1000 && ran < 100; ++turn) reactor.run_once(60s);
  helper.join();
  CHECK(ran == 100);
  CHECK(ran_in == std::this_thread::get_id());
  CHECK(std::chrono::steady_clock::now() - start < 30s);
}

// The descriptor of a ZeroMQ socket is edge-triggered: reading one of two
// waiting messages, or sending, silences it. Thousands of round trips in random
// bursts hang within the limit if the reactor misses one.
TEST_CASE("no message is overlooked, whatever is read and sent in between", "[transport]") {
  const unsigned drain = GENERATE(1u, 3u, 1000u);
  TempDir dir;
  SystemClock clock;
  Context context;
  Socket server = *Socket::open(context, SocketType::router);
  Socket client = *Socket::open(context, SocketType::dealer);
  REQUIRE(server.bind("ipc://" + dir.file("s")).ok());
  REQUIRE(client.connect("ipc://" + dir.file("s")).ok());

  Reactor reactor(clock);
  Message message;
  std::size_t sent = 0, answered = 0;
  constexpr std::size_t kTotal = 5000;
  reactor.add(server, [&] {
    unsigned count = 0;
    for (; count < drain && server.receive(message); ++count) {
      const std::array<std::string_view, 2> reply{message.frame(0), message.frame(1)};
      REQUIRE(server.send(reply) == SendOutcome::sent);
    }
    return count > 0;
  });
  reactor.add(client, [&] {
    unsigned count = 0;
    for (; count < drain && client.receive(message); ++count) ++answered;
    while (sent < kTotal && sent < answered + 1 + answered % 7) {
      REQUIRE(client.send("x") == SendOutcome::sent);
      ++sent;
    }
    return count > 0;
  });
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t turn = 0; turn < 100 * kTotal && answered < kTotal; ++turn) reactor.run_once(5s);
  CHECK(answered == kTotal);
  // One overlooked message would have cost a wait of five seconds.
  CHECK(std::chrono::steady_clock::now() - start < 5s);
}

TEST_CASE("a socket that was full is told when there is room again", "[transport]") {
  TempDir dir;
  SystemClock clock;
  Context context;
  SocketOptions small;
  small.send_hwm = small.receive_hwm = 10;
  Socket server = *Socket::open(context, SocketType::router, small);
  Socket client = *Socket::open(context, SocketType::dealer, small);
  REQUIRE(server.bind("ipc://" + dir.file("s")).ok());
  REQUIRE(client.connect("ipc://" + dir.file("s")).ok());

  Reactor reactor(clock);
  constexpr std::size_t kTotal = 2000;
  const std::string large(10'000, 'x');
  std::size_t sent = 0, received = 0, full = 0;
  reactor.add(client, [&] {
    const std::size_t before = sent;
    while (sent < kTotal && client.send(large) == SendOutcome::sent) ++sent;
    if (sent < kTotal) ++full;
    Message ignored;
    client.receive(ignored);
    return sent > before;
  });
  Message message;
  // Reads only when the client is stuck, so that it really meets a full queue.
  REQUIRE(run_until(reactor, [&] { return full > 0; }));
  reactor.add(server, [&] {
    const std::size_t before = received;
    while (server.receive(message)) ++received;
    return received > before;
  });
  REQUIRE(run_until(reactor, [&] { return received == kTotal; }));
}
