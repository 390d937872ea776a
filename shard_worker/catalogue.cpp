#include "shard_worker/catalogue.h"

#include <algorithm>
#include <utility>

namespace spex::shard_worker {

using base::Result;
using conformance::ImplementationModel;
using conformance::ModelTransition;
using conformance::NamedTransition;
using store::SpecificationId;

ActiveSpecification* Catalogue::specification(SpecificationId id) { return at(specifications_, id); }

ActiveSpecification* Catalogue::specification(std::string_view name) {
  const auto id = store_.find_specification(name);
  return id ? specification(*id) : nullptr;
}

ActiveModel* Catalogue::model(SpecificationId id) { return at(models_, id); }

Result<SpecificationId> Catalogue::activate(conformance::Specification specification, std::string text,
                                            std::string path, std::string content_hash) {
  SPEX_TRY_ASSIGN(const SpecificationId id, store_.intern_specification(specification.name()));
  auto active = std::make_unique<ActiveSpecification>();
  active->specification = std::make_shared<const conformance::Specification>(std::move(specification));
  active->text = std::move(text);
  active->path = std::move(path);
  active->content_hash = std::move(content_hash);
  active->version = ++last_version_;
  for (const std::string& state : active->specification->terminal_states()) active->terminal_states.insert(state);
  for (const std::string& state : active->specification->options().prunable_states) {
    active->prunable_states.insert(state);
  }
  if (specifications_.size() <= id.value()) specifications_.resize(id.value() + std::size_t{1});
  specifications_[id.value()] = std::move(active);
  return id;
}

void Catalogue::deactivate(SpecificationId id) {
  if (id.value() < specifications_.size()) specifications_[id.value()].reset();
}

ActiveModel& Catalogue::put_model(SpecificationId id, ImplementationModel model, std::string source_hash) {
  if (models_.size() <= id.value()) models_.resize(id.value() + std::size_t{1});
  models_[id.value()] =
      std::make_unique<ActiveModel>(ActiveModel{std::move(model), std::move(source_hash), ++last_version_, nullptr, 0});
  return *models_[id.value()];
}

void Catalogue::drop_models() { models_.clear(); }

Result<void> Catalogue::rebind() {
  models_.clear();
  auto old = std::exchange(specifications_, {});
  for (std::unique_ptr<ActiveSpecification>& active : old) {
    if (!active) continue;
    SPEX_TRY_ASSIGN(const SpecificationId id, store_.intern_specification(active->specification->name()));
    if (specifications_.size() <= id.value()) specifications_.resize(id.value() + std::size_t{1});
    specifications_[id.value()] = std::move(active);
  }
  return {};
}

template <typename Entry>
std::vector<SpecificationId> Catalogue::ids_of(const std::vector<std::unique_ptr<Entry>>& table) const {
  std::vector<SpecificationId> ids;
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (table[i]) ids.push_back(SpecificationId(static_cast<std::uint16_t>(i)));
  }
  std::sort(ids.begin(), ids.end(), [this](SpecificationId a, SpecificationId b) {
    return store_.specification_name(a) < store_.specification_name(b);
  });
  return ids;
}

std::vector<SpecificationId> Catalogue::specifications() const { return ids_of(specifications_); }
std::vector<SpecificationId> Catalogue::models() const { return ids_of(models_); }

NamedTransition Catalogue::named(const ModelTransition& transition) const {
  const auto name = [this](std::uint32_t id) { return std::string(store_.name(store::NameId(id))); };
  return {transition.from == 0 ? std::string() : name(transition.from), name(transition.action), name(transition.to)};
}

std::shared_ptr<const std::vector<NamedTransition>> Catalogue::snapshot(ActiveModel& active) const {
  if (!active.snapshot || active.snapshot_version != active.model.version()) {
    std::vector<NamedTransition> transitions;
    transitions.reserve(active.model.size());
    for (const auto& [transition, sightings] : active.model.transitions()) transitions.push_back(named(transition));
    active.snapshot = std::make_shared<const std::vector<NamedTransition>>(std::move(transitions));
    active.snapshot_version = active.model.version();
  }
  return active.snapshot;
}

Result<ImplementationModel> Catalogue::interned(const std::vector<NamedTransition>& transitions, bool learning) {
  ImplementationModel model(learning);
  for (const NamedTransition& transition : transitions) {
    ModelTransition ids;
    if (!transition.is_initialisation()) {
      SPEX_TRY_ASSIGN(const store::NameId from, store_.intern(transition.from));
      ids.from = from.value();
    }
    SPEX_TRY_ASSIGN(const store::NameId action, store_.intern(transition.action));
    SPEX_TRY_ASSIGN(const store::NameId to, store_.intern(transition.to));
    ids.action = action.value();
    ids.to = to.value();
    model.add(ids);
  }
  return model;
}

bool Catalogue::is_at_end(SpecificationId id, store::NameId state) {
  const ActiveSpecification* active = specification(id);
  if (active != nullptr && active->terminal_states.contains(store_.name(state))) return true;
  const ActiveModel* of_it = model(id);
  return of_it != nullptr && !of_it->model.learning() && of_it->model.is_known_end(state.value());
}

}  // namespace spex::shard_worker
