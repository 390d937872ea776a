#include "protocol/replies.h"

#include <algorithm>

#include "base/json_text.h"
#include "protocol/codec.h"
#include "protocol/msgpack_reader.h"
#include "protocol/msgpack_writer.h"

namespace spex::protocol {
namespace {

using base::fail;
using base::Reason;

// Room for a message's head: array, version, type, list header of at most 5 bytes.
constexpr std::size_t kReplyHeadRoom = 8;
constexpr std::string_view kNilBody{"\xc0", 1};

// Messages may quote what a client sent; what is sent back is UTF-8 all the same.
std::string as_text(std::string text) {
  if (base::is_utf8(text)) return text;
  std::replace_if(
      text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  return text;
}

Value context_of(const base::Error& error) {
  Map context;
  if (!error.message.empty()) context.emplace_back("message", as_text(error.message));
  for (const auto& [key, value] : error.context) context.emplace_back(key, as_text(value));
  return context;
}

base::Error malformed(const char* what) { return fail(Reason::malformed, what); }

// The next value; an empty view for nil.
bool skip_optional(MsgpackReader& reader, std::string_view& value) {
  value = {};
  return reader.take_nil() || reader.skip(value, kMessageDepthMax);
}

bool skip_rest(MsgpackReader& reader, std::uint32_t count) {
  std::string_view ignored;
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!reader.skip(ignored, kMessageDepthMax)) return false;
  }
  return true;
}

bool read_reply_from(MsgpackReader& reader, ReplyView& reply) {
  std::uint32_t size = 0;
  std::uint64_t status = 0;
  if (!reader.read_array(size) || size < 2 || !reader.skip(reply.id, kDepthMax) || !reader.read_uint(status)) {
    return false;
  }
  if (status > 1) return false;
  reply.ok = status == 0;
  reply.body = kNilBody;
  if (size > 2 && !reader.skip(reply.body, kMessageDepthMax)) return false;
  if (size > 3 && !skip_optional(reader, reply.reported)) return false;
  if (size > 4 && !skip_optional(reader, reply.missing)) return false;
  return skip_rest(reader, size > 5 ? size - 5 : 0);
}

// The error's parts as views: class and reason read, context skipped.
base::Result<ErrorBody> error_from(const Value& value) {
  const Array* parts = value.array();
  if (parts == nullptr || parts->size() < 2) return malformed("read error: not [class, reason, context]");
  const std::string* error_class = (*parts)[0].string();
  const std::string* reason = (*parts)[1].string();
  if (error_class == nullptr || reason == nullptr) return malformed("read error: class or reason is no string");
  return ErrorBody{*error_class, *reason, parts->size() > 2 ? (*parts)[2] : Value()};
}

base::Result<void> read_notice(MsgpackReader& reader, std::uint32_t& left, ServerMessage& out) {
  if (left < 3 || !reader.read_uint(out.first) || !reader.read_uint(out.last) ||
      !reader.skip(out.error, kMessageDepthMax)) {
    return malformed("read server message: a notice is [version, 3, first, last, error]");
  }
  left -= 3;
  return {};
}

base::Result<void> read_credit(MsgpackReader& reader, std::uint32_t& left, ServerMessage& out) {
  if (left < 1 || !reader.read_uint(out.credit)) {
    return malformed("read server message: a credit is [version, 4, number]");
  }
  left -= 1;
  return {};
}

base::Result<void> read_replies(MsgpackReader& reader, std::uint32_t& left, ServerMessage& out) {
  std::uint32_t count = 0;
  if (left < 1 || !reader.read_array(count)) return malformed("read server message: no list of replies");
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!read_reply_from(reader, out.replies.emplace_back())) return malformed("read server message: damaged reply");
  }
  left -= 1;
  return {};
}

}  // namespace

ErrorBody ErrorBody::of(Reason reason, Value context) {
  return {std::string(base::class_name(reason)), std::string(base::reason_name(reason)), std::move(context)};
}

ErrorBody ErrorBody::of(const base::Error& error) { return of(error.reason, context_of(error)); }

void append_error(std::string& out, Reason reason, std::string_view context) {
  MsgpackWriter(out).array(3).string(base::class_name(reason)).string(base::reason_name(reason)).raw_or_nil(context);
}

void append_error(std::string& out, const ErrorBody& error) {
  MsgpackWriter(out).array(3).string(error.error_class).string(error.reason);
  append_value(out, error.context);
}

void append_error(std::string& out, const base::Error& error) { append_error(out, ErrorBody::of(error)); }

base::Result<ErrorBody> decode_error(std::string_view encoded) {
  SPEX_TRY_ASSIGN(const Value value, decode_value(encoded));
  return error_from(value);
}

std::optional<std::uint64_t> ReplyView::id_number() const {
  MsgpackReader reader(id);
  std::uint64_t number = 0;
  if (!reader.read_uint(number)) return std::nullopt;
  return number;
}

void append_reply(std::string& out, const ReplyView& reply) {
  const std::uint32_t size = !reply.missing.empty() ? 5 : !reply.reported.empty() ? 4 : 3;
  MsgpackWriter writer(out);
  writer.array(size).raw(reply.id).uint(reply.ok ? 0 : 1).raw_or_nil(reply.body);
  if (size > 3) writer.raw_or_nil(reply.reported);
  if (size > 4) writer.raw(reply.missing);
}

void append_ok(std::string& out, std::string_view id) {
  out.push_back('\x93');
  out.append(id).append("\x00\xc0", 2);
}

void append_error_reply(std::string& out, std::string_view id, const base::Error& error) {
  MsgpackWriter(out).array(3).raw(id).uint(1);
  append_error(out, error);
}

void append_error_reply(std::string& out, std::string_view id, Reason reason, const char* message) {
  MsgpackWriter(out).array(3).raw(id).uint(1);
  MsgpackWriter(out).array(3).string(base::class_name(reason)).string(base::reason_name(reason));
  MsgpackWriter(out).map(1).string("message").string(message);
}

base::Result<ReplyView> read_reply(std::string_view encoded) {
  MsgpackReader reader(encoded);
  ReplyView reply;
  if (!read_reply_from(reader, reply) || !reader.at_end()) {
    return malformed("read reply: not [id, status, body, reported, missing]");
  }
  return reply;
}

std::string encode_missing(const std::vector<MissingShard>& missing) {
  std::string out;
  if (missing.empty()) return out;
  MsgpackWriter writer(out);
  writer.array(static_cast<std::uint32_t>(missing.size()));
  for (const MissingShard& shard : missing) {
    writer.array(2).uint(shard.shard.value()).string(base::reason_name(shard.reason));
  }
  return out;
}

base::Result<std::vector<MissingShard>> decode_missing(std::string_view encoded) {
  std::vector<MissingShard> missing;
  if (encoded.empty()) return missing;
  MsgpackReader reader(encoded);
  std::uint32_t count = 0;
  if (!reader.read_array(count)) return malformed("read missing shards: not a list");
  for (std::uint32_t i = 0; i < count; ++i) {
    std::uint32_t parts = 0;
    std::uint64_t shard = 0;
    std::string_view name;
    if (!reader.read_array(parts) || parts < 2 || !reader.read_uint(shard) || !reader.read_string(name) ||
        !skip_rest(reader, parts - 2)) {
      return malformed("read missing shards: not [shard, reason]");
    }
    const auto reason = base::parse_reason("ClusterError", name);
    missing.push_back({base::ShardId(static_cast<std::uint32_t>(shard)), reason.value_or(Reason::shard_unavailable)});
  }
  return missing;
}

base::Result<Reply> decode_reply(const ReplyView& view) {
  Reply reply;
  reply.ok = view.ok;
  SPEX_TRY_ASSIGN(reply.id, decode_value(view.id));
  SPEX_TRY_ASSIGN(Value body, decode_value(view.body));
  if (view.ok) {
    reply.body = std::move(body);
  } else {
    SPEX_TRY_ASSIGN(reply.error, error_from(body));
  }
  if (!view.reported.empty()) {
    SPEX_TRY_ASSIGN(const Value reported, decode_value(view.reported));
    if (reported.array() == nullptr) return malformed("read reply: `reported` is no list");
    for (const Value& value : *reported.array()) {
      SPEX_TRY_ASSIGN(ErrorBody error, error_from(value));
      reply.reported.push_back(std::move(error));
    }
  }
  SPEX_TRY_ASSIGN(reply.missing, decode_missing(view.missing));
  return reply;
}

std::string encode_cursor(const Cursor& cursor) {
  std::string out;
  MsgpackWriter(out).array(2).uint(cursor.shard.value()).uint(cursor.number);
  return out;
}

base::Result<Cursor> decode_cursor(std::string_view encoded) {
  MsgpackReader reader(encoded);
  std::uint32_t size = 0;
  std::uint64_t shard = 0;
  Cursor cursor;
  if (!reader.read_array(size) || size != 2 || !reader.read_uint(shard) || !reader.read_uint(cursor.number) ||
      !reader.at_end() || shard == 0 || shard > 0xffff) {
    return fail(Reason::invalid_argument, "cursor: not one that this cluster gave");
  }
  cursor.shard = base::ShardId(static_cast<std::uint32_t>(shard));
  return cursor;
}

base::Result<Page> read_page(std::string_view body) {
  MsgpackReader reader(body);
  std::uint32_t size = 0;
  Page page;
  std::string_view cursor;
  if (!reader.read_array(size) || size < 1 || reader.peek() != MsgpackType::array ||
      !reader.skip(page.instances, kMessageDepthMax) || (size > 1 && !skip_optional(reader, cursor))) {
    return malformed("read page: not [instances, cursor]");
  }
  if (!cursor.empty()) {
    SPEX_TRY_ASSIGN(page.next, decode_cursor(cursor));
  }
  return page;
}

void append_page(std::string& out, const Page& page) {
  MsgpackWriter writer(out);
  writer.array(2).raw(page.instances);
  if (page.next) {
    writer.array(2).uint(page.next->shard.value()).uint(page.next->number);
  } else {
    writer.nil();
  }
}

void append_instance(std::string& out, const InstanceFields& fields, std::uint32_t records) {
  MsgpackWriter writer(out);
  writer.map(6).string("specification").string(fields.specification);
  writer.string("identifier").raw(fields.identifier);
  writer.string("meta").raw_or_nil(fields.meta);
  writer.string("current_state").string(fields.current_state);
  writer.string("transitions_total").uint(fields.transitions_total);
  writer.string("transitions").array(records);
}

void append_record(std::string& out, std::string_view action, std::string_view to_state, std::int64_t at,
                   std::optional<std::int64_t> occurred_at) {
  MsgpackWriter writer(out);
  writer.array(occurred_at ? 4 : 3).string(action).string(to_state).integer(at);
  if (occurred_at) writer.integer(*occurred_at);
}

ReplyMessageWriter::ReplyMessageWriter() : buffer_(kReplyHeadRoom, '\0') {}

std::string_view ReplyMessageWriter::message() {
  std::string head;
  MsgpackWriter(head).array(3).uint(kVersion).uint(static_cast<std::uint64_t>(MessageType::reply)).array(count_);
  const std::size_t start = kReplyHeadRoom - head.size();  // right before the first reply
  buffer_.replace(start, head.size(), head);
  return std::string_view(buffer_).substr(start);
}

void ReplyMessageWriter::clear() {
  buffer_.resize(kReplyHeadRoom);
  count_ = 0;
}

std::string encode_refusal(const base::Error& error) {
  ReplyMessageWriter writer;
  append_error_reply(writer.add_in_place(), kNilBody, error);
  return std::string(writer.message());
}

std::string encode_notice(std::uint64_t first, std::uint64_t last, const base::Error& error) {
  std::string out;
  MsgpackWriter(out).array(5).uint(kVersion).uint(static_cast<std::uint64_t>(MessageType::notice));
  MsgpackWriter(out).uint(first).uint(last);
  append_error(out, error);
  return out;
}

std::string encode_credit(std::uint64_t number) {
  std::string out;
  MsgpackWriter(out).array(3).uint(kVersion).uint(static_cast<std::uint64_t>(MessageType::credit)).uint(number);
  return out;
}

base::Result<void> read_server_message(std::string_view message, ServerMessage& out) {
  out.replies.clear();
  MsgpackReader reader(message);
  std::uint32_t left = 0;
  std::uint64_t version = 0;
  std::uint64_t type = 0;
  if (!reader.read_array(left) || left < 2 || !reader.read_uint(version)) {
    return malformed("read server message: not [version, type, …]");
  }
  if (version != kVersion) return fail(Reason::unsupported_version, "read server message: another version");
  if (!reader.read_uint(type)) return malformed("read server message: no type");
  left -= 2;
  out.type = static_cast<MessageType>(type);
  switch (type) {
    case static_cast<std::uint64_t>(MessageType::reply):
      SPEX_TRY(read_replies(reader, left, out));
      break;
    case static_cast<std::uint64_t>(MessageType::notice):
      SPEX_TRY(read_notice(reader, left, out));
      break;
    case static_cast<std::uint64_t>(MessageType::credit):
      SPEX_TRY(read_credit(reader, left, out));
      break;
    default:
      return malformed("read server message: unknown type");
  }
  if (!skip_rest(reader, left) || !reader.at_end()) return malformed("read server message: damaged end");
  return {};
}

}  // namespace spex::protocol
