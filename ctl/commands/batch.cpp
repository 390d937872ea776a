#include <unistd.h>

#include <cstdio>

#include "ctl/batch_line.h"
#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/line_input.h"
#include "ctl/output.h"
#include "ctl/reply_queue.h"

namespace spex::ctl {
namespace {

// What may wait for an earlier reply before no more lines are read.
constexpr std::size_t kRepliesMax = 100'000;
constexpr std::size_t kReplyBytesMax = 64u << 20;

struct Batch {
  Batch(client::ClientOptions options, std::size_t window_size)
      : cluster(std::move(options)), window(window_size), input(STDIN_FILENO) {}

  int run();
  void take_lines();
  void take(const std::string& text);
  void write_replies();
  bool has_room() const {
    return cluster.outstanding() < window && replies.size() < kRepliesMax && replies.bytes() < kReplyBytesMax;
  }

  client::Client cluster;
  std::size_t window;
  LineInput input;
  ReplyQueue replies;
  std::uint64_t line_number = 0;
  bool is_watching = false;
  bool has_bad_line = false;
  bool is_unreachable = false;
  bool has_async = false;
};

void Batch::take(const std::string& text) {
  ++line_number;
  const std::uint64_t place = replies.add();
  const auto refuse = [&](const base::Error& error, const std::optional<protocol::Value>& ref) {
    has_bad_line = true;
    print_error("spexctl batch: line " + std::to_string(line_number) + ": " + error.message);
    replies.set(place, batch_refusal(error, ref));
  };
  std::optional<protocol::Value> ref;
  const auto line = parse_batch_line(text, ref);
  if (!line.ok()) return refuse(line.error(), ref);
  auto request = make_batch_request(*line, [this, place, op = line->op, ref](client::Answer& answer) {
    if (answer.origin == client::Origin::unreachable) is_unreachable = true;
    replies.set(place, batch_reply(op, answer, ref));
  });
  if (!request.ok()) return refuse(request.error(), ref);
  has_async = has_async || line->op.ends_with("_async");
  cluster.submit_paged(std::move(request->first), std::move(request->on_page));
}

void Batch::take_lines() {
  while (has_room()) {
    const auto line = input.next();
    if (!line) return;
    take(*line);
  }
}

void Batch::write_replies() {
  while (auto reply = replies.next()) print_line(*reply);
  std::fflush(stdout);
}

int Batch::run() {
  while (!is_unreachable) {
    take_lines();
    const bool wants_input = has_room() && !input.ended();
    if (wants_input != is_watching) {
      is_watching = wants_input;
      wants_input ? cluster.watch(STDIN_FILENO, [this] { input.fill(); }) : cluster.unwatch(STDIN_FILENO);
    }
    if (input.at_end() && cluster.outstanding() == 0) break;
    cluster.poll(std::chrono::seconds(1));
    if (!is_unreachable) write_replies();
  }
  if (is_unreachable) return status_of(ExitCode::unreachable);
  write_replies();
  // What was sent without a reply has reached the router when it answers something sent later.
  if (has_async) cluster.call(client::plain(protocol::Operation::ping));
  return status_of(has_bad_line ? ExitCode::usage : ExitCode::fine);
}

base::Result<int> run_batch(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(const std::uint64_t window, number_option(invocation, "window", 1));
  if (window == 0 || window > 100'000) {
    return base::fail(base::Reason::invalid_argument, "--window: it is 1 to 100000");
  }
  client::ClientOptions options;
  options.endpoint = invocation.endpoint;
  options.keys = invocation.line.has("keys");
  options.retry.repeat = options.keys;
  SPEX_TRY_ASSIGN(options.retry.give_up, duration_option(invocation, "give-up", "5m"));
  SPEX_TRY_ASSIGN(options.connect_timeout, duration_option(invocation, "connect-timeout", "10s"));
  if (options.keys) options.connect_timeout = options.retry.give_up;
  options.request_timeout = options.keys ? std::chrono::seconds(10) : std::chrono::seconds(30);
  options.on_notice = [](const client::Notice& notice) {
    print_error("spexctl batch: async requests " + std::to_string(notice.first) + " to " + std::to_string(notice.last) +
                ": " + notice.error.error_class + " " + notice.error.reason);
  };
  Batch batch(std::move(options), static_cast<std::size_t>(window));
  const int status = batch.run();
  if (batch.is_unreachable) {
    print_error("spexctl batch: no connection to " + invocation.endpoint +
                "; is spexd running, and is --endpoint right?");
  }
  return status;
}

}  // namespace

Verb batch_verb() {
  return {.name = "batch",
          .arguments = "[--window N] [--keys [--give-up D]] <REQUESTS >REPLIES",
          .summary = "Execute requests given as JSON lines; write one reply a line.",
          .text =
              "Replies come in the order of the requests. Lines with the same identifier take effect in order;\n"
              "a line over all shards waits for all earlier ones, and later ones wait for it.\n"
              "Exits 0 when every line was answered, 2 if a line was no request, 5 without a connection.\n\n"
              "Example:\n  echo '{\"op\":\"get_instance\",\"args\":{\"id\":\"o-1\"},\"ref\":1}' | spexctl batch\n",
          .options = {{.name = "window", .value_name = "N", .text = "Up to N lines without final answer (default 1)."},
                      {.name = "keys",
                       .value_name = "",
                       .text = "Give mutating lines a request key and repeat any line until it has a final answer."},
                      {.name = "give-up", .value_name = "D", .text = "How long a line is repeated (default 5m)."},
                      {.name = "connect-timeout",
                       .value_name = "D",
                       .text = "How long to wait for a connection (default 10s; with --keys: as --give-up)."}},
          .run = run_batch};
}

}  // namespace spex::ctl
