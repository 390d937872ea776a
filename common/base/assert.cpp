#include "base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace spex::base {

void assertion_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "level=fatal event=assertion_failed expression=\"%s\" at=%s:%d\n", expression, file, line);
  std::abort();
}

}  // namespace spex::base
