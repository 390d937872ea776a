// One line of `spexctl batch`: from JSON to a request, and from an answer to the
// JSON of the reply. Pure. The forms stand in docs/batch.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "clients/cpp/client.h"
#include "clients/cpp/paging.h"
#include "protocol/value.h"

namespace spex::ctl {

struct BatchLine {
  std::string op;
  protocol::Value args;
  std::optional<protocol::Value> ref;
};

// malformed (the line is no request). A `ref` that could be read is in `ref` also then.
base::Result<BatchLine> parse_batch_line(std::string_view text, std::optional<protocol::Value>& ref);

// What to send: one request, or the first of several whose answers `done` gets
// as one. The ordering between lines is set in it. malformed for an unknown operation, a keyed one without
// `id`, unknown arguments, and a filter that cannot be read.
base::Result<client::Paged> make_batch_request(const BatchLine& line, client::Callback done);

// The reply line without its end.
std::string batch_reply(const std::string& op, const client::Answer& answer, const std::optional<protocol::Value>& ref);
std::string batch_refusal(const base::Error& error, const std::optional<protocol::Value>& ref);

}  // namespace spex::ctl
