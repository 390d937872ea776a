// The private dialogue of router and shard worker: one frame, little-endian
// binary headers around untouched MessagePack requests and replies, so that
// the router copies bytes and never re-encodes. Not public, same build only.
//
//   frame         = kind(1) body
//   HELLO    (1)  = router_incarnation(8)                    router -> shard, first on a fresh socket
//   READY    (2)  = shard(4) incarnation(8) pid(4)           shard -> router, the answer to HELLO
//   REQUESTS (3)  = entry*   token(8) client(8) round(1) flags(1) request_length(4) gathered_length(4) request gathered
//   REPLIES  (4)  = entry*   token(8) length(4) reply
//   LAST     (5)  =                                          router -> shard: no request follows on this socket
//
// `round` 0: the only round; 1 and 2: the rounds of Route::merge_one and
// merge_all. `gathered` (round 2): a MessagePack array of the bodies of round 1;
// in round 1 of merge_all: a random number that names the change.
// `client` 0: none. A reply is the MessagePack array of messages.h with the
// client's own request id; round 1 replies go no further than the router.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spex::protocol {

enum class BackendKind : std::uint8_t { hello = 1, ready = 2, requests = 3, replies = 4, last = 5 };

struct BackendHello {
  std::uint64_t router_incarnation = 0;
};
struct BackendReady {
  std::uint32_t shard = 0;
  std::uint64_t incarnation = 0;
  std::uint32_t pid = 0;
};
struct BackendRequest {
  std::uint64_t token = 0;
  std::uint64_t client = 0;
  std::uint8_t round = 0;
  std::uint8_t flags = 0;
  std::string_view request;
  std::string_view gathered;
};
struct BackendReply {
  std::uint64_t token = 0;
  std::string_view reply;
};

std::string encode(const BackendHello& hello);
std::string encode(const BackendReady& ready);
std::string encode_last();
// Begin a frame with the kind byte, then append entries.
void begin_requests(std::string& frame);
void append(std::string& frame, const BackendRequest& request);
void begin_replies(std::string& frame);
void append(std::string& frame, const BackendReply& reply);

std::optional<BackendKind> backend_kind(std::string_view frame);
std::optional<BackendHello> decode_hello(std::string_view frame);
std::optional<BackendReady> decode_ready(std::string_view frame);

// Walks the entries of a frame; next() is empty at the end, and `damaged()`
// tells whether it stopped at a malformed entry. Views point into the frame.
class BackendRequestReader {
 public:
  explicit BackendRequestReader(std::string_view frame);
  std::optional<BackendRequest> next();
  bool damaged() const { return damaged_; }

 private:
  bool damaged_ = false;  // before rest_, whose initialiser sets it
  std::string_view rest_;
};
class BackendReplyReader {
 public:
  explicit BackendReplyReader(std::string_view frame);
  std::optional<BackendReply> next();
  bool damaged() const { return damaged_; }

 private:
  bool damaged_ = false;  // before rest_, whose initialiser sets it
  std::string_view rest_;
};

}  // namespace spex::protocol
