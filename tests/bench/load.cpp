// Loads a running cluster as an application would, through the client library: `spex-load --endpoint E …`.
// Creates instances of a specification with a closed model, then keeps a fixed number of transitions in
// flight, each of a random instance that has none under way, and prints one JSON line: rate, percentiles.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "clients/cpp/client.h"

namespace {

using spex::client::Answer;
using spex::client::Client;
using Clock = std::chrono::steady_clock;

constexpr int kStates = 6;

struct Options {
  std::string endpoint;
  std::uint64_t instances = 100'000;
  std::vector<std::size_t> windows = {1, 64, 1024};
  double seconds = 3;
  double warmup = 0.5;
  std::uint64_t events = 0;  // fire-and-forget: this many, instead of seconds
  bool keys = false;
  std::string prefix;  // of the identifiers; default: another one each time
  std::uint64_t seed = 1;
  double every = 0;  // seconds; a line of its own for each such part of a measurement
};

[[noreturn]] void usage(const char* problem) {
  std::fprintf(
      stderr,
      "spex-load: %s\nusage: spex-load --endpoint E [--instances N] [--windows W,W,…] [--seconds S] [--warmup S]\n"
      "                 [--keys 0|1] [--prefix P] [--fire-and-forget EVENTS] [--seed N]\n"
      "                 [--every S]\n",
      problem);
  std::exit(2);
}

std::vector<std::size_t> numbers(const std::string& text) {
  std::vector<std::size_t> result;
  for (std::istringstream in(text); in.good();) {
    std::string number;
    std::getline(in, number, ',');
    result.push_back(std::stoull(number));
  }
  return result;
}

Options parse(int argc, char** argv) {
  if (argc % 2 == 0) usage("an option lacks its value");
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--endpoint") {
      options.endpoint = value;
    } else if (name == "--instances") {
      options.instances = std::stoull(value);
    } else if (name == "--windows") {
      options.windows = numbers(value);
    } else if (name == "--seconds") {
      options.seconds = std::stod(value);
    } else if (name == "--warmup") {
      options.warmup = std::stod(value);
    } else if (name == "--keys") {
      options.keys = value == "1";
    } else if (name == "--prefix") {
      options.prefix = value;
    } else if (name == "--fire-and-forget") {
      options.events = std::stoull(value);
    } else if (name == "--every") {
      options.every = std::stod(value);
    } else if (name == "--seed") {
      options.seed = std::stoull(value);
    } else {
      usage(("unknown option " + std::string(name)).c_str());
    }
  }
  if (options.endpoint.empty()) usage("--endpoint is missing");
  for (const std::size_t window : options.windows) {
    if (window == 0 || window > options.instances) usage("a window is from 1 to the number of instances");
  }
  return options;
}

template <std::size_t kCount>
std::array<std::string, kCount> numbered(std::string_view name) {
  std::array<std::string, kCount> result;
  for (std::size_t n = 0; n < kCount; ++n) result[n] = std::string(name) + std::to_string(n);
  return result;
}

const std::string& state(int n) {
  static const auto kNames = numbered<kStates>("state_");
  return kNames[static_cast<std::size_t>(n)];
}
int next_of(int state) { return (state + 1) % kStates; }
const std::string& action(int n) {
  static const auto kNames = numbered<kStates>("step_");
  return kNames[static_cast<std::size_t>(n)];
}

// A ring: step_0 leads from state_0 to state_1, the last step back to the first state.
std::string ring_transitions() {
  std::string text;
  for (int n = 0; n < kStates; ++n) text += state(n) + " --[" + action(n) + "]-> " + state(next_of(n)) + "\n";
  return text;
}

class Load {
 public:
  explicit Load(const Options& options)
      : options_(options),
        client_(client_options(options)),
        random_(options.seed),
        at_(options.instances, 0),
        busy_(options.instances, false) {}

  int run();

 private:
  static spex::client::ClientOptions client_options(const Options& options) {
    spex::client::ClientOptions result;
    result.endpoint = options.endpoint;
    result.keys = options.keys;
    return result;
  }
  // Which transition, and when it was submitted.
  struct Started {
    std::uint32_t instance;
    std::uint32_t at;
  };
  // Since the beginning; goes round after 71 minutes, as differences of it do not.
  std::uint32_t microseconds() const {
    return static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begun_).count());
  }
  void answered(Started started, const Answer& answer);
  spex::protocol::Value id(std::uint64_t n) const { return options_.prefix + std::to_string(n); }

  void define();
  void create();
  void submit();
  void measure(std::size_t window);
  void step(std::size_t window);
  void fire_and_forget();
  void report(std::size_t window, double seconds);
  // A line for what came since the last one: when it ends, and the same percentiles.
  void report_part(double begun, double ended, std::size_t from);

  Options options_;
  Client client_;
  std::mt19937_64 random_;
  std::vector<std::uint8_t> at_;
  std::vector<bool> busy_;
  std::vector<std::uint32_t> latencies_;  // microseconds
  const Clock::time_point begun_ = Clock::now();
  std::uint32_t submitted_at_ = 0;            // of what one turn submits
  std::optional<std::uint32_t> answered_at_;  // of what one turn brings
  bool measuring_ = false;
  std::uint64_t answered_ = 0;
  std::uint64_t failed_ = 0;
  std::string first_failure_;
};

void Load::define() {
  using spex::protocol::Operation;
  const Answer spec = client_.call(spex::client::with_text(
      Operation::define_specification,
      "Specification: ring\nInitial state: " + state(0) + "\nTransitions:\n" + ring_transitions()));
  const Answer model = client_.call(
      spex::client::with_text(Operation::import_impl_model,
                              "Specification: ring\nLearning mode: false\nTransitions:\nnil --[__initialisation__]-> " +
                                  state(0) + "\n" + ring_transitions()));
  for (const Answer& answer : {spec, model}) {
    if (answer.ok) continue;
    std::fprintf(stderr, "spex-load: %s\n", answer.to_text().c_str());
    std::exit(1);
  }
}

void Load::create() {
  for (std::uint64_t n = 0; n < options_.instances; ++n) {
    client_.submit(spex::client::init_instance("ring", id(n)), [this](const Answer& answer) {
      if (answer.ok) return;
      ++failed_;
      if (first_failure_.empty())
        first_failure_ = answer.to_text() + " (attempts: " + std::to_string(answer.attempts) + ")";
    });
    while (client_.outstanding() >= 4096) client_.poll(std::chrono::milliseconds(100));
  }
  client_.wait_all();
}

void Load::submit() {
  std::uint64_t n = random_() % options_.instances;
  while (busy_[n]) n = (n + 1) % options_.instances;
  busy_[n] = true;
  const int from = at_[n];
  // No more than what a std::function holds without memory of its own.
  const Started started{static_cast<std::uint32_t>(n), submitted_at_};
  client_.submit(spex::client::transition(id(n), action(from), state(next_of(from))),
                 [this, started](const Answer& answer) { answered(started, answer); });
}

void Load::answered(Started started, const Answer& answer) {
  busy_[started.instance] = false;
  if (answer.ok) {
    at_[started.instance] = static_cast<std::uint8_t>(next_of(at_[started.instance]));
  } else {
    ++failed_;
    if (first_failure_.empty())
      first_failure_ = answer.to_text() + " (attempts: " + std::to_string(answer.attempts) + ")";
  }
  if (!measuring_) return;
  ++answered_;
  if (!answered_at_) answered_at_ = microseconds();
  latencies_.push_back(*answered_at_ - started.at);
}

void Load::step(std::size_t window) {
  submitted_at_ = microseconds();
  while (client_.outstanding() < window) submit();
  answered_at_.reset();
  client_.poll(std::chrono::milliseconds(100));
}

void Load::fire_and_forget() {
  const auto begun = Clock::now();
  for (std::uint64_t sent = 0; sent < options_.events; ++sent) {
    const std::uint64_t n = sent % options_.instances;
    const int from = at_[n];
    at_[n] = static_cast<std::uint8_t>(next_of(from));
    client_.submit(spex::client::transition_async(id(n), action(from), state(at_[n])), [this](const Answer& answer) {
      if (!answer.ok) ++failed_;
    });
    while (client_.outstanding() >= 4096) client_.poll(std::chrono::milliseconds(100));
  }
  client_.wait_all();
  // Taken in order per instance: when a confirmed request of each shard is answered, all before it are done.
  for (std::uint64_t n = 0; n < std::min<std::uint64_t>(options_.instances, 64); ++n) {
    client_.submit(spex::client::get_instance(id(n), 1), [](Answer&) {});
  }
  client_.wait_all();
  answered_ = options_.events;
  failed_ += client_.statistics().async_refused;
  report(0, std::chrono::duration<double>(Clock::now() - begun).count());
}

void Load::report(std::size_t window, double seconds) {
  std::sort(latencies_.begin(), latencies_.end());
  const auto percentile = [this](double p) {
    if (latencies_.empty()) return 0u;
    return latencies_[std::min(latencies_.size() - 1,
                               static_cast<std::size_t>(p * static_cast<double>(latencies_.size())))];
  };
  std::printf(
      "{\"rate\": %.0f, \"operations\": %llu, \"seconds\": %.3f, \"window\": %zu, \"instances\": %llu, \"keys\": %s, "
      "\"p50_us\": %u, \"p99_us\": %u, \"p999_us\": %u, \"max_us\": %u, \"failed\": %llu}\n",
      static_cast<double>(answered_) / seconds, static_cast<unsigned long long>(answered_), seconds, window,
      static_cast<unsigned long long>(options_.instances), options_.keys ? "true" : "false", percentile(0.5),
      percentile(0.99), percentile(0.999), latencies_.empty() ? 0u : latencies_.back(),
      static_cast<unsigned long long>(failed_));
}

void Load::report_part(double begun, double ended, std::size_t from) {
  std::vector<std::uint32_t> part(latencies_.begin() + static_cast<std::ptrdiff_t>(from), latencies_.end());
  if (part.empty()) part.push_back(0);
  const auto most = part.size() - 1;
  std::sort(part.begin(), part.end());
  std::printf("{\"at\": %.2f, \"rate\": %.0f, \"p50_us\": %u, \"p99_us\": %u, \"max_us\": %u}\n", ended,
              static_cast<double>(latencies_.size() - from) / (ended - begun), part[most / 2], part[most * 99 / 100],
              part[most]);
}

void Load::measure(std::size_t window) {
  const auto warm = Clock::now() + std::chrono::duration<double>(options_.warmup);
  while (Clock::now() < warm) step(window);
  measuring_ = true;
  answered_ = 0;
  latencies_.clear();
  const auto begun = Clock::now();
  double part_begun = 0;
  std::size_t part_from = 0;
  for (double now = 0; now < options_.seconds;) {
    step(window);
    now = std::chrono::duration<double>(Clock::now() - begun).count();
    if (options_.every <= 0 || now - part_begun < options_.every) continue;
    report_part(part_begun, now, part_from);
    part_begun = now;
    part_from = latencies_.size();
  }
  report(window, std::chrono::duration<double>(Clock::now() - begun).count());
  measuring_ = false;
  client_.wait_all();
}

int Load::run() {
  if (options_.prefix.empty()) options_.prefix = std::to_string(client_.id() % 1'000'000) + "-";
  define();
  create();
  if (options_.events > 0) {
    fire_and_forget();
  } else {
    for (const std::size_t window : options_.windows) measure(window);
  }
  if (failed_ > 0) {
    std::fprintf(stderr, "spex-load: %llu failed, the first: %s\n", static_cast<unsigned long long>(failed_),
                 first_failure_.c_str());
  }
  return failed_ > 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) { return Load(parse(argc, argv)).run(); }
