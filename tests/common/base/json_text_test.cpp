#include "base/json_text.h"

#include <catch2/catch.hpp>

using namespace spex::base;

TEST_CASE("JSON strings are quoted, and broken UTF-8 replaced", "[base]") {
  CHECK(json_quote("a\"b\\c\n\x01") == "\"a\\\"b\\\\c\\n\\u0001\"");
  CHECK(json_quote("\xC3\xA4") == "\"\xC3\xA4\"");
  CHECK(json_quote("\xFF") == "\"\xEF\xBF\xBD\"");
}

TEST_CASE("UTF-8 is checked as RFC 3629 says", "[base]") {
  CHECK(is_utf8("plain \xC3\xA4 \xE2\x82\xAC \xF0\x9F\x98\x80"));
  for (const char* bad : {"\xC0\x80", "\xED\xA0\x80", "\xF5\x80\x80\x80", "\xE2\x82", "\x80"})
    CHECK_FALSE(is_utf8(bad));
}
