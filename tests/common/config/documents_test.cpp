#include "config/documents.h"

#include <catch2/catch.hpp>

#include "config/resolve.h"
#include "support/text_file.h"

using namespace spex::config;

TEST_CASE("config/spexd.conf is what the table says (else run scripts/generate-docs)", "[config]") {
  CHECK(spex::test::read_text(SPEX_SOURCE_DIR "/config/spexd.conf") == default_config_file());
}

TEST_CASE("docs/configuration.md is what the table says (else run scripts/generate-docs)", "[config]") {
  CHECK(spex::test::read_text(SPEX_SOURCE_DIR "/docs/configuration.md") == configuration_document());
}

TEST_CASE("the generated file with its comments removed is the default configuration", "[config]") {
  std::string text = default_config_file();
  for (std::size_t at = text.find("\n#"); at != std::string::npos; at = text.find("\n#", at + 1)) {
    const std::string line = text.substr(at + 2, text.find('\n', at + 1) - at - 2);
    if (line.find(" = ") != std::string::npos && line.front() != ' ') text.erase(at + 1, 1);
  }
  const Resolved resolved = resolve({{}, {}, parse_config_text(text, "spexd.conf")});
  CHECK(resolved.problems.empty());
  Config defaults;
  defaults.endpoints = {"ipc://./spex_run/frontend.sock"};
  CHECK(difference(defaults, resolved.config).reloadable.empty());
  CHECK(difference(defaults, resolved.config).needs_restart.empty());
}
