#include "protocol/json.h"

#include <catch2/catch.hpp>

#include "random_value.h"

using namespace spex::protocol;
using spex::base::Reason;

TEST_CASE("JSON becomes the value that it says, and back", "[json]") {
  const auto [text, value] = GENERATE(table<std::string, Value>({
      {"null", Value()},
      {"true", Value(true)},
      {"1", Value(1)},
      {"-9223372036854775808", Value(INT64_MIN)},
      {"18446744073709551615", Value(UINT64_MAX)},
      {"1.0", Value(1.0)},
      {"0.1", Value(0.1)},
      {"-0.0", Value(-0.0)},
      {"1e+300", Value(1e300)},
      {"5e-324", Value(5e-324)},
      {R"("a\"\\\né")", Value("a\"\\\n\u00e9")},
      {R"({"$bin":"AP8="})", Value(Binary{std::string("\0\xff", 2)})},
      {R"({"$map":[[1,"a"],[null,{}]]})", Value(Map{{1, "a"}, {nullptr, Map{}}})},
      {R"({"$map":[["$bin","AA=="]]})", Value(Map{{"$bin", "AA=="}})},
      {R"({"$a":1,"$b":2})", Value(Map{{"$a", 1}, {"$b", 2}})},
      {R"([1,[2.5,{"x":[]}]])", Value(Array{1, Array{2.5, Map{{"x", Array{}}}}})},
      {R"({"$float":"-inf"})", Value(-std::numeric_limits<double>::infinity())},
  }));
  CAPTURE(text);
  const auto read = parse_json(text);
  REQUIRE(read.ok());
  CHECK(*read == value);
  CHECK(to_json(value) == text);
}

TEST_CASE("a map whose only key begins with $ is written as $map", "[json]") {
  CHECK(to_json(*parse_json(R"({"$other":1})")) == R"({"$map":[["$other",1]]})");
}

TEST_CASE("JSON that is wrong or says too much is refused", "[json]") {
  for (const char* text : {"",
                           "{",
                           "[1,]",
                           "nul",
                           "1 2",
                           "18446744073709551616",
                           "-9223372036854775809",
                           "1e999",
                           R"({"a":1,"a":2})",
                           R"({"a":{"b":1,"b":1}})",
                           R"({"$bin":"A"})",
                           R"({"$bin":"AA"})",
                           R"({"$bin":5})",
                           R"({"$map":[[1]]})",
                           R"({"$map":[[1,2],[1,3]]})",
                           R"({"$float":"big"})",
                           "\"\xff\"",
                           R"("\ud800")",
                           "NaN",
                           "// x\n1"}) {
    CAPTURE(text);
    const auto read = parse_json(text);
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().reason == Reason::malformed);
    CHECK(read.error().message.size() > 12);
  }
  CHECK_FALSE(parse_json(std::string(1'000'000, '[')).ok());
  CHECK(parse_json("[[[]]]", 3).ok());
  CHECK_FALSE(parse_json("[[[]]]", 2).ok());
}

TEST_CASE("every value survives JSON", "[json]") {
  const std::uint64_t seed = 99;
  INFO("seed " << seed);
  RandomValue random(seed);
  for (int i = 0; i < 2000; ++i) {
    const Value value = random.value();
    const std::string text = to_json(value);
    CAPTURE(text);
    const auto back = parse_json(text);
    REQUIRE(back.ok());
    CHECK(*back == value);
  }
}
