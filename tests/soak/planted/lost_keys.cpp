// A planted bug, for the test that the soak finds it: after a restart the shard
// knows none of the request keys it was told before. Linked into a worker of its
// own, in the place of the key table's look-up (ld --wrap); nothing of it is in
// the shipped program.
#include <chrono>

#include "store/key_table.h"

using spex::store::KeyLookup;
using spex::store::KeyState;
using spex::store::KeyTable;
using spex::store::RequestKey;

extern "C" {

KeyLookup real_find(const KeyTable* table,
                    const RequestKey& key) asm("__real__ZNK4spex5store8KeyTable4findERKNS0_10RequestKeyE");
KeyLookup planted_find(const KeyTable* table,
                       const RequestKey& key) asm("__wrap__ZNK4spex5store8KeyTable4findERKNS0_10RequestKeyE");

KeyLookup planted_find(const KeyTable* table, const RequestKey& key) {
  // The first look-ups after a start are the repeats of what a crash left unknown.
  static int looked = 0;
  const KeyLookup known = real_find(table, key);
  constexpr int kForgotten = 300;
  return ++looked <= kForgotten ? KeyLookup() : known;
}
}
