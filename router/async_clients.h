// AsyncClients: the bookkeeping of fire-and-forget requests, per client id.
//
// A client numbers its async requests from 1, without gaps. The router takes
// strictly increasing numbers, at most `credit` of one client in flight, and
// tells the client how far it may go (CREDIT) and which numbers came to nothing
// (NOTICE). Pure; bounded in clients and in notices per client.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/error.h"
#include "router/peer_table.h"

namespace spex::router {

struct AsyncNotice {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  base::Reason reason = base::Reason::overloaded;
  bool operator==(const AsyncNotice&) const = default;
};

// What to tell one client.
struct AsyncNews {
  PeerId peer;
  std::vector<AsyncNotice> notices;
  std::optional<std::uint64_t> credit;
};

class AsyncClients {
 public:
  AsyncClients(std::uint32_t credit, std::size_t clients_max) : credit_(credit), clients_max_(clients_max) {}

  // A request with `number` has come from `peer`. True: take it, and call done()
  // once. False: it is not taken, and the client is told why where it can be.
  bool arrive(std::uint64_t client, std::uint64_t number, const ReplyTo& from, base::MonotonicTime now);
  // The client asks how far it may go; 0 is the answer to one that is not known.
  void ask(std::uint64_t client, const ReplyTo& from, base::MonotonicTime now);
  // A taken one ended; with a reason: it came to nothing, or its outcome is unknown.
  void done(std::uint64_t client, std::uint64_t number, std::optional<base::Reason> reason);

  // Appends what is to be told since the last call.
  void take_news(std::vector<AsyncNews>& out);
  // Forgets clients that have nothing in flight and are silent for `idle_max`.
  void sweep(base::MonotonicTime now, base::Duration idle_max);

  void set_credit(std::uint32_t credit) { credit_ = credit; }
  std::size_t size() const { return clients_.size(); }
  std::uint64_t lost() const { return lost_; }  // numbers told in notices, and those that could not be

 private:
  struct Client {
    std::uint64_t id = 0;
    PeerId peer;
    bool may_be_told = false;  // its last message was not delimited
    std::uint64_t next = 0;    // the lowest number that may come
    std::uint32_t in_flight = 0;
    std::uint64_t announced = 0;  // credit
    bool asked = false;
    bool is_dirty = false;
    std::vector<AsyncNotice> notices;
    base::MonotonicTime last_used;
    std::list<std::uint64_t>::iterator used_place;
  };

  Client* find_or_add(std::uint64_t id, const ReplyTo& from, base::MonotonicTime now);
  void lose(Client& client, std::uint64_t first, std::uint64_t last, base::Reason reason);
  void mark_dirty(Client& client);
  std::optional<std::uint64_t> credit_to_announce(Client& client) const;

  std::uint32_t credit_;
  std::size_t clients_max_;
  std::unordered_map<std::uint64_t, Client> clients_;
  std::list<std::uint64_t> by_use_;  // least recently used first
  std::vector<std::uint64_t> dirty_;
  std::vector<AsyncNews> strangers_;  // asked, but are not known
  std::uint64_t lost_ = 0;
};

}  // namespace spex::router
