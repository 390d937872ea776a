#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/output.h"

namespace spex::ctl {
namespace {

using base::MonotonicTime;

// Bounded by the deadline, whatever happens to the endpoint meanwhile.
client::Answer ask_until(client::Client& cluster, client::Request request, MonotonicTime deadline, bool& in_time) {
  std::optional<client::Answer> answer;
  cluster.submit(std::move(request), [&](client::Answer& got) { answer = std::move(got); });
  while (!answer && base::SystemClock().monotonic() < deadline) {
    cluster.poll(std::chrono::milliseconds(100));
  }
  in_time = answer.has_value();
  return answer.value_or(client::Answer());
}

// Every shard is asked for something small that only a serving one answers.
std::string what_is_missing(client::Client& cluster, MonotonicTime deadline) {
  bool in_time = false;
  const auto map = ask_until(cluster, client::plain(protocol::Operation::shard_map), deadline, in_time);
  if (!in_time) return "the router does not answer";
  if (!map.ok || map.body.array() == nullptr || map.body.array()->empty()) return "router: " + map.to_text();
  const auto* factor = map.body.array()->front().integer();
  const auto shards = static_cast<std::uint32_t>(factor != nullptr ? *factor : 0);
  for (std::uint32_t shard = 1; shard <= shards; ++shard) {
    const auto answer = ask_until(cluster, client::read_events(shard, 0, 1), deadline, in_time);
    if (!in_time) return "shard " + std::to_string(shard) + " does not answer";
    if (!answer.ok) return "shard " + std::to_string(shard) + ": " + answer.to_text();
  }
  return "";
}

base::Result<int> run_wait_ready(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(const base::Duration timeout, duration_option(invocation, "timeout", "30s"));
  const MonotonicTime deadline = base::SystemClock().monotonic() + timeout;
  client::ClientOptions options = interactive_options(invocation);
  options.retry.give_up = timeout + std::chrono::seconds(1);
  options.retry.backoff_max = std::chrono::milliseconds(100);
  options.request_timeout = std::chrono::seconds(2);
  client::Client cluster(options);
  const std::string missing = what_is_missing(cluster, deadline);
  if (missing.empty()) {
    if (invocation.json) print_line("{\"ready\":true}");
    return 0;
  }
  if (invocation.json) print_line("{\"ready\":false}");
  print_error("spexctl wait-ready: not ready after " + invocation.value_or("timeout", "30s") + ": " + missing + " (" +
              invocation.endpoint + "); see `spexctl status`");
  return status_of(ExitCode::timeout);
}

}  // namespace

Verb wait_ready_verb() {
  return {.name = "wait-ready",
          .arguments = "[--timeout D]",
          .summary = "Wait until the router and every shard serve.",
          .text =
              "Waits also while the endpoint does not exist yet. Exits 0 when all serve, 6 when time is over.\n\n"
              "Example:\n  spexd & spexctl wait-ready --timeout 30s\n",
          .options = {timeout_option("How long to wait (default 30s).")},
          .run = run_wait_ready};
}

}  // namespace spex::ctl
