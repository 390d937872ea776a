// The wire does not change by accident: each message against its golden pair,
// tests/data/protocol/<name>.hex and .json. SPEX_REFRESH_GOLDEN=1 in the
// environment rewrites them; review the difference.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "bytes.h"
#include "protocol/codec.h"
#include "protocol/json.h"
#include "samples.h"

using namespace spex::protocol;

namespace {

std::string path_of(const Sample& sample, const char* ending) {
  std::string file = sample.name;
  std::replace(file.begin(), file.end(), ' ', '_');
  return std::string(SPEX_SOURCE_DIR "/tests/data/protocol/") + file + ending;
}

std::string read_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

void write_line(const std::string& path, const std::string& line) { std::ofstream(path) << line << "\n"; }

}  // namespace

TEST_CASE("every message is the one of its golden file", "[golden]") {
  const char* refresh = std::getenv("SPEX_REFRESH_GOLDEN");
  const bool refreshes = refresh != nullptr && std::string(refresh) == "1";
  for (const Sample& sample : samples()) {
    CAPTURE(sample.name);
    const auto value = decode_value(sample.message);
    REQUIRE(value.ok());
    if (refreshes) {
      write_line(path_of(sample, ".hex"), to_hex(sample.message));
      write_line(path_of(sample, ".json"), to_json(*value));
    }
    CHECK(to_hex(sample.message) == read_line(path_of(sample, ".hex")));
    CHECK(to_json(*value) == read_line(path_of(sample, ".json")));
    CHECK(encode_value(*parse_json(read_line(path_of(sample, ".json")))) == sample.message);
  }
}
