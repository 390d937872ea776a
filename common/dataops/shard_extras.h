// What a shard has besides instances and events, small enough to hold in memory, and
// how it is shared out when slots move to other shards.
//
// Request keys go with the instance they speak of; those that speak of none any more go
// to every shard that takes over slots. Floors likewise, the highest wins: a number may be
// refused sooner, never executed again. Counts of learned transitions are added to one
// shard only, the transitions themselves to all.
#pragma once

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "config/cluster_layout.h"
#include "store/instance_store.h"

namespace spex::dataops {

// Who takes what from whom.
class Routes {
 public:
  Routes(const config::ClusterLayout& from, const config::ClusterLayout& to);
  bool flows(std::uint32_t source, std::uint32_t target) const { return flows_[source][target]; }
  std::uint32_t sources() const { return static_cast<std::uint32_t>(flows_.size() - 1); }
  std::uint32_t targets() const { return static_cast<std::uint32_t>(flows_[0].size() - 1); }
  // The one shard that goes on with what cannot be divided.
  std::uint32_t heir_of(std::uint32_t source) const { return (source - 1) % targets() + 1; }
  bool survives(std::uint32_t source) const { return source <= targets(); }

 private:
  std::vector<std::vector<bool>> flows_;
};

struct MovedKey {
  store::StoredKey key;
  std::uint32_t source = 0;
  std::uint32_t target = 0;  // 0: every one that takes slots of the source
};

struct MovedModel {
  struct Counted {
    std::uint64_t count = 0;
    base::Timestamp first_at = 0;
    base::Timestamp last_at = 0;
  };
  using Triple = std::array<std::string, 3>;  // from, action, to
  bool learning = false;
  std::map<Triple, std::map<std::uint32_t, Counted>> transitions;  // by source
  std::map<std::uint32_t, std::string> source_hashes;              // by source
};

class ShardExtras {
 public:
  // All of `from`, but for its keys: `keys` names where each instance of `from` went.
  base::Result<void> read(store::InstanceStore& from, std::uint32_t source);
  void add_key(MovedKey key) { keys_.push_back(std::move(key)); }

  base::Result<void> write(const Routes& routes, store::InstanceStore& to, std::uint32_t target,
                           base::Timestamp now) const;
  // Whether a store written by write() knows every key and floor it should; a sentence for each that it does not.
  std::vector<std::string> missing_keys(const Routes& routes, const store::InstanceStore& in,
                                        std::uint32_t target) const;
  std::uint64_t keys() const { return keys_.size(); }
  // The highest event number that a shard of this number had when it was dissolved; 0: it never was.
  std::uint64_t events_before(std::uint32_t shard) const;
  void set_last_event(std::uint32_t source, std::uint64_t number) { last_event_of_[source] = number; }

 private:
  using Floors = std::unordered_map<std::uint64_t, std::uint64_t>;
  std::vector<const MovedKey*> keys_of(const Routes& routes, std::uint32_t target) const;
  Floors floors_of(const Routes& routes, std::uint32_t target, std::uint64_t& of_others) const;
  base::Result<void> read_models(store::InstanceStore& from, std::uint32_t source);
  base::Result<void> read_settings(store::InstanceStore& from, std::uint32_t source);
  base::Result<void> write_keys(const Routes& routes, store::InstanceStore& to, std::uint32_t target,
                                base::Timestamp now) const;
  base::Result<void> write_bulk_jobs(const Routes& routes, store::InstanceStore& to, std::uint32_t target) const;
  base::Result<void> write_models(const Routes& routes, store::InstanceStore& to, std::uint32_t target) const;
  base::Result<void> write_settings(const Routes& routes, store::InstanceStore& to, std::uint32_t target) const;

  std::vector<MovedKey> keys_;
  std::map<std::uint32_t, Floors> floors_;
  std::map<std::uint32_t, std::uint64_t> floor_of_others_;
  std::map<std::uint32_t, std::vector<store::StoredBulkJob>> bulk_jobs_;
  std::map<std::string, MovedModel> models_;
  std::map<std::string, std::map<std::uint32_t, std::string>> specifications_;  // texts, by source
  std::map<std::uint32_t, std::vector<std::pair<std::string, std::string>>> settings_;
  std::map<std::uint32_t, std::uint64_t> last_event_of_;         // of the sources
  std::map<std::uint32_t, std::uint64_t> last_event_of_former_;  // of shards dissolved in earlier moves
};

}  // namespace spex::dataops
