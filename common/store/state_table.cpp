#include "store/state_table.h"

namespace spex::store {

// Where reading fails all states are given out as living ones of no specification, which
// no operation takes for an instance that it may answer for; and nothing of the batch lasts.
void StateTable::fill(std::uint32_t chunk, Chunk& to) const {
  if (!read_) return;
  auto read = read_(chunk, to);
  if (read) return;
  failure_ = std::move(read).error();
  to.fill({0, 1, 0, 0, 0});
}

StateTable::Chunk& StateTable::bring_in(std::uint32_t chunk) const {
  Slot& slot = slots_[chunk];
  slot.chunk = std::make_unique<Chunk>();
  slot.used = true;
  ++loaded_;
  fill(chunk, *slot.chunk);
  return *slot.chunk;
}

void StateTable::offer(std::uint32_t chunk, const Chunk& content) {
  if (loaded_ >= chunks_max_) return;
  slots_[chunk].chunk = std::make_unique<Chunk>(content);
  ++loaded_;
}

}  // namespace spex::store
