#include "conformance/names.h"

#include "base/json_text.h"

namespace spex::conformance {
namespace {

// C0, DEL, and in UTF-8 the C1 controls U+0080..U+009F.
bool has_control_character(std::string_view name) {
  unsigned char previous = 0;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (previous == 0xc2 && byte <= 0x9f)) return true;
    previous = byte;
  }
  return false;
}

std::string_view problem(std::string_view name, std::size_t bytes_max) {
  if (name.empty()) return "is empty";
  if (name.size() > bytes_max)
    return bytes_max == kNameBytesMax ? "is longer than 255 bytes" : "is longer than 200 bytes";
  if (name == kNoState) return "is 'nil', which means no state";
  if (has_control_character(name)) return "contains a control character";
  if (name.find(kActionOpens) != std::string_view::npos) return "contains ' --['";
  if (name.find(kActionCloses) != std::string_view::npos) return "contains ']-> '";
  if (!base::is_utf8(name)) return "is not UTF-8";
  return {};
}

}  // namespace

std::string_view name_problem(std::string_view name) { return problem(name, kNameBytesMax); }

std::string_view specification_name_problem(std::string_view name) {
  if (const std::string_view why = problem(name, kSpecificationNameBytesMax); !why.empty()) return why;
  if (name.find('/') != std::string_view::npos) return "contains '/'";
  if (name.front() == '.') return "begins with '.'";
  return {};
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 300;
  const bool cut = text.size() > kShown;
  std::string shown(text.substr(0, kShown));
  // Cut between two characters, not within one.
  while (cut && !shown.empty() && !base::is_utf8(shown) && shown.size() > kShown - 4) shown.pop_back();
  const bool plain = base::is_utf8(shown);
  for (char& c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !plain)) c = '?';
  }
  return "'" + shown + (cut ? "…'" : "'");
}

}  // namespace spex::conformance
