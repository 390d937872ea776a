#include "lts/string_table.h"

#include "base/assert.h"
#include "base/hash.h"

namespace spex::lts {

std::string_view StringTable::text(std::uint32_t id) const {
  SPEX_ASSERT(id < ends_.size());
  const std::size_t begin = id == 0 ? 0 : ends_[id - 1];
  return std::string_view(arena_).substr(begin, ends_[id] - begin);
}

// The slot that holds `text`, or the empty one where it belongs.
std::size_t StringTable::slot_of(std::string_view text) const {
  const std::size_t mask = index_.size() - 1;
  std::size_t slot = base::hash64(text) & mask;
  while (index_[slot] != 0 && this->text(index_[slot] - 1) != text) slot = (slot + 1) & mask;
  return slot;
}

void StringTable::grow() {
  index_.assign(index_.empty() ? 16 : index_.size() * 2, 0);
  for (std::uint32_t id = 0; id < size(); ++id) index_[slot_of(text(id))] = id + 1;
}

std::uint32_t StringTable::intern(std::string_view text) {
  if (2 * (ends_.size() + 1) > index_.size()) grow();
  const std::size_t slot = slot_of(text);
  if (index_[slot] != 0) return index_[slot] - 1;
  SPEX_ASSERT(ends_.size() < 0xFFFFFFFEU);
  arena_.append(text);
  ends_.push_back(arena_.size());
  index_[slot] = size();
  return size() - 1;
}

std::optional<std::uint32_t> StringTable::find(std::string_view text) const {
  if (index_.empty()) return std::nullopt;
  const std::size_t slot = slot_of(text);
  if (index_[slot] == 0) return std::nullopt;
  return index_[slot] - 1;
}

}  // namespace spex::lts
