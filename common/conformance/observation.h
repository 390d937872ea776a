// Observation: what an implementation model says to one step of an instance.
#pragma once

#include <cstdint>

namespace spex::conformance {

enum class Observation : std::uint8_t {
  known,      // the transition is in the model
  learned,    // learning mode: it was added just now
  deviation,  // closed, and not in it: ask conformance_check for the verdict
};

}  // namespace spex::conformance
