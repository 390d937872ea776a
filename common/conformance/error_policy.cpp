#include "conformance/error_policy.h"

#include <algorithm>
#include <array>

#include "base/assert.h"

namespace spex::conformance {
namespace {

using base::Reason;

// The errors of instances; all others concern no specification.
constexpr std::array kGoverned = {
    Reason::deviation_still_equivalent,         Reason::deviation_not_equivalent,      Reason::transition_timeout,
    Reason::instance_identifier_already_in_use, Reason::instance_identifier_not_found, Reason::impl_model_not_found};

std::uint32_t bit_of(Reason reason) {
  const auto found = std::find(kGoverned.begin(), kGoverned.end(), reason);
  return found == kGoverned.end() ? 0u : 1u << (found - kGoverned.begin());
}

}  // namespace

ErrorPolicy::ErrorPolicy()
    : accepted_(bit_of(Reason::deviation_still_equivalent) | bit_of(Reason::impl_model_not_found)) {}

std::span<const Reason> ErrorPolicy::governed() { return kGoverned; }

bool ErrorPolicy::governs(Reason reason) { return bit_of(reason) != 0; }

bool ErrorPolicy::accepts(Reason reason) const { return (accepted_ & bit_of(reason)) != 0; }

void ErrorPolicy::set(Reason reason, bool accept) {
  const std::uint32_t bit = bit_of(reason);
  SPEX_ASSERT(bit != 0);
  accepted_ = accept ? accepted_ | bit : accepted_ & ~bit;
}

}  // namespace spex::conformance
