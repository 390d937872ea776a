#include "shard_worker/model_union.h"

#include "conformance/model_text.h"
#include "protocol/msgpack_reader.h"
#include "protocol/msgpack_writer.h"

namespace spex::shard_worker {
namespace {

using conformance::NamedTransition;
using conformance::Sightings;
using protocol::MsgpackReader;
using protocol::MsgpackWriter;

void merge(Sightings& into, const Sightings& from) {
  if (from.count == 0) return;
  into.first_at = into.count == 0 ? from.first_at : std::min(into.first_at, from.first_at);
  into.last_at = std::max(into.last_at, from.last_at);
  into.count += from.count;
}

bool read_transition(MsgpackReader& reader, UnitedModel& model) {
  std::uint32_t size = 0;
  if (!reader.read_array(size) || size != 6) return false;
  std::string_view from, action, to;
  Sightings sightings;
  if (!reader.take_nil() && !reader.read_string(from)) return false;
  if (!reader.read_string(action) || !reader.read_string(to)) return false;
  if (!reader.read_uint(sightings.count) || !reader.read_int(sightings.first_at)) return false;
  if (!reader.read_int(sightings.last_at)) return false;
  merge(model.transitions[{std::string(from), std::string(action), std::string(to)}], sightings);
  return true;
}

bool read_model(MsgpackReader& reader, ModelUnion& all) {
  std::uint32_t size = 0;
  std::string_view name;
  bool learning = false;
  if (!reader.read_array(size) || size != 3) return false;
  if (!reader.read_string(name) || !reader.read_bool(learning) || !reader.read_array(size)) return false;
  UnitedModel& model = all[std::string(name)];
  model.learning = model.learning || learning;
  for (; size != 0; --size) {
    if (!read_transition(reader, model)) return false;
  }
  return true;
}

bool read_models(MsgpackReader& reader, ModelUnion& all) {
  std::uint32_t models = 0;
  if (!reader.read_array(models)) return false;
  for (; models != 0; --models) {
    if (!read_model(reader, all)) return false;
  }
  return true;
}

// `number` is null where the bodies have none.
bool read_bodies(MsgpackReader& reader, ModelUnion& all, std::uint64_t* number) {
  std::uint32_t bodies = 0;
  if (!reader.read_array(bodies)) return false;
  for (; bodies != 0; --bodies) {
    std::uint32_t parts = 0;
    if (number != nullptr && (!reader.read_array(parts) || parts != 2 || !reader.read_uint(*number))) return false;
    if (!read_models(reader, all)) return false;
  }
  return reader.at_end();
}

base::Error damaged() { return base::fail(base::Reason::malformed, "unite models: what the shards gave is damaged"); }

}  // namespace

std::vector<NamedTransition> UnitedModel::sorted() const {
  std::vector<NamedTransition> list;
  list.reserve(transitions.size());
  for (const auto& [transition, sightings] : transitions) list.push_back(transition);
  conformance::sort_transitions(list);
  return list;
}

std::string encode_models(Catalogue& catalogue, const store::InstanceStore& names,
                          const std::vector<store::SpecificationId>& ids) {
  std::string body;
  MsgpackWriter writer(body);
  writer.array(static_cast<std::uint32_t>(ids.size()));
  for (const store::SpecificationId id : ids) {
    const conformance::ImplementationModel& model = catalogue.model(id)->model;
    writer.array(3).string(names.specification_name(id)).boolean(model.learning());
    writer.array(static_cast<std::uint32_t>(model.size()));
    for (const auto& [transition, seen] : model.transitions()) {
      const NamedTransition named = catalogue.named(transition);
      writer.array(6).string_or_nil(named.from).string(named.action).string(named.to);
      writer.uint(seen.count).integer(seen.first_at).integer(seen.last_at);
    }
  }
  return body;
}

base::Result<ModelUnion> unite(std::string_view gathered) {
  ModelUnion all;
  MsgpackReader reader(gathered);
  if (!read_bodies(reader, all, nullptr)) return damaged();
  return all;
}

base::Result<GatheredChange> unite_change(std::string_view gathered) {
  GatheredChange change;
  MsgpackReader reader(gathered);
  if (!read_bodies(reader, change.models, &change.number)) return damaged();
  return change;
}

}  // namespace spex::shard_worker
