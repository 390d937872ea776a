#include "conformance/error_policy.h"

#include <catch2/catch.hpp>

namespace spex::conformance {
namespace {

using base::Reason;

TEST_CASE("by default a deviation without consequence and a missing model are accepted", "[policy]") {
  const ErrorPolicy policy;
  for (const Reason reason : base::all_reasons()) {
    const bool accepted = reason == Reason::deviation_still_equivalent || reason == Reason::impl_model_not_found;
    CHECK(policy.accepts(reason) == accepted);
  }
}

TEST_CASE("a policy changes one reason at a time", "[policy]") {
  for (const Reason reason : ErrorPolicy::governed()) {
    ErrorPolicy policy;
    policy.set(reason, true);
    CHECK(policy.accepts(reason));
    policy.set(reason, false);
    CHECK_FALSE(policy.accepts(reason));
    for (const Reason other : ErrorPolicy::governed()) {
      if (other != reason) CHECK(policy.accepts(other) == ErrorPolicy().accepts(other));
    }
  }
  CHECK_FALSE(ErrorPolicy::governs(Reason::storage_full));
}

}  // namespace
}  // namespace spex::conformance
