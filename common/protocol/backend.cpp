#include "protocol/backend.h"

#include <array>
#include <bit>
#include <cstring>

namespace spex::protocol {
namespace {

static_assert(std::endian::native == std::endian::little, "the headers are little-endian words as they lie in memory");

constexpr std::size_t kRequestHeaderBytes = 26;  // 8 + 8 + 1 + 1 + 4 + 4
constexpr std::size_t kReplyHeaderBytes = 12;    // 8 + 4

template <typename Word>
void put(std::string& out, Word word) {
  char bytes[sizeof word];
  std::memcpy(bytes, &word, sizeof word);
  out.append(bytes, sizeof bytes);
}

// A header of several words, to be appended at once.
template <std::size_t kBytes>
class Header {
 public:
  template <typename Word>
  Header& put(Word word) {
    std::memcpy(&bytes_[used_], &word, sizeof word);
    used_ += sizeof word;
    return *this;
  }
  std::string_view bytes() const { return {bytes_.data(), kBytes}; }

 private:
  std::array<char, kBytes> bytes_;
  std::size_t used_ = 0;
};

// The caller has checked that the bytes are there.
template <typename Word>
Word take(std::string_view& rest) {
  Word word;
  std::memcpy(&word, rest.data(), sizeof word);
  rest.remove_prefix(sizeof word);
  return word;
}

std::string_view take_bytes(std::string_view& rest, std::size_t length) {
  const std::string_view bytes = rest.substr(0, length);
  rest.remove_prefix(length);
  return bytes;
}

void put_kind(std::string& out, BackendKind kind) { out.push_back(static_cast<char>(kind)); }

bool is_kind(std::string_view frame, BackendKind kind) {
  return !frame.empty() && static_cast<std::uint8_t>(frame[0]) == static_cast<std::uint8_t>(kind);
}

// What follows the kind byte; nothing for a frame of another kind.
std::string_view entries(std::string_view frame, BackendKind kind, bool& damaged) {
  damaged = !is_kind(frame, kind);
  return damaged ? std::string_view{} : frame.substr(1);
}

}  // namespace

std::string encode(const BackendHello& hello) {
  std::string frame;
  put_kind(frame, BackendKind::hello);
  put(frame, hello.router_incarnation);
  return frame;
}

std::string encode(const BackendReady& ready) {
  std::string frame;
  put_kind(frame, BackendKind::ready);
  put(frame, ready.shard);
  put(frame, ready.incarnation);
  put(frame, ready.pid);
  return frame;
}

std::string encode_last() {
  std::string frame;
  put_kind(frame, BackendKind::last);
  return frame;
}

void begin_requests(std::string& frame) {
  frame.clear();
  put_kind(frame, BackendKind::requests);
}

void append(std::string& frame, const BackendRequest& request) {
  Header<kRequestHeaderBytes> header;
  header.put(request.token).put(request.client).put(request.round).put(request.flags);
  header.put(static_cast<std::uint32_t>(request.request.size()));
  header.put(static_cast<std::uint32_t>(request.gathered.size()));
  frame.append(header.bytes());
  frame.append(request.request);
  frame.append(request.gathered);
}

void begin_replies(std::string& frame) {
  frame.clear();
  put_kind(frame, BackendKind::replies);
}

void append(std::string& frame, const BackendReply& reply) {
  Header<kReplyHeaderBytes> header;
  header.put(reply.token).put(static_cast<std::uint32_t>(reply.reply.size()));
  frame.append(header.bytes()).append(reply.reply);
}

std::optional<BackendKind> backend_kind(std::string_view frame) {
  for (const BackendKind kind :
       {BackendKind::hello, BackendKind::ready, BackendKind::requests, BackendKind::replies, BackendKind::last}) {
    if (is_kind(frame, kind)) return kind;
  }
  return std::nullopt;
}

std::optional<BackendHello> decode_hello(std::string_view frame) {
  if (!is_kind(frame, BackendKind::hello) || frame.size() != 9) return std::nullopt;
  frame.remove_prefix(1);
  return BackendHello{take<std::uint64_t>(frame)};
}

std::optional<BackendReady> decode_ready(std::string_view frame) {
  if (!is_kind(frame, BackendKind::ready) || frame.size() != 17) return std::nullopt;
  frame.remove_prefix(1);
  BackendReady ready;
  ready.shard = take<std::uint32_t>(frame);
  ready.incarnation = take<std::uint64_t>(frame);
  ready.pid = take<std::uint32_t>(frame);
  return ready;
}

BackendRequestReader::BackendRequestReader(std::string_view frame)
    : rest_(entries(frame, BackendKind::requests, damaged_)) {}

std::optional<BackendRequest> BackendRequestReader::next() {
  if (rest_.empty() || damaged_) return std::nullopt;
  damaged_ = true;  // until the entry is known to be whole
  if (rest_.size() < kRequestHeaderBytes) return std::nullopt;
  BackendRequest request;
  request.token = take<std::uint64_t>(rest_);
  request.client = take<std::uint64_t>(rest_);
  request.round = take<std::uint8_t>(rest_);
  request.flags = take<std::uint8_t>(rest_);
  const auto request_length = take<std::uint32_t>(rest_);
  const auto gathered_length = take<std::uint32_t>(rest_);
  if (rest_.size() < std::uint64_t{request_length} + gathered_length) return std::nullopt;
  request.request = take_bytes(rest_, request_length);
  request.gathered = take_bytes(rest_, gathered_length);
  damaged_ = false;
  return request;
}

BackendReplyReader::BackendReplyReader(std::string_view frame)
    : rest_(entries(frame, BackendKind::replies, damaged_)) {}

std::optional<BackendReply> BackendReplyReader::next() {
  if (rest_.empty() || damaged_) return std::nullopt;
  damaged_ = true;  // until the entry is known to be whole
  if (rest_.size() < kReplyHeaderBytes) return std::nullopt;
  BackendReply reply;
  reply.token = take<std::uint64_t>(rest_);
  const auto length = take<std::uint32_t>(rest_);
  if (rest_.size() < length) return std::nullopt;
  reply.reply = take_bytes(rest_, length);
  damaged_ = false;
  return reply;
}

}  // namespace spex::protocol
