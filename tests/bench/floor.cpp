// The floors that spexd is compared with: `spex-floor --store none|log …`. The same transport and the same
// number of processes as the cluster (client, relay, shards), and nothing else: no identifiers, models,
// clocks, errors. With `none` a shard answers at once, which is the transport alone. With `log` it writes
// all requests of a turn as one row, commits with full durability, then answers: the least that SQLite
// can be asked to make durable. Prints the JSON lines of spex-load.
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "base/clock.h"
#include "store/sqlite.h"
#include "transport/reactor.h"
#include "transport/socket.h"

namespace {

using namespace spex;
using transport::Message;
using transport::Socket;
using transport::SocketType;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kRequestBytes = 120;  // token, instance, what a real request has besides
constexpr std::size_t kReplyBytes = 16;
constexpr std::size_t kBatchMax = 1024;
constexpr std::uint32_t kCheckpointFrames = 2000;

struct Options {
  std::string directory = ".";
  std::uint32_t shards = 4;
  bool log = false;
  bool full = true;
  double seconds = 3;
  double warmup = 0.5;
  std::vector<std::size_t> windows = {1, 64, 1024};
};

[[noreturn]] void usage(const std::string& problem) {
  std::fprintf(
      stderr,
      "spex-floor: %s\nusage: spex-floor [--store none|log] [--durability full|process] [--shards N] [--dir D]\n"
      "                  [--seconds S] [--warmup S] [--windows W,W,…]\n",
      problem.c_str());
  std::exit(2);
}

Options parse(int argc, char** argv) {
  if (argc % 2 == 0) usage("an option lacks its value");
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--store") {
      options.log = value == "log";
    } else if (name == "--durability") {
      options.full = value == "full";
    } else if (name == "--shards") {
      options.shards = static_cast<std::uint32_t>(std::stoul(value));
    } else if (name == "--dir") {
      options.directory = value;
    } else if (name == "--seconds") {
      options.seconds = std::stod(value);
    } else if (name == "--warmup") {
      options.warmup = std::stod(value);
    } else if (name == "--windows") {
      options.windows.clear();
      std::istringstream in(value);
      for (std::string number; std::getline(in, number, ',');) options.windows.push_back(std::stoull(number));
    } else {
      usage("unknown option " + std::string(name));
    }
  }
  return options;
}

template <typename T>
T checked(base::Result<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "spex-floor: %s\n", base::to_string(result.error()).c_str());
    std::exit(1);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

std::uint64_t word_at(std::string_view bytes, std::size_t at) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data() + at, sizeof word);
  return word;
}

void append_word(std::string& out, std::uint64_t word) {
  out.append(reinterpret_cast<const char*>(&word), sizeof word);
}

// ---- Shard ------------------------------------------------------------------

class Shard {
 public:
  Shard(const Options& options, std::uint32_t number)
      : options_(options), reactor_(clock_), socket_(checked(Socket::open(context_, SocketType::router))) {
    if (options.log) open(options.directory + "/floor_" + std::to_string(number) + ".sqlite");
    checked(socket_.bind("ipc://" + options.directory + "/shard_" + std::to_string(number) + ".s"));
    reactor_.add(socket_, [this] { return receive(); });
  }

  [[noreturn]] void run() {
    for (;;) {
      reactor_.run_once(std::chrono::seconds(1));
      if (requests_.empty()) continue;
      if (options_.log) commit();
      const std::string_view frames[] = {relay_, replies_};
      SPEX_ASSERT(socket_.send(frames) == transport::SendOutcome::sent);
      requests_.clear();
      replies_.clear();
    }
  }

 private:
  void open(const std::string& path) {
    database_ = checked(store::Database::open(path, store::Database::Access::create));
    checked(database_.run("PRAGMA journal_mode=WAL"));
    checked(database_.run("PRAGMA locking_mode=EXCLUSIVE"));
    checked(database_.run(options_.full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL"));
    checked(database_.run("CREATE TABLE log (at INTEGER PRIMARY KEY, batch BLOB)"));
    insert_ = checked(store::Statement::prepare(database_, "INSERT INTO log (batch) VALUES (?)"));
  }

  bool receive() {
    bool received = false;
    while (replies_.size() < kBatchMax * kReplyBytes && socket_.receive(message_)) {
      received = true;
      relay_ = std::string(message_.frame(0));
      const std::string_view frame = message_.frame(1);
      for (std::size_t at = 0; at + kRequestBytes <= frame.size(); at += kRequestBytes) {
        // What a transition amounts to in the file: instance, action, state, time.
        append_word(requests_, word_at(frame, at + 8));
        append_word(requests_, word_at(frame, at + 16));
        append_word(requests_, word_at(frame, at + 24));
        append_word(replies_, word_at(frame, at));
        append_word(replies_, 0);
      }
    }
    return received;
  }

  void commit() {
    insert_.bind(1, std::string_view(requests_));
    checked(insert_.execute());
    if (database_.wal_frames() > kCheckpointFrames) checked(database_.checkpoint());
  }

  const Options& options_;
  base::SystemClock clock_;
  transport::Context context_;
  transport::Reactor reactor_;
  Socket socket_;
  Message message_;
  store::Database database_;
  store::Statement insert_;
  std::string relay_, requests_, replies_;
};

// ---- Relay ------------------------------------------------------------------

// Packs what one turn brought into one message per shard, and one to the client.
[[noreturn]] void relay(const Options& options) {
  base::SystemClock clock;
  transport::Context context;
  transport::Reactor reactor(clock);
  Socket front = checked(Socket::open(context, SocketType::router));
  std::vector<Socket> back;
  back.reserve(options.shards);
  std::vector<std::string> out(options.shards);
  std::string replies, client;
  Message message;
  for (std::uint32_t n = 0; n < options.shards; ++n) {
    back.push_back(checked(Socket::open(context, SocketType::dealer)));
    checked(back[n].connect("ipc://" + options.directory + "/shard_" + std::to_string(n) + ".s"));
    reactor.add(back[n], [&, n] {
      bool received = false;
      for (; back[n].receive(message); received = true) replies.append(message.frame(0));
      return received;
    });
  }
  checked(front.bind("ipc://" + options.directory + "/front.s"));
  reactor.add(front, [&] {
    bool received = false;
    for (; front.receive(message); received = true) {
      client = std::string(message.frame(0));
      const std::string_view frame = message.frame(1);
      for (std::size_t at = 0; at + kRequestBytes <= frame.size(); at += kRequestBytes) {
        out[word_at(frame, at + 8) % options.shards].append(frame.substr(at, kRequestBytes));
      }
    }
    return received;
  });
  for (;;) {
    reactor.run_once(std::chrono::seconds(1));
    for (std::uint32_t n = 0; n < options.shards; ++n) {
      if (!out[n].empty() && back[n].send(out[n]) == transport::SendOutcome::sent) out[n].clear();
    }
    if (replies.empty()) continue;
    const std::string_view frames[] = {client, replies};
    if (front.send(frames) == transport::SendOutcome::sent) replies.clear();
  }
}

// ---- Client -----------------------------------------------------------------

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options), reactor_(clock_), socket_(checked(Socket::open(context_, SocketType::dealer))) {
    checked(socket_.connect("ipc://" + options.directory + "/front.s"));
    reactor_.add(socket_, [this] { return receive(); });
  }

  void run(std::size_t window) {
    measure(window, options_.warmup);
    latencies_.clear();
    const double seconds = measure(window, options_.seconds);
    std::sort(latencies_.begin(), latencies_.end());
    const auto percentile = [this](double p) {
      return latencies_.empty() ? 0u
                                : latencies_[static_cast<std::size_t>(p * static_cast<double>(latencies_.size() - 1))];
    };
    std::printf(
        "{\"rate\": %.0f, \"operations\": %zu, \"seconds\": %.3f, \"window\": %zu, \"p50_us\": %u, \"p99_us\": %u, "
        "\"max_us\": %u}\n",
        static_cast<double>(latencies_.size()) / seconds, latencies_.size(), seconds, window, percentile(0.5),
        percentile(0.99), percentile(1));
    while (in_flight_ > 0) reactor_.run_once(std::chrono::seconds(1));
  }

 private:
  double measure(std::size_t window, double seconds) {
    const auto begun = Clock::now();
    const auto end = begun + std::chrono::duration<double>(seconds);
    while (Clock::now() < end) {
      std::string message;
      for (; in_flight_ < window; ++in_flight_) {
        append_word(message, static_cast<std::uint64_t>(Clock::now().time_since_epoch().count()));
        append_word(message, random_());
        message.append(kRequestBytes - 16, 'x');
      }
      if (!message.empty()) SPEX_ASSERT(socket_.send(message) == transport::SendOutcome::sent);
      reactor_.run_once(std::chrono::seconds(1));
    }
    return std::chrono::duration<double>(Clock::now() - begun).count();
  }

  bool receive() {
    bool received = false;
    while (socket_.receive(message_)) {
      received = true;
      const std::string_view frame = message_.frame(0);
      for (std::size_t at = 0; at + kReplyBytes <= frame.size(); at += kReplyBytes) {
        const auto now = static_cast<std::uint64_t>(Clock::now().time_since_epoch().count());
        latencies_.push_back(static_cast<std::uint32_t>((now - word_at(frame, at)) / 1000));
        --in_flight_;
      }
    }
    return received;
  }

  const Options& options_;
  base::SystemClock clock_;
  transport::Context context_;
  transport::Reactor reactor_;
  Socket socket_;
  Message message_;
  std::mt19937_64 random_{1};
  std::size_t in_flight_ = 0;
  std::vector<std::uint32_t> latencies_;  // microseconds
};

pid_t start(const std::function<void()>& run) {
  const pid_t parent = getpid();
  const pid_t pid = fork();
  SPEX_ASSERT(pid >= 0);
  if (pid > 0) return pid;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(1);
  run();
  _exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  Options options = parse(argc, argv);
  std::string scratch = options.directory + "/floor.XXXXXX";
  if (mkdtemp(scratch.data()) == nullptr) usage("cannot create a directory in " + options.directory);
  options.directory = scratch;
  std::vector<pid_t> children;
  for (std::uint32_t n = 0; n < options.shards; ++n) {
    children.push_back(start([&] { Shard(options, n).run(); }));
  }
  children.push_back(start([&] { relay(options); }));
  {
    Load load(options);
    for (const std::size_t window : options.windows) load.run(window);
  }
  for (const pid_t child : children) kill(child, SIGKILL);
  for (const pid_t child : children) waitpid(child, nullptr, 0);
  std::filesystem::remove_all(scratch);
  return 0;
}
