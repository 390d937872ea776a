// A heap fit for systems of many states: one large range of huge pages.
//
// Without it every 4 KiB that the arrays of a comparison grow by is a page
// fault, which costs more than what is done with the memory. The range is
// address space only; memory is taken as it is touched. For programs that
// compare files and end; a server gives memory back instead.
#pragma once

#include <cstddef>

namespace spex::lts {

// To be called once, by main() or a verb, before the systems are read. Without effect where malloc() is not glibc's or
// the address space is limited.
void prepare_large_heap();

// Gives memory back that is free now, so that what is built next does not add to what was built before; but not for
// systems of few transitions, where clearing pages anew takes longer than it is worth. For programs of one thread that
// have called prepare_large_heap().
void trim_large_heap(std::size_t transitions);

}  // namespace spex::lts
