#include "base/error.h"

#include <array>
#include <cerrno>
#include <cstring>

#include "base/assert.h"

namespace spex::base {
namespace {

struct Row {
  Reason reason;
  ErrorClass error_class;
  std::string_view name;
  Outcome outcome;
};

using enum ErrorClass;
using enum Outcome;

constexpr std::array kRows = {
    Row{Reason::deviation_still_equivalent, transition, "deviation_still_equivalent", executed},
    Row{Reason::deviation_not_equivalent, transition, "deviation_not_equivalent", executed},
    Row{Reason::transition_timeout, transition, "transition_timeout", executed},
    Row{Reason::instance_identifier_already_in_use, instance, "instance_identifier_already_in_use", executed},
    Row{Reason::instance_identifier_not_found, instance, "instance_identifier_not_found", executed},
    Row{Reason::impl_model_not_found, impl_model, "impl_model_not_found", executed},
    Row{Reason::impl_model_deserialisation_failed, impl_model, "deserialisation_failed", executed},
    Row{Reason::specification_not_found, specification, "specification_not_found", executed},
    Row{Reason::specification_deserialisation_failed, specification, "deserialisation_failed", executed},
    Row{Reason::specification_invalid, specification, "invalid", executed},
    Row{Reason::storage_open, storage, "open", executed},
    Row{Reason::storage_lookup, storage, "lookup", executed},
    Row{Reason::storage_insert, storage, "insert", executed},
    Row{Reason::storage_delete, storage, "delete", executed},
    Row{Reason::storage_scan, storage, "scan", executed},
    Row{Reason::storage_sync, storage, "sync", executed},
    Row{Reason::storage_checkpoint, storage, "checkpoint", executed},
    Row{Reason::storage_full, storage, "full", executed},
    Row{Reason::storage_io, storage, "io", executed},
    Row{Reason::storage_corrupt, storage, "corrupt", executed},
    Row{Reason::storage_schema, storage, "schema", executed},
    Row{Reason::shard_unavailable, cluster, "shard_unavailable", not_executed},
    Row{Reason::shard_restarted, cluster, "shard_restarted", unknown},
    Row{Reason::overloaded, cluster, "overloaded", not_executed},
    Row{Reason::deadline_exceeded, cluster, "deadline_exceeded", unknown},
    Row{Reason::draining, cluster, "draining", not_executed},
    Row{Reason::malformed, request, "malformed", not_executed},
    Row{Reason::invalid_argument, request, "invalid_argument", not_executed},
    Row{Reason::unsupported_version, request, "unsupported_version", not_executed},
    Row{Reason::unknown_operation, request, "unknown_operation", not_executed},
    Row{Reason::too_large, request, "too_large", not_executed},
    Row{Reason::request_key_reused, request, "request_key_reused", not_executed},
    Row{Reason::request_key_expired, request, "request_key_expired", not_executed},
    Row{Reason::rate_limited, request, "rate_limited", not_executed},
    Row{Reason::unauthenticated, request, "unauthenticated", not_executed},
    Row{Reason::forbidden, request, "forbidden", not_executed},
};

const Row& row_of(Reason reason) {
  for (const Row& row : kRows) {
    if (row.reason == reason) return row;
  }
  SPEX_ASSERT(false && "a reason without a row");
  return kRows[0];
}

}  // namespace

ErrorClass class_of(Reason reason) { return row_of(reason).error_class; }

std::string_view class_name(ErrorClass error_class) {
  switch (error_class) {
    case transition:
      return "TransitionError";
    case instance:
      return "InstanceError";
    case impl_model:
      return "ImplModelError";
    case specification:
      return "SpecificationError";
    case storage:
      return "StorageError";
    case cluster:
      return "ClusterError";
    case request:
      return "RequestError";
  }
  return "";
}

std::string_view class_name(Reason reason) { return class_name(class_of(reason)); }
std::string_view reason_name(Reason reason) { return row_of(reason).name; }
Outcome outcome_of(Reason reason) { return row_of(reason).outcome; }

std::optional<Reason> parse_reason(std::string_view name_of_class, std::string_view name_of_reason) {
  for (const Row& row : kRows) {
    if (row.name == name_of_reason && class_name(row.error_class) == name_of_class) return row.reason;
  }
  return std::nullopt;
}

std::optional<Reason> reason_from_number(std::uint8_t number) {
  for (const Row& row : kRows) {
    if (static_cast<std::uint8_t>(row.reason) == number) return row.reason;
  }
  return std::nullopt;
}

const std::vector<Reason>& all_reasons() {
  static const std::vector<Reason> reasons = [] {
    std::vector<Reason> all;
    for (const Row& row : kRows) all.push_back(row.reason);
    return all;
  }();
  return reasons;
}

std::string to_string(const Error& error) {
  std::string text{class_name(error.reason)};
  text += ' ';
  text += reason_name(error.reason);
  if (!error.message.empty()) text += ": " + error.message;
  if (error.context.empty()) return text;
  const char* separator = " (";
  for (const auto& [key, value] : error.context) {
    text += separator + key + "=" + value;
    separator = ", ";
  }
  return text + ")";
}

Error system_error(std::string what, int number, Reason otherwise) {
  const bool full = number == ENOSPC || number == EDQUOT;
  return Error(full ? Reason::storage_full : otherwise, std::move(what) + ": " + std::strerror(number));
}

}  // namespace spex::base
