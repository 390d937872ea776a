#include "protocol/identifier.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "bytes.h"
#include "protocol/codec.h"
#include "protocol/shard_map.h"
#include "random_value.h"

using namespace spex::protocol;
using spex::base::Reason;

namespace {

std::string canonical_hex(std::string_view hex) {
  const std::string bytes = from_hex(hex);
  std::string scratch;
  const auto canonical = canonicalise(bytes, scratch);
  return canonical ? to_hex(*canonical) : std::string(spex::base::reason_name(canonical.error().reason));
}

// The same value, encoded with the longest headers and shuffled map entries.
void append_wasteful(std::string& out, const Value& value, RandomValue& random) {
  const auto header = [&out](char type, std::size_t size) {
    out += type;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(size >> shift);
  };
  if (const auto* integer = std::get_if<std::int64_t>(&value.content)) {
    out += '\xd3';
    for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(*integer >> shift);
  } else if (const std::string* text = value.string()) {
    header('\xdb', text->size());
    out += *text;
  } else if (const auto* binary = std::get_if<Binary>(&value.content)) {
    header('\xc6', binary->bytes.size());
    out += binary->bytes;
  } else if (const Array* array = value.array()) {
    header('\xdd', array->size());
    for (const Value& element : *array) append_wasteful(out, element, random);
  } else if (const Map* map = value.map()) {
    Map shuffled = *map;
    for (std::size_t i = shuffled.size(); i > 1; --i) std::swap(shuffled[i - 1], shuffled[random.below(i)]);
    header('\xdf', shuffled.size());
    for (const auto& [key, element] : shuffled) {
      append_wasteful(out, key, random);
      append_wasteful(out, element, random);
    }
  } else {
    append_value(out, value);
  }
}

}  // namespace

TEST_CASE("the canonical form has shortest headers, float64 and sorted keys", "[identifier]") {
  const auto [given, canonical] = GENERATE(table<std::string, std::string>({
      {"a36f2d31", "a36f2d31"},
      {"d9036f2d31", "a36f2d31"},
      {"db000000036f2d31", "a36f2d31"},
      {"cd0007", "07"},
      {"d307ffffffffffffff", "cf07ffffffffffffff"},
      {"d2ffffffff", "ff"},
      {"ca3fc00000", "cb3ff8000000000000"},
      {"c50001aa", "c401aa"},
      {"dc000201cc02", "920102"},
      {"82a162cc01a16102", "82a16102a16201"},
      {"de0002a26161c0a162c0", "82a162c0a26161c0"},  // by the bytes of the encoding: a1… before a2…
      {"c0", "c0"},
      {"cb8000000000000000", "cb8000000000000000"},  // -0.0 stays
  }));
  CHECK(canonical_hex(given) == canonical);
}

TEST_CASE("what is no identifier is refused with its reason", "[identifier]") {
  const auto [given, reason] = GENERATE(table<std::string, std::string>({
      {"cb7ff8000000000000", "invalid_argument"},                    // NaN
      {"ca7fc00000", "invalid_argument"},                            // NaN as float32
      {"d40101", "invalid_argument"},                                // extension
      {"91d40101", "invalid_argument"},                              // extension within
      {"a1ff", "invalid_argument"},                                  // not UTF-8
      {"91d920" + std::string(62, '6') + "ff", "invalid_argument"},  // nor here
      {"82a16101a16102", "invalid_argument"},                        // a key twice
      {"8201c0cc01c0", "invalid_argument"},                          // a key twice, encoded differently
      {"", "malformed"},
      {"a36f", "malformed"},
      {"0000", "malformed"},
      {"dd7fffffff", "malformed"},
  }));
  CAPTURE(given);
  CHECK(canonical_hex(given) == reason);
}

TEST_CASE("identifiers end at 1 KiB and at a depth of 32", "[identifier]") {
  std::string scratch;
  CHECK(canonicalise(encode_value(std::string(1021, 'x')), scratch).ok());
  CHECK(canonicalise(encode_value(std::string(1022, 'x')), scratch).error().reason == Reason::too_large);
  // 300 float32 are 1,503 bytes here and 2,703 in canonical form.
  std::string floats = from_hex("dc00c8");
  for (int i = 0; i < 200; ++i) floats += from_hex("ca3f800000");
  CHECK(canonicalise(floats, scratch).error().reason == Reason::too_large);
  CHECK(canonicalise(std::string(32, '\x91') + "\xc0", scratch).ok());
  CHECK(canonicalise(std::string(33, '\x91') + "\xc0", scratch).error().reason == Reason::invalid_argument);
  CHECK_FALSE(canonicalise(std::string(100'000, '\x91'), scratch).ok());
}

TEST_CASE("any encoding of a value has the one canonical form", "[identifier]") {
  const std::uint64_t seed = 4096;
  INFO("seed " << seed);
  RandomValue random(seed);
  for (int i = 0; i < 2000; ++i) {
    const Value value = random.value(3);
    std::string wasteful;
    append_wasteful(wasteful, value, random);
    std::string scratch;
    std::string other_scratch;
    const std::string plain = encode_value(value);
    const auto a = canonicalise(plain, scratch);
    const auto b = canonicalise(wasteful, other_scratch);
    REQUIRE(a.ok() == b.ok());
    if (!a) continue;
    CHECK(*a == *b);
    std::string again;
    CHECK(*canonicalise(*a, again) == *a);
  }
}

TEST_CASE("slots follow the published hash", "[identifier]") {
  CHECK(slot_of(from_hex("a36f2d31")) < kSlotCount);
  CHECK(slot_of("a") == 0xD24EC4F1A98C6E5B % 4096);
}

TEST_CASE("a slot map names a shard for every slot or is refused", "[identifier]") {
  std::vector<std::uint16_t> slots(kSlotCount);
  for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = static_cast<std::uint16_t>(i % 4 + 1);
  const auto map = SlotMap::create(slots, 4);
  REQUIRE(map.ok());
  CHECK(map->shard_of("a").value() == (0xD24EC4F1A98C6E5B % 4096) % 4 + 1);
  CHECK_FALSE(SlotMap::create(slots, 3).ok());
  slots[7] = 0;
  CHECK_FALSE(SlotMap::create(slots, 4).ok());
  slots.pop_back();
  CHECK_FALSE(SlotMap::create(slots, 4).ok());
}

TEST_CASE("meta is nil or a map of text in UTF-8", "[identifier]") {
  CHECK(check_meta(from_hex("c0")).ok());
  CHECK(check_meta(from_hex("80")).ok());
  CHECK(check_meta(encode_value(Map{{"customer", Map{{"country", "NL"}}}})).ok());
  CHECK(check_meta(from_hex("a161")).error().reason == Reason::invalid_argument);
  CHECK(check_meta(from_hex("81a161a1ff")).error().reason == Reason::invalid_argument);
  CHECK(check_meta(from_hex("82a16101a16102")).error().reason == Reason::invalid_argument);
  CHECK(check_meta(encode_value(Map{{"a", std::string(kMetaBytesMax, 'x')}})).error().reason == Reason::too_large);
}
