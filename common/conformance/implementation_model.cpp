#include "conformance/implementation_model.h"

#include <algorithm>

#include "base/assert.h"

namespace spex::conformance {
namespace {

// The finaliser of MurmurHash3 (A. Appleby): every input bit reaches every output bit.
std::uint64_t mix(std::uint64_t value) {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdULL;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53ULL;
  return value ^ (value >> 33);
}

void drop_one(std::unordered_map<std::uint32_t, std::uint32_t>& counts, std::uint32_t state) {
  const auto found = counts.find(state);
  SPEX_ASSERT(found != counts.end());
  if (--found->second == 0) counts.erase(found);
}

}  // namespace

std::size_t ModelTransitionHash::operator()(const ModelTransition& transition) const noexcept {
  return mix(mix((std::uint64_t{transition.from} << 32) | transition.action) + transition.to);
}

void ImplementationModel::set_learning(bool learning) {
  if (learning_ == learning) return;
  learning_ = learning;
  ++version_;
}

bool ImplementationModel::add(const ModelTransition& transition, const Sightings& sightings) {
  const auto [place, added] = transitions_.try_emplace(transition, sightings);
  if (!added) {
    if (sightings.count == 0) return false;
    Sightings& merged = place->second;
    merged.first_at = merged.count == 0 ? sightings.first_at : std::min(merged.first_at, sightings.first_at);
    merged.last_at = std::max(merged.last_at, sightings.last_at);
    merged.count += sightings.count;
    return false;
  }
  if (transition.from != 0) ++outgoing_[transition.from];
  ++incoming_[transition.to];
  ++version_;
  return true;
}

void ImplementationModel::remove(const ModelTransition& transition) {
  if (transitions_.erase(transition) == 0) return;
  if (transition.from != 0) drop_one(outgoing_, transition.from);
  drop_one(incoming_, transition.to);
  std::erase(sighted_, transition);
  ++version_;
}

Observation ImplementationModel::observe(const ModelTransition& transition, base::Timestamp now) {
  const auto found = transitions_.find(transition);
  if (!learning_) return found != transitions_.end() ? Observation::known : Observation::deviation;
  if (found == transitions_.end()) {
    add(transition, Sightings{1, now, now});
    return Observation::learned;
  }
  Sightings& sightings = found->second;
  if (sightings.count == 0) sightings.first_at = now;
  ++sightings.count;
  sightings.last_at = std::max(sightings.last_at, now);
  if (!sightings.changed) sighted_.push_back(transition);
  sightings.changed = true;
  return Observation::known;
}

bool ImplementationModel::is_known_end(std::uint32_t state) const {
  return incoming_.contains(state) && !outgoing_.contains(state);
}

std::vector<ModelTransition> ImplementationModel::take_sighted(std::size_t limit) {
  const std::size_t rest = sighted_.size() - std::min(limit, sighted_.size());
  std::vector<ModelTransition> taken(sighted_.begin() + static_cast<std::ptrdiff_t>(rest), sighted_.end());
  sighted_.resize(rest);
  for (const ModelTransition& transition : taken) transitions_.at(transition).changed = false;
  return taken;
}

}  // namespace spex::conformance
