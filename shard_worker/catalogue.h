// Catalogue: the specifications and implementation models that a shard serves,
// in memory, by specification id. Reads no files and writes nothing durable:
// loader.h and the handlers do, and keep this in step.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "conformance/implementation_model.h"
#include "conformance/specification.h"
#include "shard_worker/request.h"
#include "store/instance_store.h"

namespace spex::shard_worker {

struct ActiveSpecification {
  std::shared_ptr<const conformance::Specification> specification;
  std::string text;
  std::string path;                                      // its file
  std::string content_hash;                              // of its file
  std::uint64_t version = 0;                             // unique per activation; remembered verdicts belong to one
  std::unordered_set<std::string_view> terminal_states;  // views into *specification
  std::unordered_set<std::string_view> prunable_states;
  base::MonotonicTime removing_until;  // no new instances until then: round 2 of a removal is under way
};

struct ActiveModel {
  conformance::ImplementationModel model;
  std::string source_hash;
  std::uint64_t generation = 0;  // unique per object; with model.version() it names one set of transitions
  // The transitions with names as of `snapshot_version`, shared with running checks.
  std::shared_ptr<const std::vector<conformance::NamedTransition>> snapshot;
  std::uint64_t snapshot_version = 0;
};

class Catalogue {
 public:
  explicit Catalogue(store::InstanceStore& instances) : store_(instances) {}

  // Null if not defined. The pointer is good until the next change.
  ActiveSpecification* specification(store::SpecificationId id);
  ActiveSpecification* specification(std::string_view name);
  ActiveModel* model(store::SpecificationId id);

  // Defines or replaces. Fails if the store cannot take one more name.
  base::Result<store::SpecificationId> activate(conformance::Specification specification, std::string text,
                                                std::string path, std::string content_hash);
  void deactivate(store::SpecificationId id);
  ActiveModel& put_model(store::SpecificationId id, conformance::ImplementationModel model, std::string source_hash);
  void drop_models();
  // After the store went back to its file: ids given since then are void, so
  // the specifications get theirs anew. Models have to be loaded again.
  base::Result<void> rebind();

  std::vector<store::SpecificationId> specifications() const;  // defined ones, by name
  std::vector<store::SpecificationId> models() const;          // that have a model, by name

  // The model with names; made anew when the model has changed.
  std::shared_ptr<const std::vector<conformance::NamedTransition>> snapshot(ActiveModel& active) const;
  conformance::NamedTransition named(const conformance::ModelTransition& transition) const;
  // Interns all names. Fails with too_large past names_max.
  base::Result<conformance::ImplementationModel> interned(const std::vector<conformance::NamedTransition>& transitions,
                                                          bool learning);
  // Whether an instance in `state` is at its end: by name a terminal state of the
  // specification or, in a closed model, a known state without outgoing transitions.
  bool is_at_end(store::SpecificationId id, store::NameId state);

 private:
  template <typename Entry>
  static Entry* at(std::vector<std::unique_ptr<Entry>>& table, store::SpecificationId id) {
    return id.value() < table.size() ? table[id.value()].get() : nullptr;
  }
  template <typename Entry>
  std::vector<store::SpecificationId> ids_of(const std::vector<std::unique_ptr<Entry>>& table) const;

  store::InstanceStore& store_;
  std::vector<std::unique_ptr<ActiveSpecification>> specifications_;  // by id
  std::vector<std::unique_ptr<ActiveModel>> models_;                  // by id
  std::uint64_t last_version_ = 0;
};

}  // namespace spex::shard_worker
