#include "store/recovery.h"

#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "store/identifier_load.h"

namespace spex::store {
namespace {

using base::fail;
using base::Reason;
using base::Result;

constexpr std::uint64_t kProgressEvery = 100'000;  // rows, records or chunks
constexpr std::uint64_t kFeedEvery = 256;

base::Error corrupt(const std::string& what, std::uint64_t number) {
  return fail(Reason::storage_corrupt, what + " " + std::to_string(number));
}

class Recovery {
 public:
  Recovery(Database& database, const StoreOptions& options) : database_(database), options_(options) {}

  // The identifiers beside all the rest. If anything about them is `unusual`, their rows must be read one by one, and
  // the result is worth nothing.
  Result<std::unique_ptr<Memory>> run(std::uint64_t seed, bool beside, bool* unusual) {
    const auto begun = begin(seed);
    *unusual = !begun;
    SPEX_TRY(begun);
    load_.emplace(database_, *identifiers_, beside);
    load_->feed();
    const auto rest = load_rest();
    *unusual = !load_->finish([this] { progress(kFeedEvery); });
    load_.reset();
    SPEX_TRY(rest);
    return finish();
  }

  // Past damaged pages, since the rows have checksums.
  Result<std::unique_ptr<Memory>> run_row_by_row(std::uint64_t seed) {
    SPEX_TRY(read_row_by_row(database_, [&] { return load_identifier_rows(seed); }));
    SPEX_TRY(load_rest());
    return finish();
  }

 private:
  void progress(std::uint64_t steps = 1) {
    steps_ += steps;
    if (load_ && steps_ - fed_at_ >= kFeedEvery) {
      fed_at_ = steps_;
      load_->feed();
    }
    if (steps_ - told_at_ < kProgressEvery || !options_.on_progress) return;
    told_at_ = steps_;
    options_.on_progress();
  }

  Result<void> begin(std::uint64_t seed) {
    SPEX_TRY_ASSIGN(const std::int64_t highest, database_.integer("SELECT ifnull(max(number), 0) FROM instances"));
    if (highest < 0 || highest > 0xfffffff0) return corrupt("there is an instance with number", 0);
    memory_ = std::make_unique<Memory>(seed, static_cast<std::size_t>(highest), options_.request_keys_max);
    memory_->states.grow_to(static_cast<std::uint32_t>(highest) + 1);
    identifiers_.emplace(memory_->directory, static_cast<std::uint32_t>(highest));
    return {};
  }

  Result<void> load_identifier_rows(std::uint64_t seed) {
    SPEX_TRY(begin(seed));
    SPEX_TRY_ASSIGN(Statement rows, Statement::prepare(database_, kInstanceRows, Reason::storage_scan));
    while (true) {
      SPEX_TRY_ASSIGN(const bool found, rows.step());
      if (!found) break;
      const auto stored = stored_instance(rows);
      if (!stored || !identifiers_->take(*stored)) {
        return corrupt("the row is damaged of instance", rows.unsigned_integer(0));
      }
      progress();
    }
    identifiers_->finish();
    return {};
  }

  Result<void> load_rest() {
    SPEX_TRY(load_withheld());
    SPEX_TRY(read_newest_row());
    SPEX_TRY(read_states_from_file());
    SPEX_TRY(load_chunks());
    if (newest_row_) SPEX_TRY(replay());
    return {};
  }

  Result<std::unique_ptr<Memory>> finish() {
    SPEX_TRY(check_instances());
    if (!memory_->keys.finish_recovery(next_key_))
      return corrupt("request keys are missing before position", next_key_);
    memory_->count();
    if (memory_->states.failure()) return *memory_->states.failure();
    memory_->saved_at_operation = memory_->operations;
    return std::move(memory_);
  }

  Result<void> load_withheld() {
    SPEX_TRY_ASSIGN(Statement rows, Statement::prepare(database_, "SELECT number FROM removed", Reason::storage_scan));
    while (true) {
      SPEX_TRY_ASSIGN(const bool row, rows.step());
      if (!row) return {};
      const std::int64_t number = rows.integer(0);
      if (number < 1 || number > 0xfffffff0) return corrupt("there is a removed instance with number", 0);
      memory_->withheld.insert(static_cast<std::uint32_t>(number));
      memory_->states.grow_to(static_cast<std::uint32_t>(number) + 1);
    }
  }

  Result<void> read_newest_row() {
    SPEX_TRY_ASSIGN(Statement newest, Statement::prepare(database_, "SELECT n, body FROM log ORDER BY n DESC LIMIT 1",
                                                         Reason::storage_scan));
    SPEX_TRY_ASSIGN(const bool row, newest.step());
    if (!row) return {};
    newest_row_ = newest.unsigned_integer(0);
    const RowReader reader(newest_row_, newest.bytes(1));
    if (!reader.is_sound()) return corrupt("damaged is log row", newest_row_);
    const RowHeader header = reader.header();
    memory_->log.replay_from = header.replay_from;
    if (header.replay_from > newest_row_) return corrupt("the row to replay from is wrong in log row", newest_row_);
    memory_->log.next_row = newest_row_ + 1;
    memory_->keys.begin_recovery(header.key_tail, header.floor_of_all);
    return {};
  }

  Result<void> load_chunks() {
    SPEX_TRY_ASSIGN(Statement rows, Statement::prepare(database_, "SELECT chunk, n, body FROM snapshot ORDER BY chunk",
                                                       Reason::storage_scan));
    while (true) {
      SPEX_TRY_ASSIGN(const bool row, rows.step());
      if (!row) return {};
      const ChunkId chunk = ChunkId::of_row(rows.integer(0));
      const std::uint64_t saved_row = rows.unsigned_integer(1);
      const Bytes body = rows.bytes(2);
      if (!is_sound_chunk(chunk, saved_row, body) || saved_row > newest_row_ || !load_chunk(chunk, body.subspan(4))) {
        return corrupt("damaged is snapshot chunk", rows.unsigned_integer(0));
      }
      memory_->chunks.saved(chunk, saved_row);
      progress();
    }
  }

  static bool decode_states(Bytes bytes, StateTable::Chunk& states) {
    return for_each<State>(bytes, StateTable::kPerChunk, [&](std::size_t i, const State& state) { states[i] = state; });
  }

  // For chunks that are not, or no longer, in memory.
  Result<void> read_states_from_file() {
    SPEX_TRY_ASSIGN(Statement select, Statement::prepare(database_, "SELECT n, body FROM snapshot WHERE chunk=?1"));
    auto row = std::make_shared<Statement>(std::move(select));
    const auto read = [row, memory = memory_.get()](std::uint32_t index, StateTable::Chunk& to) -> Result<void> {
      const ChunkId chunk{ChunkKind::states, index};
      const std::uint64_t saved_row = memory->chunks.saved_row(chunk);
      if (saved_row == 0) return {};  // nothing was ever in it
      const ResetAtEnd reset(*row);
      SPEX_TRY_ASSIGN(const bool found, row->bind(1, chunk.row()).step());
      const Bytes body = found ? row->bytes(1) : Bytes();
      if (!found || row->unsigned_integer(0) != saved_row || !is_sound_chunk(chunk, saved_row, body) ||
          !decode_states(body.subspan(4), to)) {
        return corrupt("damaged is snapshot chunk", static_cast<std::uint64_t>(chunk.row()));
      }
      return {};
    };
    memory_->states.read_with(read, options_.instances_in_memory_max / StateTable::kPerChunk);
    return {};
  }

  static bool is_sound_chunk(ChunkId chunk, std::uint64_t saved_row, Bytes body) {
    return body.size() >= 4 &&
           get_word<std::uint32_t>(body.data()) == checksum32(body.subspan(4), chunk_seed(chunk, saved_row));
  }

  template <typename Element, typename Each>
  static bool for_each(Bytes bytes, std::size_t most, const Each& each) {
    if (bytes.size() % sizeof(Element) != 0 || bytes.size() / sizeof(Element) > most) return false;
    for (std::size_t i = 0; i * sizeof(Element) < bytes.size(); ++i) {
      Element element;
      std::memcpy(static_cast<void*>(&element), &bytes[i * sizeof(Element)], sizeof(Element));
      each(i, element);
    }
    return true;
  }

  bool load_chunk(ChunkId chunk, Bytes bytes) {
    switch (chunk.kind) {
      case ChunkKind::states: {
        const std::size_t first = chunk.index * StateTable::kPerChunk;
        StateTable::Chunk states{};
        if (!decode_states(bytes, states)) return false;
        memory_->states.grow_to(static_cast<std::uint32_t>(first + bytes.size() / sizeof(State)));
        memory_->states.offer(chunk.index, states);
        return true;
      }
      case ChunkKind::keys:
        return for_each<KeyEntry>(bytes, KeyTable::kKeysPerChunk, [&](std::size_t i, const KeyEntry& entry) {
          if (entry.address) memory_->keys.restore(chunk.index * KeyTable::kKeysPerChunk + i, entry);
        });
      case ChunkKind::clients:
        return for_each<KeyClient>(bytes, KeyTable::kClientsPerChunk, [&](std::size_t i, const KeyClient& client) {
          memory_->keys.restore_client(static_cast<std::uint32_t>(chunk.index * KeyTable::kClientsPerChunk + i),
                                       client);
        });
    }
    return false;
  }

  Result<void> replay() {
    SPEX_TRY_ASSIGN(Statement rows, Statement::prepare(database_, "SELECT n, body FROM log WHERE n>=?1 ORDER BY n",
                                                       Reason::storage_scan));
    rows.bind(1, memory_->log.replay_from);
    for (std::uint64_t expected = memory_->log.replay_from; expected <= newest_row_; ++expected) {
      SPEX_TRY_ASSIGN(const bool row, rows.step());
      if (!row || rows.unsigned_integer(0) != expected) return corrupt("missing is log row", expected);
      RowReader reader(expected, rows.bytes(1));
      if (!reader.is_sound()) return corrupt("damaged is log row", expected);
      SPEX_TRY(replay_row(reader, expected));
    }
    return {};
  }

  Result<void> replay_row(RowReader& reader, std::uint64_t row) {
    const RowHeader header = reader.header();
    const bool first = row == memory_->log.replay_from;
    if (!first && (header.key_position != next_key_ || header.records_before != memory_->log.records_before)) {
      return corrupt("does not continue the one before: log row", row);
    }
    next_key_ = header.key_position;
    memory_->log.records_before = header.records_before;
    records_.clear();
    while (!reader.at_end()) {
      const Address address = reader.position();
      const auto record = reader.next();
      if (!record) return corrupt("a record is damaged in log row", row);
      memory_->states.prefetch(record->number);
      records_.emplace_back(*record, address);
    }
    for (const auto& [record, address] : records_) {
      if (!replay_record(record, address, row)) return corrupt("a record does not fit in log row", row);
      ++memory_->log.records_before;
      ++memory_->replayed;
      progress();
    }
    return {};
  }

  bool replay_record(const LogRecord& record, Address address, std::uint64_t row) {
    if (record.kind >= RecordKind::client_assigned) return replay_client(record, row);
    if (record.number >= memory_->states.size()) memory_->states.grow_to(record.number + 1);
    if (!memory_->chunks.holds(Memory::chunk_of_instance(record.number), row)) {
      if (!memory_->continues(record, address)) return false;
      memory_->apply(record, address);
    }
    if (!record.keyed) return true;
    const std::uint64_t position = next_key_++;
    if (const ChunkId chunk = Memory::chunk_of_key(position);
        position >= memory_->keys.tail() && !memory_->chunks.holds(chunk, row)) {
      memory_->keys.restore(position, key_entry_of(record, address));
      memory_->touch(chunk, row);
    }
    if (const ChunkId chunk = Memory::chunk_of_client(record.client_slot); !memory_->chunks.holds(chunk, row)) {
      memory_->keys.restore_used(record.client_slot, position);
      memory_->touch(chunk, row);
    }
    return true;
  }

  bool replay_client(const LogRecord& record, std::uint64_t row) {
    const ChunkId chunk = Memory::chunk_of_client(record.number);
    if (memory_->chunks.holds(chunk, row)) return true;
    if (record.number > memory_->keys.slots()) return false;
    if (record.kind == RecordKind::client_assigned) {
      memory_->keys.restore_client(record.number, {record.client, record.key_number, 0});
    } else {
      memory_->keys.restore_floor(record.number, record.key_number);
    }
    memory_->touch(chunk, row);
    return true;
  }

  Result<void> check_instances() {
    std::uint64_t living = 0;
    std::optional<std::uint32_t> wrong;
    memory_->states.for_each(0, [&](std::uint32_t number, const State& state) {
      if (!state.is_living()) return true;
      ++living;
      const bool has_row = identifiers_->specification(number) == state.specification();
      const bool fits = state.sequence ? state.head() >= state.born() : state.head() == 0;
      if (!has_row || !fits || row_of(state.head()) > newest_row_) wrong = number;
      return !wrong;
    });
    if (wrong) return corrupt("its row and its state differ: instance", *wrong);
    const std::uint64_t rows = identifiers_->rows();
    if (living != rows) return corrupt("there are rows of instances without a state:", rows - living);
    return {};
  }

  Database& database_;
  const StoreOptions& options_;
  std::unique_ptr<Memory> memory_;
  std::optional<Identifiers> identifiers_;
  std::vector<std::pair<LogRecord, Address>> records_;  // of the row that is replayed
  std::uint64_t newest_row_ = 0;                        // 0: the log is empty
  std::uint64_t next_key_ = 1;
  std::uint64_t steps_ = 0;
  std::uint64_t told_at_ = 0;  // steps
  std::uint64_t fed_at_ = 0;
  std::optional<IdentifierLoad> load_;  // while it goes on; after what it fills
};

}  // namespace

Result<std::unique_ptr<Memory>> recover(Database& database, const StoreOptions& options, std::uint64_t seed) {
  bool unusual = false;
  {
    auto memory = Recovery(database, options).run(seed, std::thread::hardware_concurrency() > 1, &unusual);
    if (!unusual) return memory;  // the right one or the right error
  }
  return Recovery(database, options).run_row_by_row(seed);
}

}  // namespace spex::store
