// Any bytes as the text and as the wire form of a filter.
#include "base/assert.h"
#include "fuzz_driver.h"
#include "protocol/filter.h"

using namespace spex::protocol;

namespace {

class Nothing final : public FilterSubject {
 public:
  std::string_view specification() const override { return "order"; }
  std::string_view current_state() const override { return "paid"; }
  std::int64_t idle() const override { return 1; }
  spex::base::Timestamp created() const override { return 2; }
  Value meta() const override { return Map{{"a", Map{{"b", 1}}}}; }
};

void check(const Filter& filter) {
  const bool matches = filter.matches(Nothing());
  const auto sent = Filter::decode(filter.encode());
  SPEX_ASSERT(sent && *sent == filter && sent->matches(Nothing()) == matches);
  // A filter near the limit of size on the wire may be longer as text.
  if (const auto read = Filter::parse(filter.to_text())) SPEX_ASSERT(*read == filter);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto filter = Filter::parse(bytes)) check(*filter);
  if (const auto filter = Filter::decode(bytes)) check(*filter);
  return 0;
}

std::vector<std::string> fuzz_seeds(const std::string&) {
  std::vector<std::string> seeds;
  for (const char* text :
       {"", "specification = \"order\"", "not (current_state in (\"new\", \"paid\") or idle >= 5m)",
        "meta.a.\"b c\" != -1.5e3 and meta.b = null or meta.c = true", "created < \"2026-01-31T12:00:00.5+01:00\"",
        "meta.x <= 18446744073709551615 and meta.y > \"\\u00e9\\n\\\"\"", "not not not meta.z in (1, 2.0, \"3\")"}) {
    seeds.push_back(text);
    if (const auto filter = Filter::parse(text)) seeds.push_back(filter->encode());
  }
  return seeds;
}
