#include "clients/cpp/async_window.h"

#include <catch2/catch.hpp>

namespace spex::client {
namespace {

TEST_CASE("a number of async requests may go before any credit, and no more", "[async]") {
  AsyncWindow window;
  unsigned sent = 0;
  for (; window.may_send() && sent < 1000; ++sent) window.sent();
  CHECK(sent == AsyncWindow::kUngranted);
  CHECK(window.last() == 64);
}

TEST_CASE("credit names the last number that may go and never takes back", "[async]") {
  AsyncWindow window;
  for (unsigned i = 0; i < 64; ++i) window.sent();
  window.grant(66);
  CHECK(window.may_send());
  CHECK(window.may_send(1));
  CHECK_FALSE(window.may_send(2));
  window.sent();
  window.grant(10);
  window.sent();
  CHECK_FALSE(window.may_send());
}

TEST_CASE("a new router takes the first numbers again without credit", "[async]") {
  AsyncWindow window;
  for (unsigned i = 0; i < 64; ++i) window.sent();
  window.grant(0);
  CHECK(window.may_send());
  for (unsigned i = 0; i < 64; ++i) window.sent();
  CHECK_FALSE(window.may_send());
}

}  // namespace
}  // namespace spex::client
