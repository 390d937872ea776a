#include "dataops/transfer.h"

#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "dataops/data_directory.h"
#include "dataops/files.h"
#include "dataops/instance_copy.h"
#include "dataops/shard_check.h"
#include "dataops/shard_extras.h"
#include "dataops/slot_plan.h"
#include "protocol/codec.h"
#include "protocol/identifier.h"

namespace spex::dataops {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using protocol::Array;
using protocol::Map;
using protocol::Value;
using store::InstanceStore;

constexpr std::uint64_t kOperationsPerCommit = 16'384;
constexpr std::size_t kEventsPage = 1'024;
constexpr std::uint32_t kDescriptorsPerStore = 4;
constexpr std::uint32_t kOtherDescriptors = 64;

Result<std::unique_ptr<InstanceStore>> open_store(const std::string& directory, const std::string& cluster_id,
                                                  std::uint32_t shard, std::uint64_t keys, base::Timestamp now) {
  store::StoreOptions options;
  options.path = DataDirectory::shard_file(directory, shard);
  options.shard = base::ShardId(shard);
  options.cluster_id = cluster_id;
  options.full_durability = false;  // what is new is synced as a whole, when it is complete
  options.instances_max = 0xfffffff0;
  options.names_max = 0xfffffff0;
  options.request_keys_max = static_cast<std::uint32_t>(std::min<std::uint64_t>(keys + 2, 0x7fffffff));
  options.now = now;
  return InstanceStore::open(std::move(options));
}

class Mover {
 public:
  explicit Mover(const Transfer& order)
      : order_(order), routes_(order.from, order.to), targets_(std::size_t{routes_.targets()} + 1) {}

  Result<TransferReport> run() {
    report_.slots_moved = moved_slots(order_.from, order_.to);
    SPEX_TRY(check_sources());
    SPEX_TRY(open_targets());
    for (std::uint32_t source = 1; source <= routes_.sources(); ++source) SPEX_TRY(take_source(source));
    SPEX_TRY(finish_targets());
    SPEX_TRY(check_targets());
    report_.instances = before_.instances();
    report_.records = before_.records();
    report_.keys = extras_.keys();
    return report_;
  }

 private:
  void tell(const std::string& sentence) {
    if (order_.on_progress) order_.on_progress(sentence);
  }

  Result<void> check_sound(const ShardFacts& facts, const std::string& directory) {
    if (facts.findings.empty()) return {};
    return fail(
        Reason::storage_corrupt,
        DataDirectory::shard_file(directory, facts.shard) + ": " + facts.findings.sentences().front() +
            (facts.findings.count() > 1 ? " (and " + std::to_string(facts.findings.count() - 1) + " more)" : ""));
  }

  Result<void> check_sources() {
    keys_of_.assign(std::size_t{routes_.sources()} + 1, 0);
    for (std::uint32_t source = 1; source <= routes_.sources(); ++source) {
      step("check shard " + std::to_string(source));
      const ShardFacts facts =
          check_shard(DataDirectory::shard_file(order_.from_directory, source), order_.from, source);
      SPEX_TRY(check_sound(facts, order_.from_directory));
      keys_of_[source] = facts.keys + facts.clients;
      tell("shard " + std::to_string(source) + ": sound, " + std::to_string(facts.instances) + " instances, " +
           std::to_string(facts.records) + " records");
    }
    return {};
  }

  Result<void> open_targets() {
    const rlim_t needed = routes_.targets() * kDescriptorsPerStore + kOtherDescriptors;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < needed) {
      limit.rlim_cur = std::min(limit.rlim_max, needed);
      ::setrlimit(RLIMIT_NOFILE, &limit);  // if that does not do, opening says so
    }
    for (std::uint32_t target = 1; target <= routes_.targets(); ++target) {
      step("create shard " + std::to_string(target));
      SPEX_TRY_ASSIGN(targets_[target],
                      open_store(order_.to_directory, order_.to.cluster_id, target, keys_for(target), order_.now));
    }
    return {};
  }

  std::uint64_t keys_for(std::uint32_t target) const {
    std::uint64_t keys = 0;
    for (std::uint32_t source = 1; source <= routes_.sources(); ++source) {
      if (routes_.flows(source, target)) keys += keys_of_[source];
    }
    return keys;
  }

  Result<void> take_source(std::uint32_t source) {
    SPEX_TRY_ASSIGN(auto from,
                    open_store(order_.from_directory, order_.from.cluster_id, source, keys_of_[source], order_.now));
    std::vector<std::pair<std::uint32_t, store::InstanceNumber>> places;
    SPEX_TRY(for_each_instance(*from, [&](const store::Instance& instance) -> Result<void> {
      SPEX_TRY_ASSIGN(const WholeInstance whole, read_instance(*from, instance));
      before_.add(*from, whole);
      const std::uint32_t target = order_.to.shard_of_slot[protocol::slot_of(whole.details.identifier)];
      SPEX_TRY_ASSIGN(const auto number, write_instance(*from, whole, *targets_[target]));
      if (instance.number.value() >= places.size()) places.resize(std::size_t{instance.number.value()} + 1);
      places[instance.number.value()] = {target, number};
      report_.instances_moved += target != source ? 1 : 0;
      return count_operations(whole.oldest_first.size() + 1);
    }));
    take_keys(*from, source, places);
    SPEX_TRY(extras_.read(*from, source));
    SPEX_TRY(take_events(*from, source));
    SPEX_TRY(commit());
    tell("shard " + std::to_string(source) + ": copied");
    return from->close();
  }

  Result<void> count_operations(std::uint64_t count) {
    operations_ += count;
    if (operations_ < kOperationsPerCommit) return {};
    operations_ = 0;
    return commit();
  }

  Result<void> commit() {
    for (std::uint32_t target = 1; target <= routes_.targets(); ++target) {
      step("commit shard " + std::to_string(target));
      SPEX_TRY(targets_[target]->commit());
      // Checkpoints, lest the write-ahead log grows to the size of the data.
      SPEX_TRY(targets_[target]->maintain(order_.now));
    }
    return {};
  }

  void take_keys(const InstanceStore& from, std::uint32_t source,
                 const std::vector<std::pair<std::uint32_t, store::InstanceNumber>>& places) {
    from.scan_keys([&](const store::StoredKey& key) {
      MovedKey moved{key, source, 0};
      moved.key.outcome.instance = store::InstanceNumber();
      if (const auto number = from.instance_of(key.outcome)) {
        moved.target = places[number->value()].first;
        moved.key.outcome.instance = places[number->value()].second;
      }
      extras_.add_key(std::move(moved));
      return true;
    });
  }

  Result<void> take_events(InstanceStore& from, std::uint32_t source) {
    InstanceStore& to = *targets_[routes_.heir_of(source)];
    std::uint64_t last = 0;
    while (true) {
      SPEX_TRY_ASSIGN(const auto events, from.events(last, kEventsPage));
      if (events.empty()) break;
      for (const store::StoredEvent& event : events) {
        if (routes_.survives(source)) {
          SPEX_TRY(to.import_event(event));
        } else {
          SPEX_TRY(to.append_event(event.at, with_origin(event, source)));
          ++report_.events_moved;
        }
      }
      last = events.back().number;
      SPEX_TRY(count_operations(events.size()));
    }
    if (last) extras_.set_last_event(source, last);
    return {};
  }

  static std::string with_origin(const store::StoredEvent& event, std::uint32_t source) {
    auto value = protocol::decode_value(event.body);
    auto* map = value ? std::get_if<Map>(&value->content) : nullptr;
    if (map == nullptr) return event.body;
    const auto known = std::find_if(map->begin(), map->end(), [](auto& entry) { return entry.first == "moved_from"; });
    if (known == map->end()) {
      map->emplace_back("moved_from", Array{source, event.number});
    } else if (auto* origins = std::get_if<Array>(&known->second.content)) {
      origins->insert(origins->end(), {Value(source), Value(event.number)});
    }
    return protocol::encode_value(*value);
  }

  Result<void> write_last_event(std::uint32_t target) {
    InstanceStore& to = *targets_[target];
    const std::string body = protocol::encode_value(Map{{"kind", "resharded"},
                                                        {"reason", "resharded"},
                                                        {"from", order_.from.distribution_factor},
                                                        {"to", order_.to.distribution_factor}});
    if (to.statistics().events_last != 0) {
      SPEX_TRY(to.append_event(order_.now, body));
      return {};
    }
    return to.import_event({extras_.events_before(target) + 1, order_.now, body});
  }

  Result<void> finish_targets() {
    for (std::uint32_t target = 1; target <= routes_.targets(); ++target) {
      step("finish shard " + std::to_string(target));
      InstanceStore& to = *targets_[target];
      SPEX_TRY(extras_.write(routes_, to, target, order_.now));
      SPEX_TRY(write_last_event(target));
      SPEX_TRY(to.commit());
      SPEX_TRY(to.close());
      targets_[target].reset();
      SPEX_TRY(sync_file(DataDirectory::shard_file(order_.to_directory, target)));
    }
    return sync_directory(order_.to_directory);
  }

  // What was written, read again from the files.
  Result<void> check_targets() {
    Digest after;
    for (std::uint32_t target = 1; target <= routes_.targets(); ++target) {
      step("verify shard " + std::to_string(target));
      SPEX_TRY(check_sound(check_shard(DataDirectory::shard_file(order_.to_directory, target), order_.to, target),
                           order_.to_directory));
      SPEX_TRY_ASSIGN(auto store,
                      open_store(order_.to_directory, order_.to.cluster_id, target, keys_for(target), order_.now));
      SPEX_TRY(for_each_instance(*store, [&](const store::Instance& instance) -> Result<void> {
        SPEX_TRY_ASSIGN(const WholeInstance whole, read_instance(*store, instance));
        after.add(*store, whole);
        return {};
      }));
      if (const auto missing = extras_.missing_keys(routes_, *store, target); !missing.empty()) {
        return fail(Reason::storage_corrupt, "verify the new files: " + missing.front());
      }
      SPEX_TRY(store->close());
      tell("new shard " + std::to_string(target) + ": verified");
    }
    if (after == before_) return {};
    return fail(Reason::storage_corrupt, "verify the new files: their instances are not those of the old ones");
  }

  const Transfer& order_;
  Routes routes_;
  std::vector<std::unique_ptr<InstanceStore>> targets_;
  std::vector<std::uint64_t> keys_of_;  // by source
  ShardExtras extras_;
  Digest before_;
  TransferReport report_;
  std::uint64_t operations_ = 0;
};

}  // namespace

Result<TransferReport> transfer(const Transfer& order) { return Mover(order).run(); }

}  // namespace spex::dataops
