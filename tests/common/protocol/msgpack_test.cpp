#include <catch2/catch.hpp>
#include <limits>

#include "bytes.h"
#include "protocol/codec.h"
#include "protocol/msgpack_reader.h"
#include "protocol/msgpack_writer.h"
#include "random_value.h"

using namespace spex::protocol;

namespace {

bool skips(std::string_view bytes, std::size_t depth_max = kMessageDepthMax) {
  MsgpackReader reader(bytes);
  std::string_view value;
  return reader.skip(value, depth_max) && reader.at_end() && value == bytes;
}

}  // namespace

TEST_CASE("unsigned integers are written shortest and read from any encoding", "[msgpack]") {
  const auto [value, hex] = GENERATE(table<std::uint64_t, std::string>({{0, "00"},
                                                                        {127, "7f"},
                                                                        {128, "cc80"},
                                                                        {255, "ccff"},
                                                                        {256, "cd0100"},
                                                                        {65535, "cdffff"},
                                                                        {65536, "ce00010000"},
                                                                        {4294967295, "ceffffffff"},
                                                                        {4294967296, "cf0000000100000000"},
                                                                        {UINT64_MAX, "cfffffffffffffffff"}}));
  std::string out;
  MsgpackWriter(out).uint(value);
  CHECK(to_hex(out) == hex);
  std::uint64_t read = 0;
  MsgpackReader reader(out);
  REQUIRE(reader.read_uint(read));
  CHECK(read == value);
}

TEST_CASE("signed integers are written shortest", "[msgpack]") {
  const auto [value, hex] = GENERATE(table<std::int64_t, std::string>({{-1, "ff"},
                                                                       {-32, "e0"},
                                                                       {-33, "d0df"},
                                                                       {-128, "d080"},
                                                                       {-129, "d1ff7f"},
                                                                       {-32768, "d18000"},
                                                                       {-32769, "d2ffff7fff"},
                                                                       {-2147483648LL, "d280000000"},
                                                                       {-2147483649LL, "d3ffffffff7fffffff"},
                                                                       {INT64_MIN, "d38000000000000000"},
                                                                       {5, "05"}}));
  std::string out;
  MsgpackWriter(out).integer(value);
  CHECK(to_hex(out) == hex);
  std::int64_t read = 0;
  MsgpackReader reader(out);
  REQUIRE(reader.read_int(read));
  CHECK(read == value);
}

TEST_CASE("an integer that does not fit the type asked for is refused", "[msgpack]") {
  std::uint64_t positive = 0;
  std::int64_t any = 0;
  for (const char* hex : {"ff", "d0ff", "d1ffff", "d2ffffffff", "d3ffffffffffffffff"}) {
    CHECK_FALSE(MsgpackReader(from_hex(hex)).read_uint(positive));
  }
  const std::string large = from_hex("cf8000000000000000");
  CHECK_FALSE(MsgpackReader(large).read_int(any));
  CHECK(MsgpackReader(large).read_uint(positive));
  const std::string padded = from_hex("d30000000000000007");
  REQUIRE(MsgpackReader(padded).read_uint(positive));
  CHECK(positive == 7);
}

TEST_CASE("headers that claim more than there is are refused", "[msgpack]") {
  for (const char* hex :
       {"92c0", "dcffff", "ddffffffffc0", "82c0c0c0", "deffffc0c0", "dfffffffffc0c0", "a3c0c0", "d9ff", "daffff00",
        "dbffffffff00", "c403c0", "c5ffff", "c6ffffffff", "cb00", "cc", "d9", "dc", ""}) {
    CAPTURE(hex);
    CHECK_FALSE(skips(from_hex(hex)));
  }
}

TEST_CASE("extensions and the unused byte are refused wherever they stand", "[msgpack]") {
  for (const char* hex : {"c1", "c70100ff", "d40101", "d8010102030405060708090a0b0c0d0e0f10", "91c1", "81a161d40101"}) {
    CAPTURE(hex);
    CHECK_FALSE(skips(from_hex(hex)));
  }
}

TEST_CASE("skip ends exactly where the value ends, and bounds depth", "[msgpack]") {
  const std::string two = from_hex("93019081a16192c0c3c2");
  MsgpackReader walker(two);
  std::string_view value;
  REQUIRE(walker.skip(value, 8));
  CHECK(to_hex(value) == "93019081a16192c0c3");
  CHECK(walker.left() == 1);

  const std::string deep = std::string(32, '\x91') + "\xc0";
  CHECK(skips(deep, 32));
  CHECK_FALSE(skips(deep, 31));
  CHECK_FALSE(skips(std::string(1'000'000, '\x91'), 48));
}

TEST_CASE("skip and the decoder agree about values of each first byte, whole and cut", "[msgpack]") {
  for (unsigned first = 0; first < 256; ++first) {
    CAPTURE(first);
    // A length that follows is 2 (of one byte), 512, or more than there is; elements are of one byte.
    const std::string bytes = static_cast<char>(first) + std::string("\x02") + std::string(1200, '\0');
    std::string_view rest = bytes;
    const bool decoded = decode_value_prefix(rest).ok();
    MsgpackReader reader(bytes);
    std::string_view skipped;
    REQUIRE(reader.skip(skipped, kMessageDepthMax) == decoded);
    if (!decoded) continue;
    CHECK(reader.left() == rest.size());
    CHECK(skipped == std::string_view(bytes).substr(0, bytes.size() - rest.size()));
    for (std::size_t length = 0; length < skipped.size(); ++length) CHECK_FALSE(skips(bytes.substr(0, length)));
  }
}

TEST_CASE("values survive encoding and decoding", "[msgpack]") {
  const std::uint64_t seed = 20261123;
  INFO("seed " << seed);
  RandomValue random(seed);
  for (int i = 0; i < 2000; ++i) {
    const Value value = random.value();
    const std::string bytes = encode_value(value);
    CHECK(skips(bytes));
    const auto back = decode_value(bytes);
    REQUIRE(back.ok());
    CHECK(*back == value);
    CHECK(encode_value(*back) == bytes);
  }
}

TEST_CASE("every proper prefix of a value is refused", "[msgpack]") {
  const std::string bytes = encode_value(Map{{"key", Array{1, -200, 2.5, Binary{"xy"}}}, {"other", Map{{1, nullptr}}}});
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CHECK_FALSE(decode_value(std::string_view(bytes).substr(0, length)).ok());
  }
  CHECK_FALSE(decode_value(bytes + "\xc0").ok());
}

TEST_CASE("decode_value_prefix leaves what follows", "[msgpack]") {
  const std::string bytes = encode_value("one") + encode_value(2);
  std::string_view rest = bytes;
  CHECK(*decode_value_prefix(rest) == Value("one"));
  CHECK(*decode_value_prefix(rest) == Value(2));
  CHECK(rest.empty());
}

TEST_CASE("values differ by type, and zero by sign", "[msgpack]") {
  CHECK_FALSE(Value(1) == Value(1.0));
  CHECK_FALSE(Value(0.0) == Value(-0.0));
  CHECK_FALSE(Value("a") == Value(Binary{"a"}));
  CHECK(Value(std::uint64_t{5}) == Value(5));
  CHECK(std::holds_alternative<std::uint64_t>(Value(std::uint64_t{1} << 63).content));
}
