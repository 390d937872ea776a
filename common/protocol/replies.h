// What goes back to clients: REPLY, NOTICE and CREDIT messages, the single
// replies in them, and errors. The worker appends replies, the router packs
// them unread (it reads those of scattered requests), clients take them apart.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/strong_id.h"
#include "protocol/messages.h"
#include "protocol/value.h"

namespace spex::protocol {

// ---- Errors -----------------------------------------------------------------

// An error as it stands on the wire. A client may meet a reason that it does
// not know yet: the strings hold it, known() is empty.
struct ErrorBody {
  std::string error_class;
  std::string reason;
  Value context;

  static ErrorBody of(base::Reason reason, Value context);
  static ErrorBody of(const base::Error& error);  // context: {"message": …, and its pairs}
  std::optional<base::Reason> known() const { return base::parse_reason(error_class, reason); }
  bool operator==(const ErrorBody&) const = default;
};

// Appends [class, reason, context]; `context` is encoded, empty: nil.
void append_error(std::string& out, base::Reason reason, std::string_view context);
void append_error(std::string& out, const ErrorBody& error);
void append_error(std::string& out, const base::Error& error);
base::Result<ErrorBody> decode_error(std::string_view encoded);

// ---- Single replies ---------------------------------------------------------

// One reply; all fields are encoded values in the message that was read.
// `reported` and `missing` are empty where there are none.
struct ReplyView {
  std::string_view id;
  bool ok = false;
  std::string_view body;
  std::string_view reported;
  std::string_view missing;

  std::optional<std::uint64_t> id_number() const;
};

struct MissingShard {
  base::ShardId shard;
  base::Reason reason = base::Reason::shard_unavailable;
  bool operator==(const MissingShard&) const = default;
};

// Appends [id, status, body, reported, missing] of encoded parts; empty parts
// are nil, trailing ones are left out. `id` is never empty.
void append_reply(std::string& out, const ReplyView& reply);
// The usual ones: ok with nil, and an error.
void append_ok(std::string& out, std::string_view id);
void append_error_reply(std::string& out, std::string_view id, const base::Error& error);
void append_error_reply(std::string& out, std::string_view id, base::Reason reason, const char* message);

// malformed if it is no reply.
base::Result<ReplyView> read_reply(std::string_view encoded);

std::string encode_missing(const std::vector<MissingShard>& missing);
base::Result<std::vector<MissingShard>> decode_missing(std::string_view encoded);  // of an empty view: none

// A reply with everything decoded, for clients.
struct Reply {
  Value id;
  bool ok = false;
  Value body;                      // if ok
  std::optional<ErrorBody> error;  // if not
  std::vector<ErrorBody> reported;
  std::vector<MissingShard> missing;
};
base::Result<Reply> decode_reply(const ReplyView& view);

// ---- Pages of all_instances -------------------------------------------------

// Where the next page begins; opaque to clients. Encoded as [shard, number].
struct Cursor {
  base::ShardId shard{1};
  std::uint64_t number = 0;
  bool operator==(const Cursor&) const = default;
};
std::string encode_cursor(const Cursor& cursor);
base::Result<Cursor> decode_cursor(std::string_view encoded);  // invalid_argument if it is none

// The body [[instance, …], cursor?] taken apart and put together.
struct Page {
  std::string_view instances;  // encoded array
  std::optional<Cursor> next;
};
base::Result<Page> read_page(std::string_view body);
void append_page(std::string& out, const Page& page);

// ---- Instances --------------------------------------------------------------

struct InstanceFields {
  std::string_view specification;
  std::string_view identifier;  // encoded
  std::string_view meta;        // encoded; empty: nil
  std::string_view current_state;
  std::uint64_t transitions_total = 0;
};
// Appends the instance map up to the header of its list of `records` records,
// newest first, which the caller appends next, each by append_record.
void append_instance(std::string& out, const InstanceFields& fields, std::uint32_t records);
void append_record(std::string& out, std::string_view action, std::string_view to_state, std::int64_t at,
                   std::optional<std::int64_t> occurred_at);

// ---- Messages ---------------------------------------------------------------

// Packs replies into one REPLY message.
class ReplyMessageWriter {
 public:
  ReplyMessageWriter();
  void add(std::string_view reply) {
    buffer_.append(reply);
    ++count_;
  }
  // Room for a reply that is appended in place, by append_ok and the like; call this once per reply.
  std::string& add_in_place() {
    ++count_;
    return buffer_;
  }
  std::size_t count() const { return count_; }
  std::size_t size() const { return buffer_.size(); }
  bool empty() const { return count_ == 0; }
  // The message; valid until the next change. An empty list is a message, too.
  std::string_view message();
  void clear();

 private:
  std::string buffer_;  // room for the head, then the replies
  std::uint32_t count_ = 0;
};

// The answer to what cannot be parsed at all: one error reply to id nil.
std::string encode_refusal(const base::Error& error);
std::string encode_notice(std::uint64_t first, std::uint64_t last, const base::Error& error);
std::string encode_credit(std::uint64_t number);

// What a client received.
struct ServerMessage {
  MessageType type = MessageType::reply;
  std::vector<ReplyView> replies;  // of a reply
  std::uint64_t first = 0;         // of a notice: async numbers not taken, inclusive
  std::uint64_t last = 0;
  std::string_view error;    // of a notice, encoded
  std::uint64_t credit = 0;  // of a credit
};
// Reuses the storage of `out`; views point into `message`. malformed or unsupported_version.
base::Result<void> read_server_message(std::string_view message, ServerMessage& out);

}  // namespace spex::protocol
