// History: what clients of a run asked, when, and what they were told; the
// faults that were made meanwhile; as an append-only log file. Written by the
// driver while it runs, read by the checker, which needs nothing else: it can
// run in another process, later, on the log of a run that was killed.
//
// Every operation has a number of its own, unique in the run. Changes carry it
// into the cluster (`occurred_at` of records, `meta` of instances), so that what
// is read back tells which operations took effect, and in which order.
#pragma once

#include <cstdint>
#include <cstdio>
#include <limits>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "base/result.h"

namespace spex::soak {

using Micros = std::int64_t;  // since the run began, on the monotonic clock
inline constexpr Micros kNever = std::numeric_limits<Micros>::max();

enum class Kind : std::uint8_t { init, transition, mock, remove, get };
enum class Outcome : std::uint8_t {
  unknown,       // no answer, or one that does not tell: may take effect at any time after the invocation, or never
  applied,       // took effect between invocation and response (ok, and deviations that were reported)
  in_use,        // refused: there is such an instance
  not_found,     // refused: there is none
  not_executed,  // no effect
  unexpected,    // an answer that no correct cluster gives; a violation by itself
};
std::string_view name_of(Kind kind);
std::string_view name_of(Outcome outcome);

// What a get showed, in numbers of operations.
struct Observation {
  std::uint64_t generation = 0;        // the init or mock that made the instance
  std::vector<std::uint64_t> records;  // transitions, oldest first
  std::string damage;                  // what no history may show (times that step back, a wrong state, …), or empty
};

struct Operation {
  std::uint64_t number = 0;
  std::uint64_t instance = 0;
  Micros invoked = 0;
  Micros responded = kNever;
  std::uint32_t client = 0;
  Kind kind = Kind::get;
  Outcome outcome = Outcome::unknown;
  bool keyed = false;
  bool async = false;
  std::int32_t observation = -1;  // index into History::observations
};

struct Fault {
  Micros at = 0;
  std::string kind;    // "kill", "stop", "step", …
  std::string target;  // "shard-2", "router", "supervisor", "client-3", "clock"
};

struct History {
  std::uint64_t seed = 0;
  std::vector<Operation> operations;  // in order of invocation
  std::vector<Observation> observations;
  std::vector<Fault> faults;
  std::map<std::uint64_t, std::string> remarks;  // by operation: the answer, where it was unexpected

  std::map<std::uint64_t, std::vector<const Operation*>> by_instance() const;
};

// Appends to the log; thread-safe. Buffered: the last moments of a killed run may be missing, never torn lines
// between whole ones.
class HistoryWriter {
 public:
  static base::Result<HistoryWriter> create(const std::string& path, std::uint64_t seed);
  HistoryWriter(HistoryWriter&& other) noexcept : file_(std::exchange(other.file_, nullptr)) {}
  ~HistoryWriter();

  void invoked(const Operation& operation);
  void responded(std::uint64_t number, Micros at, Outcome outcome, const Observation* observation,
                 const std::string& remark);
  void fault(const Fault& fault);
  void flush();

 private:
  explicit HistoryWriter(std::FILE* file) : file_(file) {}
  void append(const std::string& line);

  std::mutex mutex_;
  std::FILE* file_;
};

// Fails with the line that cannot be understood; an incomplete last line is passed over.
base::Result<History> read_history(const std::string& path);

}  // namespace spex::soak
