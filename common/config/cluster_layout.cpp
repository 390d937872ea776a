#include "config/cluster_layout.h"

#include <sys/random.h>

#include <cerrno>
#include <charconv>
#include <fstream>
#include <sstream>

#include "base/assert.h"
#include "config/atomic_file.h"

namespace spex::config {
namespace {

constexpr std::string_view kTitle = "spexd data directory 1";
constexpr std::size_t kLayoutBytesMax = 64 * 1024;

std::string random_id() {
  unsigned char bytes[16];
  SPEX_ASSERT(::getrandom(bytes, sizeof bytes, 0) == sizeof bytes);  // so few bytes come whole or not at all
  constexpr std::string_view digits = "0123456789abcdef";
  std::string id;
  for (const unsigned char byte : bytes) {
    id += digits[byte >> 4];
    id += digits[byte & 15];
  }
  return id;
}

bool is_id(std::string_view text) {
  return text.size() == 32 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// The next line without its end; false at the end of the text or if the line is not ended.
bool take_line(std::string_view& text, std::string_view& line) {
  const auto end = text.find('\n');
  if (end == std::string_view::npos) return false;
  line = text.substr(0, end);
  text.remove_prefix(end + 1);
  return true;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

// A number from 1 to `max` at the front, digits only.
bool take_number(std::string_view& text, std::uint32_t max, std::uint32_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || number < 1 || number > max) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool parse_slots(std::string_view line, ClusterLayout& layout) {
  while (layout.shard_of_slot.size() < kSlots) {
    std::uint32_t shard = 0;
    if (!take_prefix(line, " ") || !take_number(line, layout.distribution_factor, shard)) return false;
    layout.shard_of_slot.push_back(static_cast<std::uint16_t>(shard));
  }
  return line.empty();
}

bool parse(std::string_view text, ClusterLayout& layout) {
  std::string_view line;
  if (!take_line(text, line) || line != kTitle) return false;
  if (!take_line(text, line) || !take_prefix(line, "cluster_id: ") || !is_id(line)) return false;
  layout.cluster_id = line;
  if (!take_line(text, line) || !take_prefix(line, "distribution_factor: ")) return false;
  if (!take_number(line, kSlots, layout.distribution_factor) || !line.empty()) return false;
  if (!take_line(text, line) || !take_prefix(line, "slots:") || !parse_slots(line, layout)) return false;
  return text.empty();
}

}  // namespace

ClusterLayout ClusterLayout::create(std::uint32_t distribution_factor) {
  SPEX_ASSERT(distribution_factor >= 1 && distribution_factor <= kSlots);
  ClusterLayout layout{random_id(), distribution_factor, {}};
  layout.shard_of_slot.reserve(kSlots);
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
    layout.shard_of_slot.push_back(static_cast<std::uint16_t>(slot % distribution_factor + 1));
  }
  return layout;
}

std::string layout_path(const std::string& data_dir) { return data_dir + "/cluster"; }

base::Result<ClusterLayout> load_layout(const std::string& data_dir) {
  const std::string path = layout_path(data_dir);
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return base::system_error("open " + path, errno, base::Reason::storage_open);
  std::string text(kLayoutBytesMax, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  ClusterLayout layout;
  if (!parse(text, layout)) {
    return base::fail(base::Reason::storage_corrupt, "read " + path + ": not a whole cluster layout of version 1");
  }
  return layout;
}

base::Result<void> save_layout(const std::string& data_dir, const ClusterLayout& layout) {
  SPEX_ASSERT(layout.shard_of_slot.size() == kSlots);
  std::string text(kTitle);
  text += "\ncluster_id: " + layout.cluster_id;
  text += "\ndistribution_factor: " + std::to_string(layout.distribution_factor);
  text += "\nslots:";
  for (const std::uint16_t shard : layout.shard_of_slot) text += " " + std::to_string(shard);
  text += "\n";
  return replace_file(layout_path(data_dir), text, Sync::yes);
}

}  // namespace spex::config
