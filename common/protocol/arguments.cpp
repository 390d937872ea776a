#include "protocol/arguments.h"

#include <algorithm>

#include "protocol/identifier.h"
#include "protocol/msgpack_reader.h"
#include "protocol/msgpack_writer.h"

namespace spex::protocol {
namespace {

using base::fail;
using base::Reason;

// Reads the elements of an arguments array one by one; those past its end are nil.
class Elements {
 public:
  explicit Elements(std::string_view arguments) : reader_(arguments) {
    if (!arguments.empty() && !reader_.read_array(left_)) left_ = 0;
  }

  base::Result<void> string(const char* name, std::string_view& value) {
    if (!next() || !reader_.read_string(value)) return wrong(name, "a string");
    return {};
  }
  base::Result<void> optional_string(const char* name, std::string_view& value) {
    if (!next()) return {};
    if (!reader_.read_string(value) || value.empty()) return wrong(name, "nil or a string of at least one byte");
    return {};
  }
  base::Result<void> boolean(const char* name, bool& value) {
    if (!next() || !reader_.read_bool(value)) return wrong(name, "true or false");
    return {};
  }
  base::Result<void> optional_boolean(const char* name, bool& value) {
    if (next() && !reader_.read_bool(value)) return wrong(name, "nil, true or false");
    return {};
  }
  base::Result<void> uint(const char* name, std::uint64_t& value) {
    if (!next() || !reader_.read_uint(value)) return wrong(name, "an unsigned integer");
    return {};
  }
  // nil leaves `value` as it is; a larger number is cut to `most`.
  base::Result<void> optional_uint(const char* name, std::uint64_t least, std::uint64_t most, std::uint32_t& value) {
    if (!next()) return {};
    std::uint64_t number = 0;
    if (!reader_.read_uint(number) || number < least) {
      return wrong(name, least == 0 ? "nil or an unsigned integer" : "nil or an integer from 1");
    }
    value = static_cast<std::uint32_t>(std::min(number, most));
    return {};
  }
  base::Result<void> optional_timestamp(const char* name, std::optional<std::int64_t>& value) {
    if (!next()) return {};
    std::int64_t number = 0;
    if (!reader_.read_int(number)) return wrong(name, "nil or an integer, microseconds since 1970");
    value = number;
    return {};
  }
  base::Result<void> meta(std::string_view& value) {
    SPEX_TRY(any("meta", value));
    if (value.empty()) return {};
    return check_meta(value);
  }
  // An encoded value; empty for nil and past the end.
  base::Result<void> any(const char* name, std::string_view& value) {
    if (next() && !reader_.skip(value, kMessageDepthMax)) return wrong(name, "a MessagePack value");
    return {};
  }

 private:
  // Whether there is an element that is not nil.
  bool next() {
    if (left_ == 0) return false;
    --left_;
    return !reader_.take_nil();
  }
  static base::Error wrong(const char* name, const char* expected) {
    return fail(Reason::invalid_argument, std::string("argument `") + name + "` is not " + expected)
        .with("argument", name);
  }

  MsgpackReader reader_;
  std::uint32_t left_ = 0;
};

// Appends the array header that leaves out trailing nils: `present` tells of
// each optional element after the first `required` whether it is there.
std::uint32_t used(std::uint32_t required, std::initializer_list<bool> present) {
  std::uint32_t size = required;
  std::uint32_t index = required;
  for (const bool is_present : present) {
    ++index;
    if (is_present) size = index;
  }
  return size;
}

void write_optional(MsgpackWriter& writer, std::optional<std::int64_t> value) {
  if (value) {
    writer.integer(*value);
  } else {
    writer.nil();
  }
}

constexpr std::uint64_t kUint32Max = 0xffffffff;

}  // namespace

base::Result<void> decode(std::string_view arguments, InitArguments& out) {
  out = {};
  Elements elements(arguments);
  SPEX_TRY(elements.string("specification", out.specification));
  SPEX_TRY(elements.meta(out.meta));
  SPEX_TRY(elements.optional_string("initial_state", out.initial_state));
  return elements.optional_timestamp("occurred_at", out.occurred_at);
}

void encode(const InitArguments& arguments, std::string& out) {
  const std::uint32_t size =
      used(1, {!arguments.meta.empty(), !arguments.initial_state.empty(), arguments.occurred_at.has_value()});
  MsgpackWriter writer(out);
  writer.array(size).string(arguments.specification);
  if (size > 1) writer.raw_or_nil(arguments.meta);
  if (size > 2) writer.string_or_nil(arguments.initial_state);
  if (size > 3) write_optional(writer, arguments.occurred_at);
}

base::Result<void> decode(std::string_view arguments, TransitionArguments& out) {
  out = {};
  Elements elements(arguments);
  SPEX_TRY(elements.string("action", out.action));
  SPEX_TRY(elements.string("to_state", out.to_state));
  return elements.optional_timestamp("occurred_at", out.occurred_at);
}

void encode(const TransitionArguments& arguments, std::string& out) {
  MsgpackWriter writer(out);
  writer.array(arguments.occurred_at ? 3 : 2).string(arguments.action).string(arguments.to_state);
  if (arguments.occurred_at) writer.integer(*arguments.occurred_at);
}

base::Result<void> decode(std::string_view arguments, MockArguments& out) {
  out = {};
  Elements elements(arguments);
  SPEX_TRY(elements.string("specification", out.specification));
  SPEX_TRY(elements.string("state", out.state));
  return elements.meta(out.meta);
}

void encode(const MockArguments& arguments, std::string& out) {
  MsgpackWriter writer(out);
  writer.array(arguments.meta.empty() ? 2 : 3).string(arguments.specification).string(arguments.state);
  if (!arguments.meta.empty()) writer.raw(arguments.meta);
}

base::Result<void> decode(std::string_view arguments, GetArguments& out) {
  out = {};
  Elements elements(arguments);
  SPEX_TRY(elements.optional_uint("limit", 0, kPageRecordsMax, out.limit));
  return elements.optional_uint("before", 0, kUint32Max, out.before);
}

void encode(const GetArguments& arguments, std::string& out) {
  const std::uint32_t size = used(0, {arguments.limit != kPageRecordsMax, arguments.before != 0});
  MsgpackWriter writer(out);
  writer.array(size);
  if (size > 0) writer.uint(arguments.limit);
  if (size > 1) writer.uint(arguments.before);
}

base::Result<void> decode(std::string_view arguments, AllInstancesArguments& out) {
  out = {};
  Elements elements(arguments);
  std::string_view cursor;
  SPEX_TRY(elements.any("filter", out.filter));
  SPEX_TRY(elements.optional_uint("limit", 1, kPageInstancesMax, out.limit));
  SPEX_TRY(elements.any("cursor", cursor));
  if (cursor.empty()) return {};
  SPEX_TRY_ASSIGN(out.cursor, decode_cursor(cursor));
  return {};
}

void encode(const AllInstancesArguments& arguments, std::string& out) {
  const std::uint32_t size =
      used(0, {!arguments.filter.empty(), arguments.limit != kPageInstancesMax, arguments.cursor.has_value()});
  MsgpackWriter writer(out);
  writer.array(size);
  if (size > 0) writer.raw_or_nil(arguments.filter);
  if (size > 1) writer.uint(arguments.limit);
  if (size > 2) writer.raw(encode_cursor(*arguments.cursor));
}

base::Result<void> decode(std::string_view arguments, ReadEventsArguments& out) {
  out = {};
  Elements elements(arguments);
  std::uint64_t shard = 0;
  SPEX_TRY(elements.uint("shard", shard));
  SPEX_TRY(elements.uint("after", out.after));
  SPEX_TRY(elements.optional_uint("limit", 1, kPageRecordsMax, out.limit));
  if (shard == 0 || shard > 0xffff) return fail(Reason::invalid_argument, "argument `shard` is no shard number");
  out.shard = static_cast<std::uint32_t>(shard);
  return {};
}

void encode(const ReadEventsArguments& arguments, std::string& out) {
  MsgpackWriter writer(out);
  writer.array(arguments.limit != kPageRecordsMax ? 3 : 2).uint(arguments.shard).uint(arguments.after);
  if (arguments.limit != kPageRecordsMax) writer.uint(arguments.limit);
}

base::Result<void> decode(std::string_view arguments, DeleteInstancesArguments& out) {
  out = {};
  SPEX_TRY(Elements(arguments).any("filter", out.filter));
  if (!out.filter.empty()) return {};
  return fail(Reason::invalid_argument, "argument `filter` is missing; {} deletes all instances")
      .with("argument", "filter");
}

void encode(const DeleteInstancesArguments& arguments, std::string& out) {
  MsgpackWriter(out).array(1).raw(arguments.filter);
}

base::Result<void> decode(std::string_view arguments, SetLearningModeArguments& out) {
  out = {};
  Elements elements(arguments);
  SPEX_TRY(elements.string("specification", out.specification));
  return elements.boolean("learning", out.learning);
}

void encode(const SetLearningModeArguments& arguments, std::string& out) {
  MsgpackWriter(out).array(2).string(arguments.specification).boolean(arguments.learning);
}

base::Result<void> decode(std::string_view arguments, TextArguments& out) {
  out = {};
  return Elements(arguments).string("text", out.text);
}

void encode(const TextArguments& arguments, std::string& out) { MsgpackWriter(out).array(1).string(arguments.text); }

base::Result<void> decode(std::string_view arguments, RemoveSpecificationArguments& out) {
  out = {};
  Elements elements(arguments);
  SPEX_TRY(elements.string("specification", out.specification));
  return elements.optional_boolean("force", out.force);
}

void encode(const RemoveSpecificationArguments& arguments, std::string& out) {
  MsgpackWriter writer(out);
  writer.array(arguments.force ? 2 : 1).string(arguments.specification);
  if (arguments.force) writer.boolean(true);
}

base::Result<void> decode(std::string_view arguments, SpecificationArguments& out) {
  out = {};
  return Elements(arguments).string("specification", out.specification);
}

void encode(const SpecificationArguments& arguments, std::string& out) {
  MsgpackWriter(out).array(1).string(arguments.specification);
}

base::Result<void> decode(std::string_view arguments, CheckArguments& out) {
  out = {};
  Elements elements(arguments);
  std::string_view transition;
  SPEX_TRY(elements.string("specification", out.specification));
  SPEX_TRY(elements.any("transition", transition));
  if (transition.empty()) return {};
  out.has_transition = true;
  MsgpackReader reader(transition);
  std::uint32_t size = 0;
  const bool read = reader.read_array(size) && size == 3 && (reader.take_nil() || reader.read_string(out.from)) &&
                    reader.read_string(out.action) && reader.read_string(out.to);
  if (read) return {};
  return fail(Reason::invalid_argument, "argument `transition` is not [from or nil, action, to]")
      .with("argument", "transition");
}

void encode(const CheckArguments& arguments, std::string& out) {
  MsgpackWriter writer(out);
  writer.array(arguments.has_transition ? 2 : 1).string(arguments.specification);
  if (!arguments.has_transition) return;
  writer.array(3).string_or_nil(arguments.from).string(arguments.action).string(arguments.to);
}

}  // namespace spex::protocol
