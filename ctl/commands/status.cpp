#include "base/duration.h"
#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/documents.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Value;

Colour colour_of_state(const std::string& state) {
  if (state == "ready") return Colour::good;
  return state == "degraded" ? Colour::bad : Colour::warning;
}

std::string heartbeat_text(const Value& child) {
  const std::int64_t age = member_integer(child, "heartbeat_age_ms", -1);
  return age < 0 ? "-" : std::to_string(age) + " ms";
}

void show_children(const Value& status) {
  Table table({"CHILD", "PHASE", "PID", "INCARNATION", "RESTARTS", "HEARTBEAT", "INSTANCES", "LAST EXIT"},
              {2, 3, 4, 5, 6});
  for (const Value& child : member_array(status, "children")) {
    const std::string phase = member_text(child, "phase");
    const Value* stats = child.find("stats");
    const std::int64_t instances = stats == nullptr ? -1 : member_integer(*stats, "instances", -1);
    const std::int64_t pid = member_integer(child, "pid");
    const std::string last_exit = member_text(child, "last_exit");
    table.add({member_text(child, "id"), phase, pid > 0 ? std::to_string(pid) : "-",
               std::to_string(member_integer(child, "incarnation")), std::to_string(member_integer(child, "restarts")),
               heartbeat_text(child), instances < 0 ? "-" : with_separators(static_cast<std::uint64_t>(instances)),
               last_exit.empty() ? "-" : last_exit},
              phase == "parked" ? Colour::bad : Colour::plain);
  }
  print(table.take());
}

std::string problem_text(const Value& problem) {
  if (problem.string() != nullptr) return *problem.string();
  const std::string file = member_text(problem, "file");
  const std::int64_t line = member_integer(problem, "line");
  return file.empty() ? protocol::to_json(problem)
                      : file + (line > 0 ? ":" + std::to_string(line) : "") + ": " + member_text(problem, "reason");
}

void show(const Value& status) {
  const Value* cluster = status.find("cluster");
  const std::string state = member_text(*cluster, "state");
  const std::int64_t uptime = member_integer(*cluster, "uptime_seconds");
  print_line("spexd " + member_text(*cluster, "version") + "  " + paint(colour_of_state(state), state) + "  pid " +
             std::to_string(member_integer(*cluster, "pid")) + ", up " + base::format_duration({uptime * 1'000'000}) +
             ", " + plural(static_cast<std::uint64_t>(member_integer(*cluster, "distribution_factor")), "shard"));
  for (const Value& endpoint : member_array(*cluster, "endpoints")) print_line("  " + text_or(endpoint, ""));
  print_line("");
  show_children(status);
  for (const Value& problem : member_array(*cluster, "problems")) {
    print_line(paint(Colour::warning, "! " + problem_text(problem)));
  }
}

base::Result<int> run_status(const Invocation& invocation) {
  const auto text = ask_supervisor(invocation, "status", std::chrono::seconds(5));
  if (!text.ok()) {
    print_error("spexctl status: " + text.error().message);
    return status_of(text.error().reason == base::Reason::deadline_exceeded ? ExitCode::timeout
                                                                            : ExitCode::unreachable);
  }
  SPEX_TRY_ASSIGN(const Value status, protocol::parse_json(*text));
  const Value* cluster = status.find("cluster");
  if (cluster == nullptr) {
    print_error("spexctl status: refused: " + member_text(status, "error"));
    return status_of(ExitCode::refused);
  }
  if (invocation.json) {
    print_line(*text);
  } else {
    show(status);
  }
  return status_of(member_text(*cluster, "state") == "ready" ? ExitCode::fine : ExitCode::degraded);
}

}  // namespace

Verb status_verb() {
  return {.name = "status",
          .arguments = "",
          .summary = "Show the cluster and its processes.",
          .text =
              "Asks the endpoint, and <run-dir>/control.sock when that does not answer or --run-dir is given.\n"
              "Exits 0 if all is well, 4 if not everything serves, 5 if nobody answers.\n\n"
              "Examples:\n  spexctl status\n  spexctl status --run-dir /run/spexd --json\n",
          .options = {},
          .run = run_status};
}

}  // namespace spex::ctl
