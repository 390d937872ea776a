// LTSs for tests: written down shortly, or random ones for properties: small, dense, full of tau, and by seed only.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "lts/lts.h"

namespace spex::test_support {

// "0 a 1, 1 tau 0": transitions separated by commas; state 0 is initial.
lts::Lts lts_of(const std::string& text);

struct RandomLtsShape {
  std::uint32_t states_max = 8;
  double transitions_per_state = 1.6;
  std::uint32_t labels = 2;  // visible ones: a, b, …
  double tau_share = 0.4;
};

using Random = std::mt19937_64;

lts::Lts random_lts(Random& random, const RandomLtsShape& shape);

// A branching bisimilar variant: states doubled, inert taus put in front, states renumbered.
lts::Lts bisimilar_variant(Random& random, const lts::Lts& original);

// One transition changed in label or target, or dropped; often, not always, no longer bisimilar.
lts::Lts mutated(Random& random, const lts::Lts& original);

// One transition, if there is one, gets a label that no other system has.
lts::Lts with_lone_label(Random& random, const lts::Lts& original);

}  // namespace spex::test_support
