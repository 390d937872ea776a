#include "ctl/program.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <utility>

#include "ctl/output.h"

namespace spex::ctl {
namespace {

using config::Option;
using Words = std::vector<std::string>;

std::vector<Option> global_options() {
  return {
      {.name = "endpoint",
       .value_name = "ENDPOINT",
       .text = "Where the cluster listens, ipc://PATH or tcp://HOST:PORT. Default: SPEX_ENDPOINT, else "
               "ipc://<run-dir>/frontend.sock."},
      {.name = "run-dir",
       .value_name = "DIR",
       .text = "The cluster's run directory; its control.sock answers when the endpoint does not. Default: "
               "SPEX_RUN_DIR, else ./spex_run."},
      {.name = "json", .value_name = "", .text = "Print JSON."},
      {.name = "help", .value_name = "", .text = "Show help, for the verb if there is one.", .letter = 'h'},
      {.name = "version", .value_name = "", .text = "Show the version."},
  };
}

std::vector<Option> options_of(const Verb& verb) {
  std::vector<Option> options = global_options();
  options.insert(options.end(), verb.options.begin(), verb.options.end());
  return options;
}

// Whether the word after the option `word` is its value, by the options of any verb.
bool takes_next(const std::string& word) {
  if (word.find('=') != std::string::npos) return false;
  const auto matches = [&](const Option& o) { return "--" + o.name == word && !o.value_name.empty() && !o.is_switch; };
  const auto globals = global_options();
  if (std::any_of(globals.begin(), globals.end(), matches)) return true;
  return std::any_of(all_verbs().begin(), all_verbs().end(),
                     [&](const Verb& verb) { return std::any_of(verb.options.begin(), verb.options.end(), matches); });
}

// The place of the verb: the first word that is neither an option nor its value.
std::size_t find_verb_word(const Words& arguments) {
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    if (!arguments[i].starts_with("-")) return i;
    if (takes_next(arguments[i])) ++i;
  }
  return arguments.size();
}

std::string run_dir_of(const std::string& endpoint) {
  constexpr std::string_view kHead = "ipc://";
  constexpr std::string_view kTail = "/frontend.sock";
  if (!endpoint.starts_with(kHead) || !endpoint.ends_with(kTail)) return "";
  if (endpoint.size() <= kHead.size() + kTail.size()) return "";
  return endpoint.substr(kHead.size(), endpoint.size() - kHead.size() - kTail.size());
}

void resolve_places(Invocation& invocation, const Environment& environment) {
  const auto resolve = [&](const char* option, const char* variable, bool& given) {
    auto value = invocation.line.value(option);
    if (!value) value = environment(variable);
    given = value.has_value();
    return value.value_or("");
  };
  invocation.endpoint = resolve("endpoint", "SPEX_ENDPOINT", invocation.endpoint_given);
  invocation.run_dir = resolve("run-dir", "SPEX_RUN_DIR", invocation.run_dir_given);
  if (invocation.run_dir.empty()) invocation.run_dir = run_dir_of(invocation.endpoint);
  if (invocation.run_dir.empty()) invocation.run_dir = "./spex_run";
  if (invocation.endpoint.empty()) invocation.endpoint = "ipc://" + invocation.run_dir + "/frontend.sock";
}

base::Result<void> check_words(const Verb& verb, const Invocation& invocation) {
  const std::size_t count = invocation.line.words.size();
  const std::string usage = "; usage: spexctl " + verb.name + (verb.arguments.empty() ? "" : " ") + verb.arguments;
  if (count < verb.words_min) return base::fail(base::Reason::invalid_argument, "an argument is missing" + usage);
  if (count > verb.words_max) {
    return base::fail(base::Reason::invalid_argument,
                      "'" + invocation.line.words[verb.words_max] + "' is one argument too many" + usage);
  }
  if (verb.takes_rest && invocation.line.rest.empty()) {
    return base::fail(base::Reason::invalid_argument, "a command is missing after --" + usage);
  }
  return {};
}

std::optional<std::string> process_environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr || *value == 0 ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace

base::Result<ParsedProgram> parse_program(const Words& arguments, const Environment& environment) {
  ParsedProgram parsed;
  const std::size_t at = find_verb_word(arguments);
  if (at == arguments.size()) {
    SPEX_TRY_ASSIGN(const auto line, config::parse_command_line(global_options(), arguments));
    parsed.help = !line.has("version");
    parsed.version = line.has("version");
    if (parsed.help && !line.has("help")) {
      return base::fail(base::Reason::invalid_argument, "a verb is missing; `spexctl --help` lists them");
    }
    return parsed;
  }
  Words rest = arguments;
  rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(at));
  if (arguments[at] == "help") {
    parsed.help = true;
    if (!rest.empty()) parsed.verb = find_verb(rest.front());
    return parsed;
  }
  parsed.verb = find_verb(arguments[at]);
  if (parsed.verb == nullptr) {
    return base::fail(base::Reason::invalid_argument,
                      "'" + arguments[at] + "' is no verb; `spexctl --help` lists them");
  }
  Invocation& invocation = parsed.invocation;
  invocation.verb = parsed.verb->name;
  SPEX_TRY_ASSIGN(invocation.line, config::parse_command_line(options_of(*parsed.verb), rest));
  parsed.help = invocation.line.has("help");
  parsed.version = invocation.line.has("version");
  invocation.json = invocation.line.has("json");
  if (!parsed.verb->takes_rest) {
    // So that an identifier may begin with a dash.
    auto& words = invocation.line.words;
    words.insert(words.end(), invocation.line.rest.begin(), invocation.line.rest.end());
  }
  resolve_places(invocation, environment);
  if (!parsed.help && !parsed.version) SPEX_TRY(check_words(*parsed.verb, invocation));
  return parsed;
}

std::string program_help() {
  std::string text =
      "spexctl talks to a spexd cluster and checks models without one.\n\n"
      "Usage: spexctl [OPTIONS] VERB [ARGUMENTS] [OPTIONS]\n\nVerbs:\n";
  for (const Verb& verb : all_verbs()) {
    text +=
        "  " + verb.name + std::string(verb.name.size() < 12 ? 12 - verb.name.size() : 1, ' ') + verb.summary + "\n";
  }
  text += "\nOptions of every verb:\n" + config::describe_options(global_options());
  text +=
      "\nExit status: 0 fine, 1 no (not equivalent, deviations found), 2 usage, 3 undecided,\n"
      "4 degraded, 5 unreachable, 6 timeout, 7 refused.\n\n"
      "Examples:\n"
      "  spexctl wait-ready --timeout 30s\n"
      "  spexctl init order o-1 && spexctl transition o-1 pay paid\n"
      "  spexctl VERB --help\n";
  return text;
}

std::string verb_help(const Verb& verb) {
  std::string text = "spexctl " + verb.name + (verb.arguments.empty() ? "" : " ") + verb.arguments + "\n\n" +
                     verb.summary + "\n\n" + verb.text;
  if (!text.ends_with("\n")) text += "\n";
  if (!verb.options.empty()) text += "\nOptions:\n" + config::describe_options(verb.options);
  return text + "\nOptions of every verb: spexctl --help\n";
}

ExitCode exit_code_of(const base::Error& error) {
  switch (error.reason) {
    case base::Reason::deadline_exceeded:
      return ExitCode::timeout;
    case base::Reason::shard_unavailable:
      return ExitCode::unreachable;
    case base::Reason::impl_model_deserialisation_failed:
    case base::Reason::specification_deserialisation_failed:
    case base::Reason::specification_invalid:
      return ExitCode::refused;
    default:
      return ExitCode::usage;
  }
}

int run_program(const Words& arguments) {
  const auto parsed = parse_program(arguments, process_environment);
  if (!parsed.ok()) {
    print_error("spexctl: " + parsed.error().message);
    return status_of(ExitCode::usage);
  }
  if (parsed->version) {
    std::printf("spexctl %s\n", SPEX_VERSION);
    return 0;
  }
  if (parsed->help) {
    std::fputs((parsed->verb != nullptr ? verb_help(*parsed->verb) : program_help()).c_str(), stdout);
    return 0;
  }
  const auto status = parsed->verb->run(parsed->invocation);
  if (status.ok()) return *status;
  print_error("spexctl " + parsed->verb->name + ": " + status.error().message);
  return status_of(exit_code_of(status.error()));
}

}  // namespace spex::ctl
