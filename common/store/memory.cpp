#include "store/memory.h"

#include <algorithm>
#include <cstring>

namespace spex::store {

Address LogTail::reserve(std::int64_t at, std::uint64_t key_position) {
  if (rows.empty() || !rows.back()->has_room()) {
    if (!rows.empty()) records_before += rows.back()->records();
    const RowHeader header{0, at, key_position, 0, 0, records_before};
    rows.push_back(std::make_unique<RowBuffer>(next_row + rows.size(), header));
  }
  return rows.back()->next_address();
}

void LogTail::written(std::uint64_t replay_from_in_them) {
  records_before = records();
  next_row += rows.size();
  rows.clear();
  replay_from = replay_from_in_them;
}

void Memory::count_instance(const State& state, std::int64_t by) {
  if (instances_by_specification.size() <= state.specification()) {
    instances_by_specification.resize(std::size_t{state.specification()} + 1);
  }
  const auto change = static_cast<std::uint64_t>(by);  // wraps for -1
  instances_by_specification[state.specification()] += change;
  living += change;
  living_records += change * state.sequence;
}

void Memory::apply(const LogRecord& record, Address address) {
  State& state = states[record.number];
  switch (record.kind) {
    case RecordKind::transition:
      state.append(address, record);
      ++living_records;
      break;
    case RecordKind::creation:
    case RecordKind::mock:
      if (state.is_living()) count_instance(state, -1);
      state.create(address, record);
      count_instance(state, 1);
      break;
    case RecordKind::removal:
      count_instance(state, -1);
      state = State();
      break;
    case RecordKind::timeout_reported:
      state.born_and_flags |= State::kTimeoutReported;
      break;
    case RecordKind::remembered:
    case RecordKind::client_assigned:
    case RecordKind::floor_raised:
      return;
  }
  ++operations;
  touch(chunk_of_instance(record.number), row_of(address));
}

bool Memory::continues(const LogRecord& record, Address address) const {
  const bool living_now = states.is_living(record.number);
  switch (record.kind) {
    case RecordKind::transition:
      return living_now && states[record.number].head() == (record.back ? address - record.back : 0);
    case RecordKind::creation:
      return !living_now && record.number > 0;
    case RecordKind::mock:
      return record.number > 0;
    case RecordKind::removal:
    case RecordKind::timeout_reported:
      return living_now;
    case RecordKind::remembered:
    case RecordKind::client_assigned:
    case RecordKind::floor_raised:
      return true;
  }
  return false;
}

std::vector<std::uint8_t> Memory::encode(ChunkId chunk) const {
  const auto copy = [](Bytes bytes) { return std::vector<std::uint8_t>(bytes.begin(), bytes.end()); };
  switch (chunk.kind) {
    case ChunkKind::states: {
      const std::size_t first = chunk.index * StateTable::kPerChunk;
      const std::size_t count = std::min<std::size_t>(StateTable::kPerChunk, states.size() - first);
      std::vector<std::uint8_t> bytes(count * sizeof(State));
      for (std::size_t i = 0; i < count; ++i) {
        std::memcpy(&bytes[i * sizeof(State)], &states[static_cast<std::uint32_t>(first + i)], sizeof(State));
      }
      return bytes;
    }
    case ChunkKind::keys:
      return copy(keys.keys_chunk(chunk.index));
    case ChunkKind::clients: {
      const std::vector<KeyClient> clients = keys.clients_chunk(chunk.index);
      return copy({reinterpret_cast<const std::uint8_t*>(clients.data()), clients.size() * sizeof(KeyClient)});
    }
  }
  return {};
}

void Memory::count() {
  instances_by_specification.clear();
  living = living_records = 0;
  states.for_each(0, [this](std::uint32_t number, const State& state) {
    if (state.is_living()) {
      count_instance(state, 1);
    } else if (number > 0 && !withheld.contains(number)) {
      free.give(number);
    }
    return true;
  });
}

}  // namespace spex::store
