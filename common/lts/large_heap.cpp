#include "lts/large_heap.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <limits>

namespace spex::lts {
namespace {

constexpr int kRangeBytes = 1 << 30;
// The most that malloc() takes from the range; it does not allow a higher limit.
constexpr int kBlockBytesMax = 32 << 20;
constexpr std::uintptr_t kHugePage = 2U << 20U;
constexpr std::size_t kFirstBlockBytes = 1U << 18U;  // more than the heap has left when a program begins
constexpr std::size_t kManyTransitions = 1U << 20U;

std::uintptr_t address(const void* place) { return reinterpret_cast<std::uintptr_t>(place); }

}  // namespace

void prepare_large_heap() {
  mallopt(M_MMAP_THRESHOLD, kBlockBytesMax);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, kRangeBytes);
  const std::uintptr_t end_before = address(sbrk(0));
  void* volatile first = std::malloc(kFirstBlockBytes);  // volatile, or it would be left out
  const std::uintptr_t begin = address(first);
  std::free(first);
  mallopt(M_TOP_PAD, 1 << 20);
  const std::uintptr_t end = address(sbrk(0));
  // A range of which a byte was written has small pages already, and malloc() has written behind the first block.
  const std::uintptr_t huge_begin = (begin + 2 * kFirstBlockBytes + kHugePage - 1) / kHugePage * kHugePage;
  if (end == end_before || begin >= end || huge_begin >= end) return;
  madvise(reinterpret_cast<void*>(huge_begin), end - huge_begin, MADV_HUGEPAGE);
  // What lies before the first huge page is never used.
  [[maybe_unused]] void* volatile filler = std::malloc(huge_begin - begin);
}

void trim_large_heap(std::size_t transitions) {
  if (transitions < kManyTransitions) return;
  malloc_trim(kRangeBytes);  // without what lies at the end: the range is to stay
  const std::uintptr_t end = address(sbrk(0));
  const std::uintptr_t begin = (end - mallinfo2().keepcost + 2 * kHugePage - 1) / kHugePage * kHugePage;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace spex::lts
