// A planted bug, for the test that the soak finds it: replies go out before
// their transaction is committed. Linked into a worker of its own, in the place
// of the store's commit (ld --wrap); nothing of it is in the shipped program.
#include "store/packed_store.h"

namespace {

constexpr int kPretended = 40;  // commits that are told and not made, between two that are

}  // namespace

extern "C" {

spex::base::Result<void> real_commit(spex::store::PackedStore* store) asm(
    "__real__ZN4spex5store11PackedStore6commitEv");
spex::base::Result<void> planted_commit(spex::store::PackedStore* store) asm(
    "__wrap__ZN4spex5store11PackedStore6commitEv");

spex::base::Result<void> planted_commit(spex::store::PackedStore* store) {
  static int told = 0;
  if (++told % kPretended != 0) return {};
  return real_commit(store);
}
}
