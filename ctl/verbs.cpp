// The table of verbs, in the order of the help text, and the options that they share.
#include <algorithm>
#include <charconv>

#include "base/duration.h"
#include "ctl/commands/commands.h"
#include "ctl/verb.h"

namespace spex::ctl {

const std::vector<Verb>& all_verbs() {
  static const std::vector<Verb> kVerbs{
      init_verb(),    transition_verb(), mock_verb(),   get_verb(),        instances_verb(), delete_verb(),
      specs_verb(),   models_verb(),     import_verb(), export_verb(),     learning_verb(),  check_verb(),
      compare_verb(), explain_verb(),    graph_verb(),  reduce_verb(),     convert_verb(),   info_verb(),
      learn_verb(),   replay_verb(),     batch_verb(),  wait_ready_verb(), status_verb(),    events_verb(),
      reload_verb(),  restart_verb(),    drain_verb(),  stop_verb(),       backup_verb(),    repair_verb(),
      restore_verb(), reshard_verb(),    verify_verb()};
  return kVerbs;
}

const Verb* find_verb(std::string_view name) {
  const auto& verbs = all_verbs();
  const auto found = std::find_if(verbs.begin(), verbs.end(), [&](const Verb& verb) { return verb.name == name; });
  return found == verbs.end() ? nullptr : &*found;
}

config::Option json_id_option() {
  return {.name = "json-id", .value_name = "", .text = "ID is JSON: 4711 is an integer, [\"a\", 1] an array."};
}

config::Option timeout_option(std::string text) {
  return {.name = "timeout", .value_name = "D", .text = std::move(text)};
}

base::Result<std::uint64_t> parse_number(std::string_view text, std::string_view what) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) {
    return base::fail(base::Reason::invalid_argument,
                      std::string(what) + ": '" + std::string(text) + "' is no whole number");
  }
  return number;
}

base::Result<base::Duration> duration_option(const Invocation& invocation, std::string_view option,
                                             std::string_view fallback) {
  constexpr std::int64_t kTenYears = 315'360'000'000'000;
  const std::string text = invocation.value_or(option, std::string(fallback));
  const auto parsed = base::parse_duration(text);
  if (!parsed.ok()) {
    return base::fail(base::Reason::invalid_argument, "--" + std::string(option) + ": " + parsed.error().message);
  }
  return base::Duration(std::chrono::microseconds(std::min(parsed->microseconds.value_or(kTenYears), kTenYears)));
}

base::Result<std::uint64_t> number_option(const Invocation& invocation, std::string_view option,
                                          std::uint64_t fallback) {
  const auto text = invocation.line.value(option);
  if (!text) return fallback;
  return parse_number(*text, "--" + std::string(option));
}

}  // namespace spex::ctl
