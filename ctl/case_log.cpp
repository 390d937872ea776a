#include "ctl/case_log.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/duration.h"
#include "conformance/model_text.h"
#include "conformance/names.h"
#include "ctl/csv.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Value;

class Builder {
 public:
  Builder(std::string file, const LogColumns& columns) : file_(std::move(file)), columns_(columns) {}

  struct Row {
    std::string case_id;
    std::string activity;
    std::string time;
    std::string state;
  };

  base::Result<void> add(std::size_t line, const Row& row) {
    if (row.case_id.empty()) return error(line, "the case is empty");
    if (row.activity.empty()) return error(line, "the activity is empty");
    LogEvent event;
    event.case_number = number_of(row.case_id, case_numbers_, log_.cases);
    event.activity = number_of(row.activity, name_numbers_, log_.names);
    event.state = columns_.state ? number_of(row.state, name_numbers_, log_.names) : event.activity;
    if (columns_.state && row.state.empty()) return error(line, "the state is empty");
    if (columns_.time) {
      const auto time = base::parse_timestamp(row.time);
      if (!time.ok()) return error(line, "the time '" + row.time + "' is none: " + time.error().message);
      event.occurred_at = *time;
    }
    log_.events.push_back(event);
    return {};
  }
  base::Error error(std::size_t line, const std::string& what) const {
    return base::fail(base::Reason::malformed, file_ + ":" + std::to_string(line) + ": " + what);
  }
  CaseLog take() { return std::move(log_); }

 private:
  static std::uint32_t number_of(const std::string& text, std::unordered_map<std::string, std::uint32_t>& numbers,
                                 std::vector<std::string>& list) {
    const auto [found, is_new] = numbers.emplace(text, static_cast<std::uint32_t>(list.size()));
    if (is_new) list.push_back(text);
    return found->second;
  }

  std::string file_;
  const LogColumns& columns_;
  CaseLog log_;
  std::unordered_map<std::string, std::uint32_t> case_numbers_;
  std::unordered_map<std::string, std::uint32_t> name_numbers_;
};

base::Result<CaseLog> read_csv(std::string_view text, const std::string& name, const LogColumns& columns) {
  CsvReader reader(text);
  Builder builder(name, columns);
  const auto named = [&](const base::Error& error) {
    return base::fail(base::Reason::malformed, name + ": " + error.message);
  };
  std::vector<std::string> fields;
  const auto has_head = reader.next(fields);
  if (!has_head.ok()) return named(has_head.error());
  if (!*has_head) return base::fail(base::Reason::malformed, name + ": the file is empty");
  const std::vector<std::string> head = fields;
  std::vector<std::size_t> places;
  for (const auto& column :
       {std::optional(columns.case_id), std::optional(columns.activity), columns.time, columns.state}) {
    if (!column) {
      places.push_back(head.size());
      continue;
    }
    const auto found = std::find(head.begin(), head.end(), *column);
    if (found == head.end()) {
      std::string all;
      for (const auto& title : head) all += (all.empty() ? "" : ", ") + title;
      return base::fail(base::Reason::invalid_argument, name + " has no column '" + *column + "'; it has " + all);
    }
    places.push_back(static_cast<std::size_t>(found - head.begin()));
  }
  for (;;) {
    const auto more = reader.next(fields);
    if (!more.ok()) return named(more.error());
    if (!*more) return builder.take();
    if (fields.size() != head.size()) {
      return builder.error(reader.line(), std::to_string(fields.size()) + " fields where the head line has " +
                                              std::to_string(head.size()));
    }
    fields.emplace_back();  // what is at the place of a column that is not asked for
    SPEX_TRY(builder.add(reader.line(), {fields[places[0]], fields[places[1]], fields[places[2]], fields[places[3]]}));
  }
}

base::Result<CaseLog> read_json_lines(std::string_view text, const std::string& name, const LogColumns& columns) {
  Builder builder(name, columns);
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
    const auto object = protocol::parse_json(line);
    if (!object.ok()) return builder.error(number, object.error().message);
    const auto text_of = [&](const std::optional<std::string>& column) {
      const Value* found = column ? object->find(*column) : nullptr;
      if (found == nullptr || found->is_nil()) return std::string();
      return found->string() != nullptr ? *found->string() : protocol::to_json(*found);
    };
    SPEX_TRY(builder.add(
        number, {text_of(columns.case_id), text_of(columns.activity), text_of(columns.time), text_of(columns.state)}));
  }
  return builder.take();
}

}  // namespace

base::Result<CaseLog> read_case_log(std::string_view text, const std::string& name, const LogColumns& columns) {
  const bool is_json = name.ends_with(".jsonl") || name.ends_with(".ndjson");
  SPEX_TRY_ASSIGN(CaseLog log, is_json ? read_json_lines(text, name, columns) : read_csv(text, name, columns));
  if (log.events.empty()) return base::fail(base::Reason::malformed, name + ": there is no event");
  return log;
}

std::vector<conformance::NamedTransition> directly_follows(const CaseLog& log, std::size_t cases) {
  std::set<conformance::NamedTransition> found;
  found.insert({"", std::string(conformance::kInitialisationAction), std::string(kStartState)});
  std::vector<std::string> states(std::min(cases, log.cases.size()), std::string(kStartState));
  for (const LogEvent& event : log.events) {
    if (event.case_number >= states.size()) continue;
    std::string& state = states[event.case_number];
    found.insert({state, log.activity(event), log.state(event)});
    state = log.state(event);
  }
  std::vector<conformance::NamedTransition> transitions(found.begin(), found.end());
  conformance::sort_transitions(transitions);
  return transitions;
}

}  // namespace spex::ctl
