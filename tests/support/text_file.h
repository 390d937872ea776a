// Reading and writing small files whole, for tests without processes.
#pragma once

#include <fstream>
#include <sstream>
#include <string>

namespace spex::test {

inline std::string read_text(const std::string& path) {  // empty if it cannot be read
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

inline void write_text(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

}  // namespace spex::test
