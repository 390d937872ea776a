#include "config/config_file.h"

#include <fstream>
#include <map>
#include <sstream>

#include "config/parameters.h"

namespace spex::config {
namespace {

constexpr std::size_t kFileBytesMax = 1u << 20;
constexpr std::size_t kProblemsMax = 100;

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Judges one line; the entry goes to `file`, or the reason is returned.
std::string take_line(std::string_view line, std::uint32_t number, std::map<std::string, std::uint32_t>& seen,
                      ConfigFile& file) {
  const auto equals = line.find('=');
  if (equals == std::string_view::npos) return "expected \"name = value\"";
  const std::string name(trim(line.substr(0, equals)));
  const Parameter* parameter = find_parameter(name);
  if (parameter == nullptr) return "there is no parameter \"" + name + "\"";
  const auto [first, fresh] = seen.emplace(name, number);
  if (!fresh && !parameter->repeatable) {
    return name + " was already set in line " + std::to_string(first->second);
  }
  file.entries.push_back({name, std::string(trim(line.substr(equals + 1))), number});
  return "";
}

}  // namespace

std::string to_string(const Problem& problem) {
  if (problem.line == 0) return problem.file + ": " + problem.reason;
  return problem.file + ":" + std::to_string(problem.line) + ": " + problem.reason;
}

ConfigFile parse_config_text(std::string_view text, const std::string& path) {
  ConfigFile file{path, {}, {}};
  std::map<std::string, std::uint32_t> seen;
  std::uint32_t number = 0;
  while (!text.empty() && file.problems.size() < kProblemsMax) {
    ++number;
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = trim(line);
    if (line.empty() || line.front() == '#') continue;
    std::string reason = take_line(line, number, seen, file);
    if (!reason.empty()) file.problems.push_back({path, number, std::move(reason)});
  }
  return file;
}

ConfigFile read_config_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::string text(kFileBytesMax + 1, '\0');
  if (stream) stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  // A directory opens but cannot be read; the end of the file is no failure.
  if (!stream && !stream.eof()) {
    const std::string reason = base::system_error("cannot be read", errno).message;
    return ConfigFile{path, {}, {{path, 0, reason}}};
  }
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kFileBytesMax) return ConfigFile{path, {}, {{path, 0, "is larger than 1 MiB"}}};
  return parse_config_text(text, path);
}

}  // namespace spex::config
