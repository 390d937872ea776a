// StateTable: what is held in memory of every instance, 32 bytes each, by number.
// The same bytes are saved as snapshot chunks of the file.
#pragma once

#include <cstdint>

#include "store/record.h"
#include "store/segmented_vector.h"

namespace spex::store {

struct State {
  std::uint64_t head_and_specification = 0;  // 48 bits: newest history record, 0: none; 16: specification
  std::uint64_t born_and_flags = 0;          // 48 bits: record that made it, 0: no instance; 16: flags
  std::int64_t at = 0;                       // of the newest record, or of creation
  std::uint32_t sequence = 0;                // number of history records
  std::uint32_t state = 0;

  static constexpr unsigned kAddressBits = 48;
  static constexpr std::uint64_t kAddressMask = (std::uint64_t{1} << kAddressBits) - 1;
  static constexpr std::uint64_t kTimeoutReported = std::uint64_t{1} << kAddressBits;

  Address head() const { return head_and_specification & kAddressMask; }
  Address born() const { return born_and_flags & kAddressMask; }
  bool is_living() const { return born() != 0; }
  std::uint16_t specification() const { return static_cast<std::uint16_t>(head_and_specification >> kAddressBits); }
  bool timeout_reported() const { return born_and_flags & kTimeoutReported; }
  void set_head(Address head) { head_and_specification = (head_and_specification & ~kAddressMask) | head; }

  void create(Address address, const LogRecord& record) {
    const bool has_history = record.kind == RecordKind::creation;
    *this = {(has_history ? address : 0) | std::uint64_t{record.specification} << kAddressBits, address, record.at,
             has_history ? 1U : 0U, record.state};
  }
  void append(Address address, const LogRecord& record) {
    set_head(address);
    born_and_flags &= ~kTimeoutReported;
    at = record.at;
    ++sequence;
    state = record.state;
  }
};
static_assert(sizeof(State) == 32);

class StateTable {
 public:
  static constexpr std::size_t kPerChunk = 124;  // a chunk fits a page

  std::uint32_t size() const { return static_cast<std::uint32_t>(states_.size()); }
  State& operator[](std::uint32_t number) { return states_[number]; }
  const State& operator[](std::uint32_t number) const { return states_[number]; }
  void grow_to(std::uint32_t size) { states_.grow_to(size); }
  bool is_living(std::uint32_t number) const { return number < size() && states_[number].is_living(); }

 private:
  SegmentedVector<State> states_;
};

}  // namespace spex::store
