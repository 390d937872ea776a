// REQUEST messages, both ways: the client packs them, the router walks one
// without touching arguments, the shard worker reads single requests again.
// Nothing here allocates per request once its buffers have grown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "protocol/messages.h"

namespace spex::protocol {

// What is wrong with one request while the message around it is sound.
struct RequestFault {
  base::Reason reason;
  const char* what;
};

// One request of a message; all views point into the message.
struct RequestHeader {
  std::string_view bytes;                    // the whole encoded request
  std::string_view id;                       // encoded, goes back unchanged; nil where it cannot be read
  const OperationInfo* operation = nullptr;  // null only with a fault
  std::string_view identifier;               // encoded as it came, nil if left out; not yet checked
  std::string_view arguments;                // encoded array; empty if nil or left out
  std::optional<std::uint64_t> key;          // only of mutating operations
  std::optional<std::uint32_t> timeout_ms;   // 1..kTimeoutMillisecondsMax
  std::optional<RequestFault> fault;         // answer this request with it, execute nothing

  // The client's number of an async request (its id); 0 if it has none.
  std::uint64_t async_number() const;
};

// Walks a whole client message before anything of it is executed.
class RequestMessageReader {
 public:
  // Fails, and then nothing of the message may be executed, with malformed,
  // unsupported_version or too_large. Faults of single requests are in their headers.
  base::Result<void> read(std::string_view message);

  // Of the last message read successfully; valid while its bytes are.
  std::optional<std::uint64_t> client() const { return client_; }
  const std::vector<RequestHeader>& requests() const { return requests_; }

 private:
  std::optional<std::uint64_t> client_;
  std::vector<RequestHeader> requests_;
};

// One request by itself, as the router hands it to a shard. False if it is
// no MessagePack value; faults of its fields as above.
[[nodiscard]] bool read_request(std::string_view bytes, bool has_client, RequestHeader& header);

// Packs requests into one REQUEST message.
class RequestMessageWriter {
 public:
  explicit RequestMessageWriter(std::optional<std::uint64_t> client = std::nullopt);

  // All encoded already; empty `identifier` and `arguments` are nil. An async
  // request's id is its number.
  void add(std::uint64_t id, Operation operation, std::string_view identifier, std::string_view arguments,
           std::optional<std::uint64_t> key = std::nullopt, std::optional<std::uint32_t> timeout_ms = std::nullopt);
  // A request encoded before, as by append_request.
  void add(std::string_view request);

  std::size_t count() const { return count_; }
  std::size_t size() const { return buffer_.size(); }
  bool empty() const { return count_ == 0; }
  // The message; valid until the next add() or clear().
  std::string_view message();
  void clear();

 private:
  std::optional<std::uint64_t> client_;
  std::string buffer_;  // room for the head, then the requests
  std::size_t count_ = 0;
};

// Appends one encoded request to `out`; trailing nils are left out.
void append_request(std::string& out, std::uint64_t id, Operation operation, std::string_view identifier,
                    std::string_view arguments, std::optional<std::uint64_t> key = std::nullopt,
                    std::optional<std::uint32_t> timeout_ms = std::nullopt);

// What a request key stands for: a key with another fingerprint was reused.
// Stored in shard files; never changes. `arguments` byte for byte as sent.
std::uint32_t request_fingerprint(Operation operation, std::string_view canonical_identifier,
                                  std::string_view arguments);

}  // namespace spex::protocol
