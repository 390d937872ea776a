// ImplementationModel: the observed transitions of one specification as a set of
// interned integers, and whether it still learns. The hot path of every
// transition of an instance is one lookup here. Knows no names (its owner
// interns them) and writes nothing durable: what `observe` learned, the owner
// stores. The text form is model_text.h.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "conformance/observation.h"

namespace spex::conformance {

// Ids are the owner's; `from` 0 means none (the initialisation).
struct ModelTransition {
  std::uint32_t from = 0;
  std::uint32_t action = 0;
  std::uint32_t to = 0;
  bool operator==(const ModelTransition&) const = default;
};

struct ModelTransitionHash {
  std::size_t operator()(const ModelTransition& transition) const noexcept;
};

// How often and when a transition was seen while learning; zeros for those
// that came from a file.
struct Sightings {
  std::uint64_t count = 0;
  base::Timestamp first_at = 0;
  base::Timestamp last_at = 0;
  bool changed = false;  // since take_sighted
};

class ImplementationModel {
 public:
  explicit ImplementationModel(bool learning = false) : learning_(learning) {}

  bool learning() const { return learning_; }
  void set_learning(bool learning);
  // Changes with every change of the set or the flag; a verdict belongs to one version.
  std::uint64_t version() const { return version_; }
  std::size_t size() const { return transitions_.size(); }

  bool contains(const ModelTransition& transition) const { return transitions_.contains(transition); }
  // Adds whatever the flag says. False if it was there; the sightings are then merged.
  bool add(const ModelTransition& transition, const Sightings& sightings = {});
  // Takes back what the last add or observe put in.
  void remove(const ModelTransition& transition);
  // Looks the transition up and, in learning mode, adds and counts it. O(1).
  Observation observe(const ModelTransition& transition, base::Timestamp now);

  // Whether some transition starts or ends in `state` and none starts there.
  bool is_known_end(std::uint32_t state) const;

  using Transitions = std::unordered_map<ModelTransition, Sightings, ModelTransitionHash>;
  const Transitions& transitions() const { return transitions_; }
  // At most `limit` transitions whose sightings changed since they were last taken.
  std::vector<ModelTransition> take_sighted(std::size_t limit);
  bool has_sighted() const { return !sighted_.empty(); }

 private:
  Transitions transitions_;
  std::unordered_map<std::uint32_t, std::uint32_t> outgoing_;  // transitions by source
  std::unordered_map<std::uint32_t, std::uint32_t> incoming_;  // and by target
  std::vector<ModelTransition> sighted_;
  std::uint64_t version_ = 1;
  bool learning_ = false;
};

}  // namespace spex::conformance
