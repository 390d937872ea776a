#include "base/hash.h"

#include <catch2/catch.hpp>
#include <string>

using spex::base::hash64;

TEST_CASE("hash64 is XXH64: the published vectors hold", "[base]") {
  CHECK(hash64("") == 0xEF46DB3751D8E999);
  CHECK(hash64("a") == 0xD24EC4F1A98C6E5B);
  CHECK(hash64("abc") == 0x44BC2CF5AD770999);
  CHECK(hash64("Nobody inspects the spammish repetition") == 0xFBCEA83C8A378BF1);
}

TEST_CASE("hash64 depends on every byte of long inputs", "[base]") {
  const std::string text(100, 'x');
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string other = text;
    other[i] = 'y';
    CHECK(hash64(other) != hash64(text));
  }
}
