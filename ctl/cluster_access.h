// How verbs reach a cluster: a client for the endpoint, the supervisor by way of
// the router or its control socket, and what an answer means for the exit status.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "clients/cpp/client.h"
#include "ctl/verb.h"
#include "protocol/value.h"

namespace spex::ctl {

// For verbs that a person waits for: repeats, but gives up soon.
client::ClientOptions interactive_options(const Invocation& invocation);

// One request, blocking, with interactive_options.
client::Answer ask(const Invocation& invocation, client::Request request);

// The supervisor's answer to `command`, a JSON document: asked through the router, and
// over `<run_dir>/control.sock` if that does not answer or --run-dir was given without an endpoint.
base::Result<std::string> ask_supervisor(const Invocation& invocation, const std::string& command,
                                         base::Duration timeout);
// Over the control socket only. shard_unavailable if nobody listens there, deadline_exceeded.
base::Result<std::string> ask_control_socket(const std::string& run_dir, const std::string& command,
                                             base::Duration timeout);

// An identifier from the command line: a string, or JSON with --json-id.
base::Result<protocol::Value> parse_identifier(const Invocation& invocation, const std::string& word);
// A JSON option such as --meta; nil if it is not given.
base::Result<protocol::Value> json_option(const Invocation& invocation, std::string_view option);

ExitCode exit_code_of(const client::Answer& answer);
// Prints an error answer (on standard error, or as JSON) saying what was tried, why,
// and what to do; warns of missing shards. Returns the exit status.
int finish(const Invocation& invocation, const client::Answer& answer, std::string_view tried);

// ok or error of an answer, as `--json` prints it; `body` under `name` if not empty.
protocol::Value answer_document(const client::Answer& answer, std::string_view name = {});
protocol::Value error_document(const protocol::ErrorBody& error);
protocol::Value missing_document(const std::vector<protocol::MissingShard>& missing);

}  // namespace spex::ctl
