// One request on its way through the shard: as it came (Incoming), as it is kept
// while it waits (StoredRequest), as a handler sees it (Call), and what the
// handler made of it (Answers). Plain data; no effect of its own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "protocol/requests.h"
#include "store/instance_store.h"

namespace spex::shard_worker {

// Wall for what is stored, monotonic for how long something took.
struct Now {
  base::Timestamp wall = 0;
  base::MonotonicTime monotonic;
};

// Views into a received frame or a StoredRequest. `peer` counts the routers
// that said HELLO: an answer goes to the router that asked, or nowhere.
struct Incoming {
  std::uint64_t peer = 0;
  std::uint64_t token = 0;
  std::uint64_t client = 0;  // 0: none
  std::uint8_t round = 0;
  std::string_view request;
  std::string_view gathered;
};

struct StoredRequest {
  explicit StoredRequest(const Incoming& incoming)
      : head(incoming), request(incoming.request), gathered(incoming.gathered) {}
  Incoming incoming() const {
    Incoming whole = head;
    whole.request = request;
    whole.gathered = gathered;
    return whole;
  }

  Incoming head;  // its views are not used
  std::string request;
  std::string gathered;
};

// Replies of one batch, kept until its commit is known; then sent or replaced.
class Answers {
 public:
  struct Entry {
    std::uint64_t peer = 0;
    std::uint64_t token = 0;
    std::string id;  // encoded; short, so no allocation
    bool mutates = false;
    std::size_t begin = 0;
    std::size_t length = 0;
  };

  // Room for one reply; append to the string, then call end().
  std::string& begin(const Incoming& incoming, std::string_view id, bool mutates) {
    entries_.push_back({incoming.peer, incoming.token, std::string(id), mutates, bytes_.size(), 0});
    return bytes_;
  }
  void end() { entries_.back().length = bytes_.size() - entries_.back().begin; }
  // Takes back what was begun and not ended.
  void drop() {
    bytes_.resize(entries_.back().begin);
    entries_.pop_back();
  }

  const std::vector<Entry>& entries() const { return entries_; }
  std::string_view reply(const Entry& entry) const {
    return std::string_view(bytes_).substr(entry.begin, entry.length);
  }
  void clear() {
    entries_.clear();
    bytes_.clear();
  }

 private:
  std::vector<Entry> entries_;
  std::string bytes_;
};

struct Call {
  const Incoming& incoming;
  const protocol::RequestHeader& header;
  Now now;
  std::string& reply;                    // append one reply, unless the answer is `waiting`
  std::string_view identifier;           // canonical; of keyed operations
  std::optional<store::RequestKey> key;  // if the request carries one
  std::string reported;                  // encoded errors, one after the other
  std::uint32_t reported_count = 0;

  const store::RequestKey* key_or_null() const { return key ? &*key : nullptr; }
};

enum class Disposition : std::uint8_t {
  answered,  // the reply is complete
  waiting,   // nothing was changed; the request was put aside and is answered later
};

}  // namespace spex::shard_worker
