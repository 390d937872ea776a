#include <cstdio>
#include <limits>

#include "conformance/model_directory.h"
#include "conformance/specification_text.h"
#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/output.h"
#include "ctl/replay_run.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Array;
using protocol::Map;
using protocol::Operation;
using protocol::Value;

struct Settings {
  LogColumns columns;
  ReplayOptions replay;
  std::uint32_t learn_first = 0;
  bool verify = false;
};

base::Result<Settings> settings_of(const Invocation& invocation) {
  Settings settings;
  for (const char* option : {"case-column", "activity-column", "spec"}) {
    if (!invocation.line.has(option)) {
      return base::fail(base::Reason::invalid_argument, std::string("--") + option + " is missing");
    }
  }
  settings.columns = {*invocation.line.value("case-column"), *invocation.line.value("activity-column"),
                      invocation.line.value("time-column"), invocation.line.value("state-column")};
  settings.replay.specification = *invocation.line.value("spec");
  settings.replay.case_prefix = invocation.value_or("case-prefix", "");
  SPEX_TRY_ASSIGN(const std::uint64_t window, number_option(invocation, "window", 256));
  if (window == 0 || window > 100'000) {
    return base::fail(base::Reason::invalid_argument, "--window: it is 1 to 100000");
  }
  settings.replay.window = static_cast<std::size_t>(window);
  SPEX_TRY_ASSIGN(const std::uint64_t first, number_option(invocation, "learn-first", 0));
  settings.learn_first =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(first, std::numeric_limits<std::uint32_t>::max()));
  settings.verify = invocation.line.has("verify");
  return settings;
}

class Progress {
 public:
  Progress(std::uint64_t steps, bool shown) : steps_(steps), shown_(shown) {}
  ~Progress() {
    if (shown_) std::fputs("\r\033[K", stderr);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(std::uint64_t done) {
    const auto now = std::chrono::steady_clock::now();
    if (!shown_ || now < next_) return;
    next_ = now + std::chrono::milliseconds(200);
    const double seconds = std::chrono::duration<double>(now - begin_).count();
    const double rate = seconds > 0 ? static_cast<double>(done) / seconds : 0;
    std::fprintf(stderr, "\r\033[K%3.0f %%  %s steps, %s/s",
                 100.0 * static_cast<double>(done) / static_cast<double>(steps_), with_separators(done).c_str(),
                 with_separators(static_cast<std::uint64_t>(rate)).c_str());
    std::fflush(stderr);
  }

 private:
  std::uint64_t steps_;
  bool shown_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point next_ = begin_;
};

// Makes sure that the specification is there; defines it from the first cases if it is not and
// that was asked for. The text that was defined, or "".
base::Result<std::string> prepare_specification(const Settings& settings, const CaseLog& log, client::Client& cluster,
                                                client::Answer& answer) {
  const std::string& name = settings.replay.specification;
  answer = cluster.call(client::with_text(Operation::show_specification, name));
  if (answer.ok || !answer.is(base::Reason::specification_not_found) || settings.learn_first == 0) return std::string();
  auto transitions = directly_follows(log, settings.learn_first);
  std::erase_if(transitions, [](const auto& transition) { return transition.is_initialisation(); });
  SPEX_TRY_ASSIGN(const auto specification,
                  conformance::Specification::make(name, std::string(kStartState), std::move(transitions)));
  SPEX_TRY_ASSIGN(std::string text, conformance::write_specification_text(specification));
  answer = cluster.call(client::with_text(Operation::define_specification, text));
  return text;
}

Value summary_document(const Settings& settings, const CaseLog& log, const ReplayRun& run, client::Client& cluster,
                       const std::optional<Verification>& verified, const std::string& defined) {
  const ReplayTotals& totals = run.totals();
  Array groups;
  for (const auto& group : run.deviations().groups()) {
    groups.push_back(
        Map{{"transition", Array{group.from.empty() ? Value() : Value(group.from), group.action, group.to}},
            {"reason", base::reason_name(group.reason)},
            {"count", group.count},
            {"example", group.example}});
  }
  Map document{{"cases", static_cast<std::uint64_t>(log.cases.size())},
               {"events", totals.events},
               {"seconds", totals.seconds},
               {"learned_from", std::min<std::uint64_t>(settings.learn_first, log.cases.size())},
               {"deviations", run.deviations().total()},
               {"deviation_groups", std::move(groups)},
               {"retried", cluster.statistics().repeats},
               {"existing_cases", totals.existing},
               {"skipped_events", totals.skipped},
               {"failed", totals.failed}};
  if (!totals.first_failure.empty()) document.emplace_back("first_failure", totals.first_failure);
  if (!defined.empty()) document.emplace_back("specification", defined);
  if (verified) {
    document.emplace_back("verified", Map{{"instances", verified->instances},
                                          {"records", verified->records},
                                          {"missing", verified->missing},
                                          {"doubled", verified->doubled},
                                          {"unreadable", verified->unreadable}});
  }
  return document;
}

void show_deviations(const Deviations& deviations) {
  if (deviations.total() == 0) {
    print_line("  deviations  " + paint(Colour::good, "none"));
    return;
  }
  print_line("  deviations  " + paint(Colour::warning, with_separators(deviations.total())));
  Table table({"   COUNT", "VERDICT", "FOR EXAMPLE", "TRANSITION"}, {0});
  for (const auto& group : deviations.groups()) {
    const bool is_bad = group.reason == base::Reason::deviation_not_equivalent;
    table.add({with_separators(group.count), is_bad ? "not equivalent" : "still equivalent", group.example,
               transition_text(group.from.empty() ? "nil" : group.from, group.action, group.to)},
              is_bad ? Colour::bad : Colour::plain);
  }
  print(table.take());
}

void show_summary(const Settings& settings, const CaseLog& log, const ReplayRun& run, client::Client& cluster,
                  const std::optional<Verification>& verified) {
  const ReplayTotals& totals = run.totals();
  const double steps = static_cast<double>(totals.events) + static_cast<double>(log.cases.size() - totals.existing);
  const double rate = totals.seconds > 0 ? steps / totals.seconds : 0;
  print_line(
      "  cases       " + with_separators(log.cases.size()) +
      (settings.learn_first > 0 ? ", the first " + with_separators(settings.learn_first) + " to learn from" : ""));
  print_line("  events      " + with_separators(totals.events) + " in " + seconds_text(totals.seconds) + " (" +
             with_separators(static_cast<std::uint64_t>(rate)) + " operations per second)");
  print_line("  retried     " + with_separators(cluster.statistics().repeats));
  if (totals.existing > 0) {
    print_line(
        paint(Colour::warning, "  skipped     " + plural(totals.existing, "case") +
                                   " that existed before the replay; `--case-prefix P` replays them as new ones"));
  }
  if (totals.failed > 0) {
    print_line(
        paint(Colour::bad, "  failed      " + plural(totals.failed, "step") + ", first " + totals.first_failure));
  }
  show_deviations(run.deviations());
  if (!verified) return;
  const bool is_good = verified->missing == 0 && verified->doubled == 0 && verified->unreadable == 0;
  std::string text = with_separators(verified->instances) + " instances with " + with_separators(verified->records) +
                     " records read back: " + with_separators(verified->missing) + " missing, " +
                     with_separators(verified->doubled) + " doubled";
  if (verified->unreadable > 0) text += ", " + plural(verified->unreadable, "case") + " unreadable";
  print_line("  verified    " + paint(is_good ? Colour::good : Colour::bad, text));
}

int exit_status(const ReplayRun& run, const std::optional<Verification>& verified) {
  if (run.unreachable()) return status_of(ExitCode::unreachable);
  const bool lost = verified && (verified->missing > 0 || verified->doubled > 0 || verified->unreadable > 0);
  if (run.totals().failed > 0 || run.totals().existing > 0 || lost) return status_of(ExitCode::refused);
  return status_of(run.deviations().total() > 0 ? ExitCode::no : ExitCode::fine);
}

// Learning around the first cases, then the rest. An answer that is not ok ends it.
client::Answer replay(const Settings& settings, const CaseLog& log, client::Client& cluster, ReplayRun& run,
                      const std::function<void(std::uint64_t)>& on_progress) {
  const auto cases = static_cast<std::uint32_t>(log.cases.size());
  const std::uint32_t learned = std::min(settings.learn_first, cases);
  client::Answer answer;
  answer.ok = true;
  if (learned > 0) {
    answer = cluster.call(client::set_learning_mode(settings.replay.specification, true));
    // No model yet is fine: the first initialisation makes one that learns.
    if (!answer.ok && !answer.is(base::Reason::impl_model_not_found)) return answer;
    run.run(0, learned, on_progress);
    answer = cluster.call(client::set_learning_mode(settings.replay.specification, false));
    if (!answer.ok) return answer;
  }
  run.run(learned, cases, on_progress);
  return answer;
}

base::Result<int> run_replay(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(const Settings settings, settings_of(invocation));
  SPEX_TRY_ASSIGN(const std::string text, conformance::read_file(invocation.word(0), std::size_t{4} << 30));
  SPEX_TRY_ASSIGN(const CaseLog log, read_case_log(text, invocation.word(0), settings.columns));
  client::ClientOptions options;
  options.endpoint = invocation.endpoint;
  options.connect_timeout = std::chrono::seconds(30);
  options.retry.give_up = std::chrono::minutes(2);
  client::Client cluster(options);
  client::Answer answer;
  const auto defined = prepare_specification(settings, log, cluster, answer);
  if (!defined.ok()) return defined.error();
  if (!answer.ok) return finish(invocation, answer, "use specification " + settings.replay.specification);
  if (!defined->empty() && !invocation.json) {
    print_line("defined from the first " + plural(settings.learn_first, "case") + ":\n\n" + *defined);
  }
  ReplayRun replayed(log, cluster, settings.replay);
  {
    Progress progress(log.events.size() + log.cases.size(), stderr_is_terminal() && !invocation.json);
    answer = replay(settings, log, cluster, replayed, [&](std::uint64_t done) { progress.show(done); });
  }
  if (!answer.ok) return finish(invocation, answer, "replay into " + settings.replay.specification);
  std::optional<Verification> verified;
  if (settings.verify) verified = replayed.verify();
  if (invocation.json) {
    print_line(protocol::to_json(summary_document(settings, log, replayed, cluster, verified, *defined)));
  } else {
    show_summary(settings, log, replayed, cluster, verified);
  }
  if (replayed.unreachable()) print_error("spexctl replay: the connection to " + invocation.endpoint + " was lost");
  return exit_status(replayed, verified);
}

}  // namespace

Verb replay_verb() {
  return {
      .name = "replay",
      .arguments = "FILE --case-column C --activity-column A [--time-column T] --spec S",
      .summary = "Report an event log (CSV, or JSON lines in *.jsonl) to the cluster.",
      .text =
          "Each case becomes an instance, initialised in the state `start`; each event is a transition to the\n"
          "state named after its activity, or to that of --state-column. Event times are kept. Many cases\n"
          "are under way at a time, the events of each in the order of the file. A case that exists already\n"
          "is left alone and counted (exit status 7); --case-prefix makes new ones of them.\n"
          "With --learn-first N the model learns from the first N cases and is closed then; a specification\n"
          "that does not exist is defined from them and printed.\n"
          "Exits 1 if deviations were found, 7 if steps failed or were skipped.\n\n"
          "Example:\n  spexctl replay log.csv --case-column case --activity-column activity \\\n"
          "      --time-column timestamp --spec permit --learn-first 1000\n",
      .options = {{.name = "case-column", .value_name = "NAME", .text = "The column that names the case."},
                  {.name = "activity-column", .value_name = "NAME", .text = "The column that names the action."},
                  {.name = "time-column", .value_name = "NAME", .text = "The column with the event's time (RFC 3339)."},
                  {.name = "state-column", .value_name = "NAME", .text = "The column that names the new state."},
                  {.name = "spec", .value_name = "SPEC", .text = "The specification of the instances."},
                  {.name = "learn-first", .value_name = "N", .text = "Learn from the first N cases, then close."},
                  {.name = "case-prefix", .value_name = "P", .text = "Put P before each case's name."},
                  {.name = "window", .value_name = "N", .text = "Up to N requests under way (default 256)."},
                  {.name = "verify",
                   .value_name = "",
                   .text = "Read every case back and count records that are missing or doubled."}},
      .words_min = 1,
      .words_max = 1,
      .run = run_replay};
}

}  // namespace spex::ctl
