// The closed set of error reasons (shared by wire, log and tests) and `Error`.
//
// Clients and tests match on class and reason, never on message text. Adding a
// reason: one row in the table in error.cpp and one in docs/protocol.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spex::base {

enum class ErrorClass : std::uint8_t {
  transition,
  instance,
  impl_model,
  specification,
  storage,
  cluster,
  request,
};

// Numbers are stored in shard files and never reused.
enum class Reason : std::uint8_t {
  deviation_still_equivalent = 1,
  deviation_not_equivalent = 2,
  transition_timeout = 3,
  instance_identifier_already_in_use = 10,
  instance_identifier_not_found = 11,
  impl_model_not_found = 20,
  impl_model_deserialisation_failed = 21,
  specification_not_found = 30,
  specification_deserialisation_failed = 31,
  specification_invalid = 32,
  storage_open = 40,
  storage_lookup = 41,
  storage_insert = 42,
  storage_delete = 43,
  storage_scan = 44,
  storage_sync = 45,
  storage_checkpoint = 46,
  storage_full = 47,
  storage_io = 48,
  storage_corrupt = 49,
  storage_schema = 50,
  shard_unavailable = 60,
  shard_restarted = 61,
  overloaded = 62,
  deadline_exceeded = 63,
  draining = 64,
  malformed = 70,
  invalid_argument = 71,
  unsupported_version = 72,
  unknown_operation = 73,
  too_large = 74,
  request_key_reused = 75,
  request_key_expired = 76,
  rate_limited = 77,
  unauthenticated = 78,
  forbidden = 79,
};

// What a client may conclude about a request answered with this reason.
enum class Outcome : std::uint8_t {
  not_executed,  // no effect; may be repeated
  executed,      // the effect (or the definite refusal) is final
  unknown,       // repeat with the same request key
};

ErrorClass class_of(Reason reason);
std::string_view class_name(ErrorClass error_class);  // "TransitionError", …
std::string_view class_name(Reason reason);
std::string_view reason_name(Reason reason);  // "shard_unavailable", "open", … (unique within its class)
Outcome outcome_of(Reason reason);
std::optional<Reason> parse_reason(std::string_view class_name, std::string_view reason_name);
// By number, as stored in shard files. Nothing for numbers no version has used.
std::optional<Reason> reason_from_number(std::uint8_t number);
// Every reason, in numeric order; for tables in documents and tests.
const std::vector<Reason>& all_reasons();

// An error of operation: what was tried, on what, why. `message` is for people.
struct Error {
  Reason reason = Reason::invalid_argument;
  std::string message;
  std::vector<std::pair<std::string, std::string>> context;

  Error(Reason reason_of_failure, std::string text) : reason(reason_of_failure), message(std::move(text)) {}
  Error&& with(std::string key, std::string value) && {
    context.emplace_back(std::move(key), std::move(value));
    return std::move(*this);
  }
};

// "StorageError open: open shard_3.sqlite: file is not a database (path=…)".
std::string to_string(const Error& error);

// An error for a failed system call: "<what>: <strerror(number)>"; ENOSPC and
// EDQUOT become storage_full, everything else `otherwise`.
Error system_error(std::string what, int number, Reason otherwise = Reason::storage_io);

}  // namespace spex::base
