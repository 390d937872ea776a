// Whole instances out of one store and into another, and a digest by which two sets
// of stores are compared: equal sums for every slot mean equal instances.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/result.h"
#include "config/cluster_layout.h"
#include "store/instance_store.h"

namespace spex::dataops {

struct WholeInstance {
  store::Instance instance;
  store::InstanceDetails details;
  std::vector<store::Record> oldest_first;
};

base::Result<WholeInstance> read_instance(store::InstanceStore& from, const store::Instance& instance);
// Names are those of `from`. The number it has now.
base::Result<store::InstanceNumber> write_instance(const store::InstanceStore& from, const WholeInstance& whole,
                                                   store::InstanceStore& to);

class Digest {
 public:
  void add(const store::InstanceStore& store, const WholeInstance& whole);
  std::uint64_t instances() const { return instances_; }
  std::uint64_t records() const { return records_; }
  bool operator==(const Digest&) const = default;

 private:
  std::array<std::uint64_t, config::kSlots> sums_{};  // of the hashes of a slot's instances
  std::uint64_t instances_ = 0;
  std::uint64_t records_ = 0;
};

// Every instance of a store, one after the other; ends with the first error.
template <typename Each>  // base::Result<void>(const store::Instance&)
base::Result<void> for_each_instance(const store::InstanceStore& store, const Each& each) {
  base::Result<void> result;
  store.scan(store::InstanceNumber(0), [&](const store::Instance& instance) {
    result = each(instance);
    return result.ok();
  });
  return result;
}

}  // namespace spex::dataops
