// The arguments of each operation, typed, in the order of the wire. decode()
// reads the encoded array of a RequestHeader (empty: no arguments), encode()
// appends it. Views point into the message. Unknown trailing elements are
// ignored. Fails with invalid_argument naming the argument.
//
// Checks types and wire limits only; names, states and texts are judged by
// whoever executes the operation.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "protocol/replies.h"

namespace spex::protocol {

struct InitArguments {  // init_instance and its async form
  std::string_view specification;
  std::string_view meta;           // encoded map; empty: nil
  std::string_view initial_state;  // empty: the specification's
  std::optional<std::int64_t> occurred_at;
};
struct TransitionArguments {  // transition and its async form
  std::string_view action;
  std::string_view to_state;
  std::optional<std::int64_t> occurred_at;
};
struct MockArguments {
  std::string_view specification;
  std::string_view state;
  std::string_view meta;  // encoded map; empty: nil
};
struct GetArguments {
  std::uint32_t limit = kPageRecordsMax;  // 0..kPageRecordsMax; more is cut to that
  std::uint32_t before = 0;               // record number; 0: from the newest
};
struct AllInstancesArguments {
  std::string_view filter;                  // encoded; empty: every instance
  std::uint32_t limit = kPageInstancesMax;  // 1..kPageInstancesMax; more is cut to that
  std::optional<Cursor> cursor;
};
struct ReadEventsArguments {
  std::uint32_t shard = 0;
  std::uint64_t after = 0;
  std::uint32_t limit = kPageRecordsMax;
};
struct DeleteInstancesArguments {
  std::string_view filter;  // encoded, never empty: the filter must be given
};
struct SetLearningModeArguments {
  std::string_view specification;
  bool learning = false;
};
struct TextArguments {  // import_impl_model, define_specification, control
  std::string_view text;
};
struct RemoveSpecificationArguments {
  std::string_view specification;
  bool force = false;
};
struct SpecificationArguments {  // show_specification
  std::string_view specification;
};
struct CheckArguments {  // check_impl_model
  std::string_view specification;
  bool has_transition = false;  // "is the model together with this one equivalent?"
  std::string_view from;        // empty: nil, an initialisation
  std::string_view action;
  std::string_view to;
};

base::Result<void> decode(std::string_view arguments, InitArguments& out);
base::Result<void> decode(std::string_view arguments, TransitionArguments& out);
base::Result<void> decode(std::string_view arguments, MockArguments& out);
base::Result<void> decode(std::string_view arguments, GetArguments& out);
base::Result<void> decode(std::string_view arguments, AllInstancesArguments& out);
base::Result<void> decode(std::string_view arguments, ReadEventsArguments& out);
base::Result<void> decode(std::string_view arguments, DeleteInstancesArguments& out);
base::Result<void> decode(std::string_view arguments, SetLearningModeArguments& out);
base::Result<void> decode(std::string_view arguments, TextArguments& out);
base::Result<void> decode(std::string_view arguments, RemoveSpecificationArguments& out);
base::Result<void> decode(std::string_view arguments, SpecificationArguments& out);
base::Result<void> decode(std::string_view arguments, CheckArguments& out);

void encode(const InitArguments& arguments, std::string& out);
void encode(const TransitionArguments& arguments, std::string& out);
void encode(const MockArguments& arguments, std::string& out);
void encode(const GetArguments& arguments, std::string& out);
void encode(const AllInstancesArguments& arguments, std::string& out);
void encode(const ReadEventsArguments& arguments, std::string& out);
void encode(const DeleteInstancesArguments& arguments, std::string& out);
void encode(const SetLearningModeArguments& arguments, std::string& out);
void encode(const TextArguments& arguments, std::string& out);
void encode(const RemoveSpecificationArguments& arguments, std::string& out);
void encode(const SpecificationArguments& arguments, std::string& out);
void encode(const CheckArguments& arguments, std::string& out);

}  // namespace spex::protocol
