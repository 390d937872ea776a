#include "protocol/requests.h"

#include <algorithm>

#include "base/hash.h"
#include "protocol/msgpack_reader.h"
#include "protocol/msgpack_writer.h"

namespace spex::protocol {
namespace {

using base::fail;
using base::Reason;

constexpr std::string_view kNil{"\xc0", 1};
// Where a message's head goes: array, version, type, client (9), list header (3).
constexpr std::size_t kRequestHeadRoom = 16;
// Of the numbers of a request before and after identifier and arguments: array (1) and two of 9.
constexpr std::size_t kRequestFieldBytesMax = 19;

void set_fault(RequestHeader& header, Reason reason, const char* what) {
  if (!header.fault) header.fault = RequestFault{reason, what};
}

bool read_optional_uint(MsgpackReader& reader, std::optional<std::uint64_t>& value) {
  if (reader.take_nil()) return true;
  std::uint64_t number = 0;
  if (!reader.read_uint(number)) return false;
  value = number;
  return true;
}

bool read_id(MsgpackReader& reader, RequestHeader& header) {
  if (!reader.skip(header.id, kDepthMax)) return false;
  if (header.id.size() > kRequestIdBytesMax) {
    header.id = kNil;
    set_fault(header, Reason::too_large, "the request id has more than 64 bytes");
  }
  return true;
}

bool read_id_and_operation(MsgpackReader& reader, RequestHeader& header) {
  if (!read_id(reader, header)) return false;
  std::uint64_t number = 0;
  MsgpackReader attempt = reader;
  if (!attempt.read_uint(number)) {
    set_fault(header, Reason::malformed, "the operation is no unsigned integer");
    std::string_view ignored;
    return reader.skip(ignored, kMessageDepthMax);
  }
  reader = attempt;
  header.operation = find_operation(number);
  if (header.operation == nullptr) set_fault(header, Reason::unknown_operation, "there is no such operation");
  return true;
}

bool read_arguments(MsgpackReader& reader, RequestHeader& header) {
  if (reader.take_nil()) return true;
  const bool is_array = reader.peek() == MsgpackType::array;
  if (!reader.skip(header.arguments, kMessageDepthMax)) return false;
  if (is_array) return true;
  header.arguments = {};
  set_fault(header, Reason::malformed, "the arguments are no array");
  return true;
}

// One of the two unsigned integers at the end of a request. A value of another
// type is skipped, so that the rest of the message can still be read.
bool read_trailing_uint(MsgpackReader& reader, RequestHeader& header, const char* what,
                        std::optional<std::uint64_t>& value) {
  MsgpackReader attempt = reader;
  if (read_optional_uint(attempt, value)) {
    reader = attempt;
    return true;
  }
  set_fault(header, Reason::malformed, what);
  std::string_view ignored;
  return reader.skip(ignored, kMessageDepthMax);
}

bool read_timeout(MsgpackReader& reader, RequestHeader& header) {
  std::optional<std::uint64_t> timeout;
  if (!read_trailing_uint(reader, header, "the timeout is no unsigned integer", timeout)) return false;
  if (!timeout) return true;
  if (*timeout == 0) set_fault(header, Reason::invalid_argument, "the timeout is 0 ms");
  header.timeout_ms = static_cast<std::uint32_t>(std::min(*timeout, kTimeoutMillisecondsMax));
  return true;
}

void check_client_is_named(RequestHeader& header, bool has_client) {
  if (header.operation == nullptr) return;
  if (!header.operation->mutates) header.key.reset();
  if (header.key && !has_client) {
    set_fault(header, Reason::invalid_argument, "a request key needs a client number in the message");
  }
  if (!header.operation->is_async) return;
  if (!has_client) set_fault(header, Reason::invalid_argument, "an async request needs a client number in the message");
  if (header.async_number() == 0) {
    set_fault(header, Reason::invalid_argument, "the id of an async request is no number from 1");
  }
}

// The elements of a request array of `size`; false if the bytes are damaged.
bool read_fields(MsgpackReader& reader, std::uint32_t size, RequestHeader& header) {
  if (!read_id_and_operation(reader, header)) return false;
  if (size > 2 && !reader.skip(header.identifier, kMessageDepthMax)) return false;
  if (size > 3 && !read_arguments(reader, header)) return false;
  if (size > 4 && !read_trailing_uint(reader, header, "the request key is no unsigned integer", header.key)) {
    return false;
  }
  if (size > 5 && !read_timeout(reader, header)) return false;
  std::string_view ignored;
  for (std::uint32_t i = 6; i < size; ++i) {
    if (!reader.skip(ignored, kMessageDepthMax)) return false;
  }
  return true;
}

bool read_one(MsgpackReader& reader, bool has_client, RequestHeader& header) {
  const char* const begin = reader.position();
  header.id = kNil;
  header.identifier = kNil;
  std::uint32_t size = 0;
  MsgpackReader attempt = reader;
  if (attempt.peek() == MsgpackType::array && attempt.read_array(size) && size >= 2) {
    reader = attempt;
    if (!read_fields(reader, size, header)) return false;
    check_client_is_named(header, has_client);
  } else if (size == 1) {
    reader = attempt;
    if (!read_id(reader, header)) return false;
    set_fault(header, Reason::malformed, "the request has no operation");
  } else {
    set_fault(header, Reason::malformed, "a request is an array of id, operation, …");
    std::string_view ignored;
    if (!reader.skip(ignored, kMessageDepthMax)) return false;
  }
  header.bytes = {begin, static_cast<std::size_t>(reader.position() - begin)};
  return true;
}

base::Error damaged() { return fail(Reason::malformed, "read message: truncated, nested too deep or no MessagePack"); }

// [version, type, client, count of requests] up to the first request.
base::Result<std::uint32_t> read_head(MsgpackReader& reader, std::uint32_t& elements,
                                      std::optional<std::uint64_t>& client) {
  if (reader.peek() != MsgpackType::array) return fail(Reason::malformed, "read message: not an array");
  if (!reader.read_array(elements)) return damaged();
  std::uint64_t number = 0;
  if (elements == 0 || !reader.read_uint(number)) return fail(Reason::malformed, "read message: no version");
  if (number != kVersion) {
    return fail(Reason::unsupported_version,
                "read message: version " + std::to_string(number) + ", this server speaks " + std::to_string(kVersion));
  }
  if (elements < 2 || !reader.read_uint(number) || number != static_cast<std::uint64_t>(MessageType::request)) {
    return fail(Reason::malformed, "read message: the type is not 1, request");
  }
  if (elements < 3 || !read_optional_uint(reader, client)) {
    return fail(Reason::malformed, "read message: the client is neither nil nor an unsigned integer");
  }
  std::uint32_t count = 0;
  if (elements < 4 || reader.peek() != MsgpackType::array) {
    return fail(Reason::malformed, "read message: no list of requests");
  }
  if (!reader.read_array(count)) return damaged();
  if (count > kRequestsPerMessageMax) {
    return fail(Reason::too_large, "read message: more than " + std::to_string(kRequestsPerMessageMax) + " requests");
  }
  return count;
}

}  // namespace

std::uint64_t RequestHeader::async_number() const {
  MsgpackReader reader(id);
  std::uint64_t number = 0;
  return reader.read_uint(number) ? number : 0;
}

base::Result<void> RequestMessageReader::read(std::string_view message) {
  client_.reset();
  requests_.clear();
  MsgpackReader reader(message);
  std::uint32_t elements = 0;
  SPEX_TRY_ASSIGN(const std::uint32_t count, read_head(reader, elements, client_));
  for (std::uint32_t i = 0; i < count; ++i) {
    if (!read_one(reader, client_.has_value(), requests_.emplace_back())) {
      requests_.clear();
      return damaged();
    }
  }
  std::string_view ignored;
  for (std::uint32_t i = 4; i < elements; ++i) {
    if (!reader.skip(ignored, kMessageDepthMax)) return damaged();
  }
  if (!reader.at_end()) return fail(Reason::malformed, "read message: bytes after its end");
  return {};
}

bool read_request(std::string_view bytes, bool has_client, RequestHeader& header) {
  header = RequestHeader{};
  MsgpackReader reader(bytes);
  return read_one(reader, has_client, header) && reader.at_end();
}

RequestMessageWriter::RequestMessageWriter(std::optional<std::uint64_t> client)
    : client_(client), buffer_(kRequestHeadRoom, '\0') {}

void RequestMessageWriter::add(std::uint64_t id, Operation operation, std::string_view identifier,
                               std::string_view arguments, std::optional<std::uint64_t> key,
                               std::optional<std::uint32_t> timeout_ms) {
  append_request(buffer_, id, operation, identifier, arguments, key, timeout_ms);
  ++count_;
}

void RequestMessageWriter::add(std::string_view request) {
  buffer_.append(request);
  ++count_;
}

std::string_view RequestMessageWriter::message() {
  std::string head;
  MsgpackWriter writer(head);
  writer.array(4).uint(kVersion).uint(static_cast<std::uint64_t>(MessageType::request));
  if (client_) {
    writer.uint(*client_);
  } else {
    writer.nil();
  }
  writer.array(static_cast<std::uint32_t>(count_));
  const std::size_t start = kRequestHeadRoom - head.size();  // right before the first request
  buffer_.replace(start, head.size(), head);
  return std::string_view(buffer_).substr(start);
}

void RequestMessageWriter::clear() {
  buffer_.resize(kRequestHeadRoom);
  count_ = 0;
}

void append_request(std::string& out, std::uint64_t id, Operation operation, std::string_view identifier,
                    std::string_view arguments, std::optional<std::uint64_t> key,
                    std::optional<std::uint32_t> timeout_ms) {
  const bool has_identifier = !identifier.empty() && identifier != kNil;
  const std::uint32_t size = timeout_ms ? 6 : key ? 5 : !arguments.empty() ? 4 : has_identifier ? 3 : 2;
  ShortBytes<kRequestFieldBytesMax> head;
  BasicMsgpackWriter(head).array(size).uint(id).uint(static_cast<std::uint64_t>(operation));
  ShortBytes<kRequestFieldBytesMax> tail;
  BasicMsgpackWriter writer(tail);
  if (size > 4) key ? writer.uint(*key) : writer.nil();
  if (size > 5) writer.uint(*timeout_ms);
  out.append(head.view());
  if (size > 2) out.append(identifier.empty() ? kNil : identifier);
  if (size > 3) out.append(arguments.empty() ? kNil : arguments);
  out.append(tail.view());
}

std::uint32_t request_fingerprint(Operation operation, std::string_view canonical_identifier,
                                  std::string_view arguments) {
  // Chained seeds instead of one concatenation: nothing is copied.
  const std::uint64_t of_identifier = base::hash64(canonical_identifier, static_cast<std::uint64_t>(operation));
  return static_cast<std::uint32_t>(base::hash64(arguments, of_identifier));
}

}  // namespace spex::protocol
