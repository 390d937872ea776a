// A planted bug, for the test that the soak finds it: recovery does not replay
// the transitions in the log that are newer than the last snapshot. Linked into a
// worker of its own, in the place of the functions that replay (ld --wrap); nothing
// of it is in the shipped program.
#include "store/recovery.h"

using spex::base::Result;
using spex::store::Address;
using spex::store::Database;
using spex::store::LogRecord;
using spex::store::Memory;
using spex::store::RecordKind;
using spex::store::StoreOptions;

namespace {
bool recovering = false;
}  // namespace

extern "C" {

Result<std::unique_ptr<Memory>> real_recover(Database& database, const StoreOptions& options, std::uint64_t seed) asm(
    "__real__ZN4spex5store7recoverERNS0_8DatabaseERKNS0_12StoreOptionsEm");
Result<std::unique_ptr<Memory>> planted_recover(
    Database& database, const StoreOptions& options,
    std::uint64_t seed) asm("__wrap__ZN4spex5store7recoverERNS0_8DatabaseERKNS0_12StoreOptionsEm");
void real_apply(Memory* memory, const LogRecord& record,
                Address address) asm("__real__ZN4spex5store6Memory5applyERKNS0_9LogRecordEm");
void planted_apply(Memory* memory, const LogRecord& record,
                   Address address) asm("__wrap__ZN4spex5store6Memory5applyERKNS0_9LogRecordEm");
bool real_continues(const Memory* memory, const LogRecord& record,
                    Address address) asm("__real__ZNK4spex5store6Memory9continuesERKNS0_9LogRecordEm");
bool planted_continues(const Memory* memory, const LogRecord& record,
                       Address address) asm("__wrap__ZNK4spex5store6Memory9continuesERKNS0_9LogRecordEm");

Result<std::unique_ptr<Memory>> planted_recover(Database& database, const StoreOptions& options, std::uint64_t seed) {
  recovering = true;
  auto memory = real_recover(database, options, seed);
  recovering = false;
  return memory;
}

void planted_apply(Memory* memory, const LogRecord& record, Address address) {
  if (recovering && record.kind == RecordKind::transition) return;
  real_apply(memory, record, address);
}

bool planted_continues(const Memory* memory, const LogRecord& record, Address address) {
  return recovering || real_continues(memory, record, address);
}
}
