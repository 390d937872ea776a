#include "base/duration.h"

#include <catch2/catch.hpp>

using namespace spex::base;

TEST_CASE("durations are read with each unit and refused otherwise", "[base]") {
  const auto microseconds = [](std::string_view text) { return *parse_duration(text)->microseconds; };
  CHECK(microseconds("7us") == 7);
  CHECK(microseconds("150ms") == 150'000);
  CHECK(microseconds("30s") == 30'000'000);
  CHECK(microseconds("5m") == 300'000'000);
  CHECK(microseconds("6h") == 21'600'000'000);
  CHECK(microseconds("2d") == 172'800'000'000);
  CHECK_FALSE(parse_duration("infinity")->microseconds);
  for (const char* bad : {"", "5", "-5s", "+5s", "5 s", "s", "1e3s", "5S", "99999999999999999999s", "9999999999d"}) {
    INFO(bad);
    CHECK_FALSE(parse_duration(bad).ok());
  }
}

TEST_CASE("durations are written in the shortest exact form", "[base]") {
  for (const char* text : {"0s", "1us", "150ms", "90s", "1m", "6h", "2d", "infinity"}) {
    CHECK(format_duration(*parse_duration(text)) == text);
  }
  CHECK(format_duration(*parse_duration("60s")) == "1m");
}

TEST_CASE("timestamps round-trip with microseconds", "[base]") {
  const char* text = "2026-11-23T09:30:00.123456Z";
  CHECK(format_timestamp(*parse_timestamp(text)) == text);
  CHECK(*parse_timestamp("1970-01-01T00:00:00Z") == 0);
  CHECK(*parse_timestamp("1970-01-01 01:00:00.5+01:00") == 500'000);
  CHECK(format_timestamp(-1) == "1969-12-31T23:59:59.999999Z");
  for (const char* bad : {"", "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-01-01", "2026-01-01T25:00:00Z",
                          "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+1"}) {
    INFO(bad);
    CHECK_FALSE(parse_timestamp(bad).ok());
  }
}
