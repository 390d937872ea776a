// SignatureRefinement: the quick part of deciding bisimilarity.
//
// Splits all classes at once, round by round, by what their states can do.
// A round is linear and reads memory in order, so systems that settle in a few
// rounds are decided several times faster than by the refinement of
// refinement.h. Some need as many rounds as they have states; therefore the
// rounds are limited to O(log n), and refinement.h goes on from the partition
// reached.
//
// Inductive signatures: S. Blom, J. van de Pol, "Distributed branching
// bisimulation minimization by inductive signatures" (PDMC 2009). States are
// visited along the taus from their targets up. A state takes over the class
// of an inert successor if that one can do all that it can; else its signature
// is { (a, class of target) } with the *new* class for inert taus. Signatures
// are compared in full, never by hash alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "lts/merged_graph.h"
#include "lts/number_set.h"

namespace spex::lts {

// An action and a class, as one number.
using SignatureElement = std::uint64_t;
constexpr SignatureElement signature_element(ActionId action, std::uint32_t class_id) {
  return SignatureElement{action} << 32U | class_id;
}
// Stands for tau in elements whose class is one of the round that is under way.
inline constexpr ActionId kInertAction = 0xFFFFFFFFU;
constexpr ActionId element_action(SignatureElement element) { return static_cast<ActionId>(element >> 32U); }
constexpr std::uint32_t element_class(SignatureElement element) { return static_cast<std::uint32_t>(element); }
// A loop of its own, because comparing so few bytes by a call takes longer than the bytes.
inline bool same_elements(std::span<const SignatureElement> a, std::span<const SignatureElement> b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}
inline std::uint32_t signature_hash(std::uint32_t parent, std::span<const SignatureElement> signature) {
  const auto mix = [](std::uint64_t hash, std::uint64_t value) {
    hash = (hash ^ value) * 0x9E3779B97F4A7C15U;
    return hash ^ (hash >> 29U);
  };
  std::uint64_t hash = mix(parent, signature.size());
  for (const SignatureElement element : signature) hash = mix(hash, element);
  return static_cast<std::uint32_t>(hash >> 32U);
}

inline constexpr std::uint32_t kNoClass = 0xFFFFFFFFU;

enum class SignatureOutcome : std::uint8_t {
  stable,     // the classes are those of bisimilarity
  separated,  // the initial states are in different classes
  unsettled,  // the classes are coarser than bisimilarity; more rounds would be slow
};

// Dense numberings of the classes after the last round and before it.
// Bottom states of one class (those without a tau inside it) have the same { (a, previous class) } over the taus
// that left their previous class and all other actions.
struct SignatureClasses {
  std::vector<std::uint32_t> classes;
  std::uint32_t count = 0;
  std::vector<std::uint32_t> previous;
  std::uint32_t previous_count = 0;
};

// All that a round leaves behind, for those who go on from it.
struct SignatureRound {
  struct Class {
    std::uint32_t begin;  // of its signature in elements; nothing if its states were the only ones of `parent`'s
    std::uint32_t end;
    std::uint32_t hash;
    std::uint32_t parent;  // the class that its states were in before
  };

  SignatureClasses classes;
  std::vector<Class> signed_classes;  // by class
  // Those with kInertAction name a class, the others a previous class.
  std::vector<SignatureElement> elements;
};

class SignatureRefinement {
 public:
  explicit SignatureRefinement(const MergedGraph& graph);

  // `stop_when_separated`: whether `separated` ends the run before the classes are stable.
  SignatureOutcome run(bool stop_when_separated);
  // One round.
  void round();
  std::uint32_t rounds() const { return rounds_; }

  // The object is spent.
  SignatureRound take_round() && {
    return {{std::move(classes_), class_count_, std::move(previous_), previous_count_},
            std::move(new_classes_),
            std::move(arena_)};
  }

 private:
  std::uint32_t classify(StateId state);
  // The highest new class among inert successors, or kNoClass.
  std::uint32_t collect(StateId state);
  bool contains_signature(std::uint32_t candidate) const;
  std::uint32_t find_or_add(std::uint32_t parent);
  std::uint32_t add_class(std::uint32_t parent, std::uint32_t hash);
  bool matches(std::uint32_t candidate, std::uint32_t parent, std::uint32_t hash) const;
  void grow_index();

  const MergedGraph& graph_;
  std::vector<std::uint32_t> classes_;
  std::vector<std::uint32_t> previous_;
  std::uint32_t class_count_ = 1;
  std::uint32_t previous_count_ = 1;
  std::uint32_t rounds_ = 0;
  std::vector<std::uint32_t> sizes_;  // of classes_
  // The round under way.
  std::vector<SignatureRound::Class> new_classes_;
  std::vector<SignatureElement> arena_;
  std::vector<std::uint32_t> index_;  // new class + 1; 0 is empty
  NumberSet signature_;
};

}  // namespace spex::lts
