// Decides whether the history of one instance is linearizable and complete: is
// there one order of its operations, respecting who ended before whom began, in
// which a single instance gives exactly these answers, each operation taking
// effect at most once, and each acknowledged one exactly once?
//
// The search is Wing and Gong's ("Testing and verifying concurrent objects",
// JPDC 1993) with the memory of Lowe ("Testing for linearizability", CCPE
// 2017), per instance, which suffices because linearizability is local (Herlihy
// and Wing, TOPLAS 1990; as partitioning in Horn and Kroening, "Faster
// linearizability checking via P-compositionality", FORTE 2015). What is ours:
// the order of the transitions is not searched but read, since what was read back
// names them one by one. While a generation (the life of an instance from init or
// mock to its end) has observed records left, only the next of them can come next.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "soak/history.h"

namespace spex::soak {

// The operations of one instance, able to stand alone.
struct InstanceHistory {
  std::uint64_t instance = 0;
  std::vector<Operation> operations;  // in order of invocation
  std::vector<Observation> observations;

  static InstanceHistory of(const History& history, const std::vector<const Operation*>& operations);
};

enum class Verdict : std::uint8_t { linearizable, violated, undecided };

struct Judgement {
  Verdict verdict = Verdict::linearizable;
  // Of a violation that needs no search: lost, doubled, out_of_order, mixed_up, unexpected. Otherwise empty.
  std::string kind;
  std::string what;  // a sentence
};

// O(n · w) for n operations of which w overlap, as long as few of unknown outcome remain unobserved;
// `undecided` after `steps_max` steps.
Judgement judge(const InstanceHistory& history, std::uint64_t steps_max = 20'000'000);

}  // namespace spex::soak
