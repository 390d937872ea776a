#include "soak/history.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <fstream>
#include <unordered_map>

namespace spex::soak {
namespace {

using base::fail;
using base::Reason;
using base::Result;

constexpr std::array<std::string_view, 5> kKinds = {"init", "transition", "mock", "delete", "get"};
constexpr std::array<std::string_view, 6> kOutcomes = {"unknown",   "applied",      "in_use",
                                                       "not_found", "not_executed", "unexpected"};

template <typename Enum, std::size_t N>
bool parse_name(std::string_view word, const std::array<std::string_view, N>& names, Enum& out) {
  for (std::size_t i = 0; i < N; ++i) {
    if (names[i] != word) continue;
    out = static_cast<Enum>(i);
    return true;
  }
  return false;
}

// Words of one line, separated by single blanks.
class Words {
 public:
  explicit Words(std::string_view line) : rest_(line) {}
  bool next(std::string_view& word) {
    if (rest_.empty()) return false;
    const std::size_t end = rest_.find(' ');
    word = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    return true;
  }
  template <typename Number>
  bool next(Number& number) {
    std::string_view word;
    if (!next(word)) return false;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    return error == std::errc() && end == word.data() + word.size();
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

class Reader {
 public:
  bool line(std::string_view text) {
    Words words(text);
    std::string_view verb;
    if (!words.next(verb)) return true;
    if (verb == "spex-history") return words.next(history_.seed);
    if (verb == "I") return invocation(words);
    if (verb == "R") return response(words);
    if (verb == "F") return fault(words);
    return false;
  }
  History take() { return std::move(history_); }

 private:
  bool invocation(Words& words) {
    Operation operation;
    std::string_view kind;
    std::string_view flags;
    if (!words.next(operation.number) || !words.next(operation.invoked) || !words.next(operation.client) ||
        !words.next(kind) || !words.next(operation.instance) || !words.next(flags)) {
      return false;
    }
    if (!parse_name(kind, kKinds, operation.kind)) return false;
    operation.keyed = flags.find('k') != std::string_view::npos;
    operation.async = flags.find('a') != std::string_view::npos;
    if (!index_.emplace(operation.number, history_.operations.size()).second) return false;
    history_.operations.push_back(operation);
    return true;
  }

  bool response(Words& words) {
    std::uint64_t number = 0;
    Micros at = 0;
    std::string_view outcome;
    if (!words.next(number) || !words.next(at) || !words.next(outcome)) return false;
    const auto found = index_.find(number);
    if (found == index_.end()) return false;
    Operation& operation = history_.operations[found->second];
    if (!parse_name(outcome, kOutcomes, operation.outcome)) return false;
    // What is unknown may still take effect.
    operation.responded = operation.outcome == Outcome::unknown ? kNever : at;
    if (operation.outcome == Outcome::unexpected) history_.remarks[number] = std::string(words.rest());
    if (operation.kind != Kind::get || operation.outcome != Outcome::applied) return true;
    Observation observation;
    std::size_t count = 0;
    if (!words.next(observation.generation) || !words.next(count)) return false;
    observation.records.resize(count);
    for (std::uint64_t& record : observation.records)
      if (!words.next(record)) return false;
    observation.damage = std::string(words.rest());
    operation.observation = static_cast<std::int32_t>(history_.observations.size());
    history_.observations.push_back(std::move(observation));
    return true;
  }

  bool fault(Words& words) {
    Fault fault;
    std::string_view kind;
    std::string_view target;
    if (!words.next(fault.at) || !words.next(kind) || !words.next(target)) return false;
    fault.kind = kind;
    fault.target = target;
    history_.faults.push_back(std::move(fault));
    return true;
  }

  History history_;
  std::unordered_map<std::uint64_t, std::size_t> index_;
};

}  // namespace

std::string_view name_of(Kind kind) { return kKinds[static_cast<std::size_t>(kind)]; }
std::string_view name_of(Outcome outcome) { return kOutcomes[static_cast<std::size_t>(outcome)]; }

std::map<std::uint64_t, std::vector<const Operation*>> History::by_instance() const {
  std::map<std::uint64_t, std::vector<const Operation*>> result;
  for (const Operation& operation : operations) result[operation.instance].push_back(&operation);
  return result;
}

Result<HistoryWriter> HistoryWriter::create(const std::string& path, std::uint64_t seed) {
  std::FILE* file = std::fopen(path.c_str(), "we");
  if (file == nullptr) return base::system_error("create " + path, errno, Reason::storage_open);
  std::setvbuf(file, nullptr, _IOFBF, 1u << 16);
  std::fprintf(file, "spex-history %llu\n", static_cast<unsigned long long>(seed));
  return HistoryWriter(file);
}

HistoryWriter::~HistoryWriter() {
  if (file_ != nullptr) std::fclose(file_);
}

void HistoryWriter::append(const std::string& line) {
  const std::lock_guard lock(mutex_);
  std::fwrite(line.data(), 1, line.size(), file_);
}

void HistoryWriter::invoked(const Operation& operation) {
  std::string flags = operation.keyed ? "k" : "-";
  if (operation.async) flags += 'a';
  append("I " + std::to_string(operation.number) + ' ' + std::to_string(operation.invoked) + ' ' +
         std::to_string(operation.client) + ' ' + std::string(name_of(operation.kind)) + ' ' +
         std::to_string(operation.instance) + ' ' + flags + '\n');
}

void HistoryWriter::responded(std::uint64_t number, Micros at, Outcome outcome, const Observation* observation,
                              const std::string& remark) {
  std::string line = "R " + std::to_string(number) + ' ' + std::to_string(at) + ' ' + std::string(name_of(outcome));
  if (observation != nullptr) {
    line += ' ' + std::to_string(observation->generation) + ' ' + std::to_string(observation->records.size());
    for (const std::uint64_t record : observation->records) line += ' ' + std::to_string(record);
    if (!observation->damage.empty()) line += ' ' + observation->damage;
  } else if (!remark.empty()) {
    line += ' ' + remark;
  }
  append(line + '\n');
}

void HistoryWriter::fault(const Fault& fault) {
  append("F " + std::to_string(fault.at) + ' ' + fault.kind + ' ' + fault.target + '\n');
}

void HistoryWriter::flush() {
  const std::lock_guard lock(mutex_);
  std::fflush(file_);
}

Result<History> read_history(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return base::system_error("open " + path, errno, Reason::storage_open);
  Reader reader;
  std::string line;
  for (std::uint64_t number = 1; std::getline(file, line); ++number) {
    if (reader.line(line)) continue;
    if (file.eof()) break;  // cut off in the middle
    return fail(Reason::malformed, path + " line " + std::to_string(number) + " is no part of a history: " + line);
  }
  return reader.take();
}

}  // namespace spex::soak
