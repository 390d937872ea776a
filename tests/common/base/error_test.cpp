#include "base/error.h"

#include <catch2/catch.hpp>
#include <cerrno>
#include <set>

#include "base/result.h"

using namespace spex::base;

TEST_CASE("every reason has a name that leads back to it, and its own number", "[base]") {
  std::set<std::uint8_t> numbers;
  for (const Reason reason : all_reasons()) {
    CHECK(parse_reason(class_name(reason), reason_name(reason)) == reason);
    CHECK(reason_from_number(static_cast<std::uint8_t>(reason)) == reason);
    CHECK(numbers.insert(static_cast<std::uint8_t>(reason)).second);
  }
}

TEST_CASE("a full disk is told from other system errors", "[base]") {
  CHECK(system_error("write x", ENOSPC).reason == Reason::storage_full);
  CHECK(system_error("write x", EIO).reason == Reason::storage_io);
}

TEST_CASE("SPEX_TRY hands an error on and a value through", "[base]") {
  const auto outer = [](Result<int> inner) -> Result<int> {
    SPEX_TRY_ASSIGN(const int value, std::move(inner));
    return value + 1;
  };
  CHECK(*outer(1) == 2);
  CHECK(outer(fail(Reason::draining, "x")).error().reason == Reason::draining);
}
