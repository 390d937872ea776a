#include "ctl/cluster_access.h"

#include <cstdio>

#include "ctl/documents.h"
#include "ctl/output.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Array;
using protocol::Map;
using protocol::Value;

std::string advice_for(const Invocation& invocation, const client::Answer& answer) {
  if (answer.origin == client::Origin::unreachable) {
    return "is spexd running, and is --endpoint (now " + invocation.endpoint + ") right? See `spexctl status`";
  }
  const auto reason = answer.error ? answer.error->known() : std::nullopt;
  if (!reason) return "";
  switch (*reason) {
    case base::Reason::specification_not_found:
      return "`spexctl specs list` shows the specifications, `spexctl specs add FILE` adds one";
    case base::Reason::instance_identifier_already_in_use:
      return "`spexctl get ID` shows the instance";
    case base::Reason::deadline_exceeded:
    case base::Reason::shard_restarted:
      return "the outcome is unknown; look with `spexctl get ID`, and see `spexctl status`";
    case base::Reason::shard_unavailable:
    case base::Reason::overloaded:
    case base::Reason::draining:
      return "see `spexctl status`";
    default:
      return "";
  }
}

std::string deviation_text(const Value& context) {
  const Value* transition = context.find("deviating_transition");
  const Array* parts = transition == nullptr ? nullptr : transition->array();
  if (parts == nullptr || parts->size() < 3) return "";
  return transition_text(text_or((*parts)[0], "nil"), text_or((*parts)[1], "?"), text_or((*parts)[2], "?"));
}

std::string describe(const protocol::ErrorBody& error) {
  std::string text = error.error_class + " " + error.reason;
  if (const std::string deviation = deviation_text(error.context); !deviation.empty()) {
    text += ": " + deviation;
    const std::string why = story_in(error.context);
    return why.empty() ? text : text + "\n  " + why;
  }
  const std::string message = member_text(error.context, "message");
  return message.empty() ? text : text + ": " + message;
}

}  // namespace

client::ClientOptions interactive_options(const Invocation& invocation) {
  client::ClientOptions options;
  options.endpoint = invocation.endpoint;
  options.connect_timeout = std::chrono::seconds(5);
  options.retry.give_up = std::chrono::seconds(5);
  options.request_timeout = std::chrono::seconds(30);
  return options;
}

client::Answer ask(const Invocation& invocation, client::Request request) {
  client::Client cluster(interactive_options(invocation));
  return cluster.call(std::move(request));
}

base::Result<std::string> ask_supervisor(const Invocation& invocation, const std::string& command,
                                         base::Duration timeout) {
  const bool forced = invocation.run_dir_given;
  if (!forced) {
    client::ClientOptions options = interactive_options(invocation);
    options.retry.repeat = false;
    options.connect_timeout = std::chrono::milliseconds(1500);
    options.request_timeout = timeout;
    client::Client cluster(options);
    const auto answer = cluster.call(client::with_text(protocol::Operation::control, command));
    if (answer.ok && answer.body.string() != nullptr) return *answer.body.string();
  }
  auto direct = ask_control_socket(invocation.run_dir, command, timeout);
  if (direct.ok() || forced) return direct;
  return base::fail(direct.error().reason, "neither " + invocation.endpoint + " nor " + direct.error().message +
                                               "; is spexd running, and are --endpoint or --run-dir right?");
}

base::Result<Value> parse_identifier(const Invocation& invocation, const std::string& word) {
  if (!invocation.line.has("json-id")) return Value(word);
  return protocol::parse_json(word);
}

base::Result<Value> json_option(const Invocation& invocation, std::string_view option) {
  const auto text = invocation.line.value(option);
  if (!text) return Value();
  auto value = protocol::parse_json(*text);
  if (!value.ok()) {
    return base::fail(base::Reason::invalid_argument, "--" + std::string(option) + ": " + value.error().message);
  }
  return value;
}

ExitCode exit_code_of(const client::Answer& answer) {
  if (answer.ok) return answer.missing.empty() ? ExitCode::fine : ExitCode::degraded;
  if (answer.origin == client::Origin::unreachable) return ExitCode::unreachable;
  const auto reason = answer.error ? answer.error->known() : std::nullopt;
  if (reason == base::Reason::deadline_exceeded) return ExitCode::timeout;
  if (reason && base::class_of(*reason) == base::ErrorClass::transition) return ExitCode::no;
  return ExitCode::refused;
}

int finish(const Invocation& invocation, const client::Answer& answer, std::string_view tried) {
  for (const auto& error : answer.reported) {
    const bool is_final = answer.error && error == *answer.error;
    if (!is_final && !invocation.json) std::fprintf(stderr, "accepted: %s\n", describe(error).c_str());
  }
  for (const auto& missing : answer.missing) {
    print_error("spexctl " + invocation.verb + ": shard " + std::to_string(missing.shard.value()) +
                " did not take part: " + std::string(base::reason_name(missing.reason)));
  }
  if (!answer.ok) {
    if (invocation.json) print_line(protocol::to_json(answer_document(answer)));
    std::string text = "spexctl: " + std::string(tried) + ": ";
    text += answer.error ? describe(*answer.error) : "no answer";
    const std::string advice = advice_for(invocation, answer);
    print_error(advice.empty() ? text : text + "\n  " + advice);
  }
  return status_of(exit_code_of(answer));
}

Value error_document(const protocol::ErrorBody& error) {
  return Map{{"class", error.error_class}, {"reason", error.reason}, {"context", readable_context(error.context)}};
}

Value missing_document(const std::vector<protocol::MissingShard>& missing) {
  Array list;
  for (const auto& shard : missing) {
    list.push_back(Map{{"shard", shard.shard.value()}, {"reason", base::reason_name(shard.reason)}});
  }
  return list;
}

Value answer_document(const client::Answer& answer, std::string_view name) {
  Map document{{"status", answer.ok ? "ok" : "error"}};
  if (answer.ok && !name.empty()) document.emplace_back(name, answer.body);
  if (answer.error) document.emplace_back("error", error_document(*answer.error));
  Array reported;
  for (const auto& error : answer.reported) reported.push_back(error_document(error));
  document.emplace_back("reported", std::move(reported));
  if (!answer.missing.empty()) document.emplace_back("missing_shards", missing_document(answer.missing));
  return document;
}

}  // namespace spex::ctl
