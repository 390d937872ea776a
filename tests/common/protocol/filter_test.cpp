#include "protocol/filter.h"

#include <catch2/catch.hpp>
#include <random>

#include "protocol/codec.h"
#include "protocol/json.h"

using namespace spex::protocol;
using spex::base::Reason;

namespace {

struct Subject final : FilterSubject {
  std::string specification_ = "order";
  std::string state_ = "paid";
  std::int64_t idle_ = 600'000'000;  // 10 minutes
  spex::base::Timestamp created_ = 1'700'000'000'000'000;
  Value meta_ = Map{{"n", 5}, {"name", "Ann"}, {"vip", true}, {"none", nullptr}, {"a", Map{{"b c", Map{{"d", 2.5}}}}}};
  mutable int metas_asked = 0;
  mutable int created_asked = 0;

  std::string_view specification() const override { return specification_; }
  std::string_view current_state() const override { return state_; }
  std::int64_t idle() const override { return idle_; }
  spex::base::Timestamp created() const override {
    ++created_asked;
    return created_;
  }
  Value meta() const override {
    ++metas_asked;
    return meta_;
  }
};

Filter parse(std::string_view text) {
  auto filter = Filter::parse(text);
  INFO(text);
  if (!filter) FAIL(filter.error().message);
  return *filter;
}

bool matches(std::string_view text) { return parse(text).matches(Subject()); }

}  // namespace

TEST_CASE("filters say what they mean", "[filter]") {
  const auto [text, expected] = GENERATE(table<std::string, bool>({
      {"", true},
      {"specification = \"order\"", true},
      {"specification != \"order\"", false},
      {"current_state in (\"new\", \"paid\")", true},
      {"not current_state in (\"new\", \"paid\")", false},
      {"current_state = \"new\" or idle > 5m", true},
      {"current_state = \"paid\" and idle > 1h", false},
      {"current_state = \"new\" and idle > 1h or idle >= 10m", true},
      {"current_state = \"new\" and (idle > 1h or idle >= 10m)", false},
      {"idle <= 600s and idle < 600001ms", true},
      {"created > \"2023-01-01T00:00:00Z\"", true},
      {"created < \"2023-01-01T00:00:00+02:00\"", false},
      {"meta.n = 5", true},
      {"meta.n = 5.0", true},
      {"meta.n > 4.5", true},
      {"meta.n < 18446744073709551615", true},
      {"meta.n > -9223372036854775808", true},
      {"meta.n != 6", true},
      {"meta.name >= \"An\"", true},
      {"meta.vip = true", true},
      {"meta.vip != false", true},
      {"meta.none = null", true},
      {"meta.a.\"b c\".d = 2.5", true},
      // Different types and absent paths compare as false, whatever the operator.
      {"meta.n = \"5\"", false},
      {"meta.n != \"5\"", false},
      {"meta.absent = null", false},
      {"meta.absent != 1", false},
      {"not meta.absent = 1", true},
      {"meta.n.deeper = 1", false},
      {"meta.vip > false", false},
      {"meta.none != 1", false},
      {"meta.a = 1", false},
      {"not not specification = \"order\"", true},
  }));
  CAPTURE(text);
  CHECK(matches(text) == expected);
}

TEST_CASE("meta and creation time are asked for only when needed, and once", "[filter]") {
  const Subject subject;
  CHECK_FALSE(parse("meta.n = 5 and created > \"2020-01-01T00:00:00Z\" and current_state = \"new\"").matches(subject));
  CHECK(parse("meta.n = 6 or specification = \"order\"").matches(subject));
  CHECK(subject.metas_asked == 0);
  CHECK(subject.created_asked == 0);
  CHECK(parse("meta.n = 5 and meta.name = \"Ann\" and meta.vip = true").matches(subject));
  CHECK(subject.metas_asked == 1);
}

TEST_CASE("mistakes in a filter are named with their column", "[filter]") {
  const auto [text, column, words] = GENERATE(table<std::string, std::string, std::string>({
      {"colour = \"red\"", "1", "expected one of the fields"},
      {"specification == \"x\"", "16", "expected a number"},
      {"specification = order", "17", "expected a number"},
      {"specification = 5", "1", "compares with text"},
      {"idle > \"5m\"", "1", "compares with a duration"},
      {"idle > 5", "8", "a duration such as 5m"},
      {"idle > infinity", "8", "a duration such as 5m"},
      {"created > \"yesterday\"", "11", ""},
      {"created > 5m", "11", "expected a number"},
      {"meta = 5", "6", "expected `.`"},
      {"meta.x ~ 5", "8", "expected one of ="},
      {"meta.x = \"open", "10", "no closing quote"},
      {"meta.x = \"\\q\"", "11", "unknown escape"},
      {"meta.x = 99999999999999999999", "10", "expected a number"},
      {"meta.x in (,)", "12", "expected a number"},
      {"meta.x in 5", "11", "expected `(`"},
      {"(meta.x = 5", "12", "expected `)`"},
      {"meta.x = 5)", "11", "expected `and`"},
      {"meta.x = 5 meta.y = 6", "12", "expected `and`"},
      {"meta.x = 5 and", "15", "expected one of the fields"},
      {"not", "4", "expected one of the fields"},
      {"idle <", "7", "a duration such as 5m"},
  }));
  CAPTURE(text);
  const auto filter = Filter::parse(text);
  REQUIRE_FALSE(filter.ok());
  CAPTURE(filter.error().message);
  CHECK(filter.error().reason == Reason::malformed);
  CHECK(filter.error().message.find("column " + column + ":") != std::string::npos);
  CHECK(filter.error().message.find(words) != std::string::npos);
}

TEST_CASE("the wire form is read in its long and its short shape", "[filter]") {
  const auto [json, text] = GENERATE(table<std::string, std::string>({
      {"null", ""},
      {"{}", ""},
      {R"({"specification":"order"})", "specification = \"order\""},
      {R"({"specification":"order","current_state":null})", "specification = \"order\""},
      {R"({"specification":"order","current_state":"paid"})", "specification = \"order\" and current_state = \"paid\""},
      {R"(["and",["=","specification","order"]])", "specification = \"order\""},
      {R"(["or",["<","idle",5000000],["not",["in","meta.x",[1,"a",null,1.5]]]])",
       "idle < 5s or not meta.x in (1, \"a\", null, 1.5)"},
      {R"(["in","specification",[]])", "specification in ()"},
      {R"(["not",["in","meta.x",[]]])", "not meta.x in ()"},
      {R"([">=","created",0])", "created >= \"1970-01-01T00:00:00.000000Z\""},
      {R"(["and",["or",["=","meta.a",1],["=","meta.b",2]],["=","meta.\"c d\"",true]])",
       "(meta.a = 1 or meta.b = 2) and meta.\"c d\" = true"},
  }));
  CAPTURE(json);
  const auto filter = Filter::decode(encode_value(*parse_json(json)));
  REQUIRE(filter.ok());
  CHECK(filter->to_text() == text);
  CHECK(parse(text) == *filter);
  CHECK(*Filter::decode(filter->encode()) == *filter);
}

TEST_CASE("filters that are none are refused on the wire", "[filter]") {
  for (const char* json : {"5",
                           "\"specification = 1\"",
                           "[]",
                           "[1]",
                           R"(["xor",[]])",
                           R"(["and"])",
                           R"(["not"])",
                           R"(["not",{}])",
                           R"(["and",{},{}])",
                           R"(["=","specification"])",
                           R"(["=","specification",5])",
                           R"(["=","colour","red"])",
                           R"(["in","specification","x"])",
                           R"(["<","idle","5m"])",
                           R"(["<","idle",-1])",
                           R"(["<","created","2026-01-01T00:00:00Z"])",
                           R"(["=","meta",1])",
                           R"(["=","meta.x",[1]])",
                           R"({"state":"x"})",
                           R"({"specification":5})",
                           R"(["=","meta.x",{"$float":"nan"}])",
                           R"(["=","meta.x",{"$bin":"AA=="}])"}) {
    CAPTURE(json);
    const auto filter = Filter::decode(encode_value(*parse_json(json)));
    REQUIRE_FALSE(filter.ok());
    CHECK(filter.error().reason == Reason::invalid_argument);
  }
}

TEST_CASE("filters are bounded in size and depth", "[filter]") {
  std::string wide = "meta.x = 0";
  for (int i = 1; i < 255; ++i) wide += " or meta.x = 0";
  CHECK(Filter::parse(wide).ok());
  CHECK_FALSE(Filter::parse(wide + " or meta.x = 0 or meta.x = 0").ok());
  CHECK_FALSE(Filter::parse(std::string(100'000, '(')).ok());
  CHECK_FALSE(Filter::parse("meta.x = \"" + std::string(kFilterBytesMax, 'x') + "\"").ok());
  std::string deep = "meta.x = 1";
  for (int i = 0; i < 30; ++i) deep = "not " + deep;
  CHECK(Filter::parse(deep).ok());
  CHECK_FALSE(Filter::parse("not not not " + deep).ok());
  CHECK_FALSE(Filter::decode(std::string(1000, '\x91')).ok());
}

TEST_CASE("a filter tells which specifications it is about", "[filter]") {
  using Names = std::vector<std::string>;
  CHECK(parse("").only_specifications().empty());
  CHECK(parse("specification = \"a\" and idle > 5m").only_specifications() == Names{"a"});
  CHECK(parse("specification in (\"a\", \"b\")").only_specifications() == Names{"a", "b"});
  CHECK(parse("specification = \"a\" or specification = \"b\"").only_specifications() == Names{"a", "b"});
  CHECK(parse("specification = \"a\" or idle > 5m").only_specifications().empty());
  CHECK(parse("not specification = \"a\"").only_specifications().empty());
}

namespace {

std::string random_filter(std::mt19937_64& random, int depth) {
  static const char* const kLeaves[] = {"specification = \"order\"",
                                        "current_state in (\"new\", \"paid\")",
                                        "idle > 90s",
                                        "meta.n <= 5",
                                        "meta.a.\"b c\".d != 1e-07",
                                        "created < \"2030-05-06T07:08:09.000001Z\"",
                                        "meta.\"\" = null",
                                        "meta.x = \"\\u0001é\\\"\""};
  if (depth == 0 || random() % 3 == 0) return kLeaves[random() % std::size(kLeaves)];
  if (random() % 4 == 0) return "not (" + random_filter(random, depth - 1) + ")";
  const std::string word = random() % 2 == 0 ? " and " : " or ";
  return "(" + random_filter(random, depth - 1) + ")" + word + "(" + random_filter(random, depth - 1) + ")";
}

}  // namespace

TEST_CASE("text, tree and wire are the same filter", "[filter]") {
  const std::uint64_t seed = 11;
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  const Subject subject;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = random_filter(random, 5);
    CAPTURE(text);
    const Filter filter = parse(text);
    CHECK(parse(filter.to_text()) == filter);
    const auto sent = Filter::decode(filter.encode());
    REQUIRE(sent.ok());
    CHECK(*sent == filter);
    CHECK(sent->matches(subject) == filter.matches(subject));
  }
}
