#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <numeric>

#include "base/duration.h"
#include "base/unique_fd.h"
#include "clients/cpp/subscription.h"
#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/documents.h"
#include "ctl/event_positions.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using client::Event;
using client::EventPage;
using protocol::Array;
using protocol::Map;
using protocol::Value;

constexpr auto kNewsPatience = std::chrono::seconds(1);

struct Selection {
  std::optional<base::Timestamp> since;
  std::optional<std::string> specification;
  std::optional<std::string> reason;

  bool matches(const Event& event) const {
    if (since && event.at < *since) return false;
    if (specification && member_text(event.body, "specification") != *specification) return false;
    return !reason || member_text(event.body, "reason") == *reason;
  }
};

std::string detail_of(const Value& event) {
  const Array& transition = member_array(event, "deviating_transition");
  if (transition.size() >= 3) {
    return transition_text(text_or(transition[0], "nil"), text_or(transition[1], ""), text_or(transition[2], ""));
  }
  return member_text(event, "message");
}

std::string identifier_of(const Value& event) {
  const Value* identifier = event.find("identifier");
  if (identifier == nullptr || identifier->is_nil()) return "-";
  return identifier->string() != nullptr ? *identifier->string() : protocol::to_json(*identifier);
}

std::vector<std::string> cells_of(const Event& event) {
  const std::string specification = member_text(event.body, "specification");
  return {std::to_string(event.shard),
          std::to_string(event.number),
          base::format_timestamp(event.at),
          identifier_of(event.body),
          specification.empty() ? "-" : specification,
          member_text(event.body, "reason") + (member_flag(event.body, "accepted") ? " (accepted)" : ""),
          detail_of(event.body)};
}

std::string line_of(const Event& event, bool json) {
  if (json) {
    return protocol::to_json(Map{{"shard", event.shard},
                                 {"number", event.number},
                                 {"at", base::format_timestamp(event.at)},
                                 {"event", event.body}}) +
           "\n";
  }
  std::string line;
  for (const std::string& cell : cells_of(event)) line += (line.empty() ? "" : "  ") + cell;
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

// Where lines go: standard output, or a file of our own that is only as long as the position says.
class Output {
 public:
  static Result<Output> open(const std::optional<std::string>& path, const std::optional<EventProgress>& progress) {
    Output output;
    if (!path) return output;
    output.file_ = base::UniqueFd(::open(path->c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    if (!output.file_) return base::system_error("open --output " + *path, errno, Reason::storage_open);
    struct stat status {};
    if (::fstat(output.file_.get(), &status) != 0) return base::system_error("look at --output " + *path, errno);
    const bool belongs = progress && progress->output_bytes;
    const std::uint64_t length = belongs ? *progress->output_bytes : 0;
    if (static_cast<std::uint64_t>(status.st_size) < length) {
      return fail(Reason::invalid_argument, "--output " + *path +
                                                " is shorter than when its position was written: it was " +
                                                "changed; name another file and another --position to begin anew");
    }
    if (!belongs && status.st_size != 0) {
      return fail(Reason::invalid_argument, "--output " + *path +
                                                " is not empty, and there is no position that belongs " +
                                                "to it: name another file, or delete it to begin anew");
    }
    if (::ftruncate(output.file_.get(), static_cast<off_t>(length)) != 0) {
      return base::system_error("cut --output " + *path, errno);
    }
    output.bytes_ = length;
    return output;
  }

  bool is_file() const { return static_cast<bool>(file_); }
  std::uint64_t bytes() const { return bytes_; }

  // Returns when the text is with the reader, or on disk.
  Result<void> write(std::string_view text) {
    if (!file_) {
      const bool ok = std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0;
      if (!ok) return base::system_error("write to standard output", errno);
      return {};
    }
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t written =
          ::pwrite(file_.get(), text.data() + done, text.size() - done, static_cast<off_t>(bytes_ + done));
      if (written < 0 && errno != EINTR) return base::system_error("write to --output", errno);
      if (written > 0) done += static_cast<std::size_t>(written);
    }
    if (::fdatasync(file_.get()) != 0) return base::system_error("write to --output", errno);
    bytes_ += text.size();
    return {};
  }

 private:
  base::UniqueFd file_;
  std::uint64_t bytes_ = 0;
};

// One run of the verb.
class Reading {
 public:
  Reading(const Invocation& invocation, Selection selection, Output output)
      : invocation_(invocation),
        selection_(std::move(selection)),
        output_(std::move(output)),
        follow_(invocation.line.has("follow")),
        table_({"SHARD", "NUMBER", "TIME", "INSTANCE", "SPECIFICATION", "REASON", "WHAT"}, {0, 1}) {}

  // `shard_count`: of the cluster; `shards` may be fewer.
  Result<int> run(client::Client& cluster, const std::vector<std::uint32_t>& shards, std::uint32_t shard_count,
                  EventProgress progress, std::uint64_t limit) {
    client::SubscriptionOptions options;
    options.after = progress.positions;
    client::Subscription subscription(cluster, shards, options);
    const std::string position_path = invocation_.value_or("position", "");
    limit_ = limit;
    shard_count_ = shard_count;
    read_before_ = progress.positions;
    if (output_.is_file()) {
      // Before the first line: a run that is killed right after it must find that the file is its own.
      progress.output_bytes = output_.bytes();
      SPEX_TRY(save_progress(position_path, progress));
    }
    while (true) {  // until there is no more, or for ever with --follow
      const auto page = subscription.next(kNewsPatience);
      if (page) {
        SPEX_TRY(show(*page));
        if (!position_path.empty()) {
          progress.positions = subscription.positions();
          if (output_.is_file()) progress.output_bytes = output_.bytes();
          SPEX_TRY(save_progress(position_path, progress));
        }
        continue;
      }
      if (const auto problem = subscription.take_problem()) {
        SPEX_TRY_ASSIGN(const int status, on_problem(*problem));
        if (!follow_) return finish(status);
        continue;
      }
      if (!follow_ && subscription.caught_up()) return finish(0);
    }
  }

 private:
  Result<void> show(const EventPage& page) {
    std::string text;
    for (const EventPage::Gap& gap : page.gaps) text += tell_gap(page.shard, gap);
    for (const Event& event : page.events) {
      if (was_shown_elsewhere(event.body, read_before_, shard_count_)) continue;
      if (!selection_.matches(event) || (limit_ != 0 && shown_[page.shard] == limit_)) continue;
      ++shown_[page.shard];
      ++count_;
      troubled_.erase(page.shard);
      if (is_table()) {
        table_.add(cells_of(event), member_flag(event.body, "accepted") ? Colour::plain : Colour::bad);
      } else {
        text += line_of(event, invocation_.json);
      }
    }
    return output_.write(text);
  }

  // With --json a line among the others; to people, on standard error.
  std::string tell_gap(std::uint32_t shard, const EventPage::Gap& gap) {
    ++gaps_;
    print_error("spexctl events: shard " + std::to_string(shard) + ": events " + std::to_string(gap.first) + " to " +
                std::to_string(gap.last) +
                " are gone: they were kept no longer (events_retention, events_bytes_max), or are damaged");
    if (!invocation_.json) return {};
    return protocol::to_json(Map{{"shard", shard}, {"gap", Map{{"first", gap.first}, {"last", gap.last}}}}) + "\n";
  }

  Result<int> on_problem(const client::Subscription::Problem& problem) {
    const std::string shard = std::to_string(problem.shard);
    if (problem.position_ahead) {
      return fail(Reason::invalid_argument,
                  "the position of shard " + shard + " is beyond its last event: the data are others than those the " +
                      "position was made with (restored?); delete the position file, or name another, to begin anew");
    }
    const bool is_new = troubled_.insert({problem.shard, true}).second;
    if (!follow_) return ctl::finish(invocation_, problem.answer, "read the events of shard " + shard);
    if (is_new) {
      print_error("spexctl events: read the events of shard " + shard + ": " + problem.answer.to_text() +
                  "; it is asked again until it answers");
    }
    return 0;
  }

  Result<int> finish(int status) {
    if (is_table()) {
      if (table_.rows() > 0) print(table_.take());
      print_line(paint(Colour::faint, plural(count_, "event")));
    }
    return gaps_ != 0 ? std::max(status, status_of(ExitCode::degraded)) : status;
  }

  bool is_table() const { return !invocation_.json && !follow_ && !output_.is_file(); }

  const Invocation& invocation_;
  Selection selection_;
  Output output_;
  bool follow_;
  Table table_;
  std::uint64_t limit_ = 0;
  std::uint32_t shard_count_ = 0;
  client::EventPositions read_before_;  // by earlier runs
  std::uint64_t count_ = 0;
  std::uint64_t gaps_ = 0;
  std::map<std::uint32_t, std::uint64_t> shown_;
  std::map<std::uint32_t, bool> troubled_;
};

// A time, or for how long back: 2026-01-31T12:00:00Z, 15m.
Result<std::optional<base::Timestamp>> since_option(const Invocation& invocation) {
  const auto text = invocation.line.value("since");
  if (!text) return std::optional<base::Timestamp>();
  if (const auto ago = base::parse_duration(*text)) {
    return std::optional(ago->microseconds ? base::SystemClock().wall() - *ago->microseconds : base::Timestamp{0});
  }
  const auto time = base::parse_timestamp(*text);
  if (time) return std::optional(*time);
  return fail(Reason::invalid_argument,
              "--since: '" + *text + "' is neither a time (2026-01-31T12:00:00Z) nor a duration (15m, 6h, 2d)");
}

Result<Selection> selection_of(const Invocation& invocation) {
  Selection selection;
  SPEX_TRY_ASSIGN(selection.since, since_option(invocation));
  selection.specification = invocation.line.value("spec");
  selection.reason = invocation.line.value("reason");
  return selection;
}

// Where to begin: from the position file, if there is one, else after --after.
Result<EventProgress> progress_of(const Invocation& invocation, const std::optional<EventProgress>& stored,
                                  const std::string& cluster_id, const std::vector<std::uint32_t>& shards) {
  if (stored) {
    if (stored->cluster_id == cluster_id) return *stored;
    return fail(Reason::invalid_argument, "--position " + invocation.value_or("position", "") +
                                              " belongs to another cluster (" + stored->cluster_id + ", this is " +
                                              cluster_id + "): name another file, or delete it to begin anew");
  }
  EventProgress progress;
  progress.cluster_id = cluster_id;
  SPEX_TRY_ASSIGN(const std::uint64_t after, number_option(invocation, "after", 0));
  if (after == 0) return progress;
  for (const std::uint32_t shard : shards) progress.positions[shard] = after;
  return progress;
}

Result<std::vector<std::uint32_t>> shards_of(const Invocation& invocation, std::uint32_t count) {
  SPEX_TRY_ASSIGN(const std::uint64_t only, number_option(invocation, "shard", 0));
  if (only > count) return fail(Reason::invalid_argument, "--shard: there are " + std::to_string(count));
  if (only != 0) return std::vector{static_cast<std::uint32_t>(only)};
  std::vector<std::uint32_t> shards(count);
  std::iota(shards.begin(), shards.end(), 1u);
  return shards;
}

Result<int> run_events(const Invocation& invocation) {
  if (invocation.line.has("output") && !invocation.line.has("position")) {
    return fail(Reason::invalid_argument, "--output needs --position, which tells what the file already holds");
  }
  SPEX_TRY_ASSIGN(Selection selection, selection_of(invocation));
  SPEX_TRY_ASSIGN(const std::uint64_t limit, number_option(invocation, "limit", 0));
  if (limit != 0 && invocation.line.has("position")) {
    return fail(Reason::invalid_argument,
                "--limit and --position exclude each other: what is not shown would be passed over");
  }
  std::optional<EventProgress> stored;
  if (const auto path = invocation.line.value("position")) {
    SPEX_TRY_ASSIGN(stored, load_progress(*path));
  }
  client::Client cluster(interactive_options(invocation));
  const auto map = cluster.call(client::plain(protocol::Operation::shard_map));
  const Array* parts = map.body.array();
  if (!map.ok || parts == nullptr || parts->size() < 3) return finish(invocation, map, "read the shard map");
  const std::int64_t* factor = parts->front().integer();
  const auto count = static_cast<std::uint32_t>(factor != nullptr ? *factor : 0);
  SPEX_TRY_ASSIGN(const std::vector<std::uint32_t> shards, shards_of(invocation, count));
  SPEX_TRY_ASSIGN(EventProgress progress, progress_of(invocation, stored, text_or((*parts)[2], ""), shards));
  SPEX_TRY_ASSIGN(Output output, Output::open(invocation.line.value("output"), stored));
  return Reading(invocation, std::move(selection), std::move(output))
      .run(cluster, shards, count, std::move(progress), limit);
}

}  // namespace

Verb events_verb() {
  return {
      .name = "events",
      .arguments = "[--follow] [--since TIME] [--spec SPEC] [--reason REASON] [--position FILE [--output FILE]]",
      .summary = "List or follow the events (deviations, timeouts, prunes, restarts) that shards keep.",
      .text =
          "Events are numbered per shard, from 1, and come in that order, each at least once, also across crashes.\n"
          "With --json one object a line. What was kept no longer is said (with --json also as a line with "
          "\"gap\").\n\n"
          "--position FILE goes on where FILE says, and keeps it up to date, after what was shown: whoever stores "
          "shard\n"
          "and number of an event with its effect has each exactly once. --output FILE, with --position, does that: "
          "the\n"
          "lines go to the end of FILE, and a run that was killed leaves none twice and none out.\n\n"
          "Exit status: 4 if events are missing because they were kept no longer.\n\n"
          "Examples:\n  spexctl events --since 1h --reason deviation_not_equivalent\n"
          "  spexctl events --follow --json --position events.position --output events.jsonl\n",
      .options =
          {{.name = "follow", .value_name = "", .text = "Go on when there are no more, until ended."},
           {.name = "since", .value_name = "TIME", .text = "Only those since then: 2026-01-31T12:00:00Z, or 15m."},
           {.name = "spec", .value_name = "SPEC", .text = "Only those of this specification."},
           {.name = "reason", .value_name = "REASON", .text = "Only those with this reason."},
           {.name = "position", .value_name = "FILE", .text = "Go on from there, and store there how far it came."},
           {.name = "output", .value_name = "FILE", .text = "Lines go to the end of this file, each event once."},
           {.name = "shard", .value_name = "N", .text = "Only those of this shard."},
           {.name = "after", .value_name = "NUMBER", .text = "Only those with a higher number."},
           {.name = "limit", .value_name = "N", .text = "At most N per shard (without: all)."}},
      .run = run_events};
}

}  // namespace spex::ctl
