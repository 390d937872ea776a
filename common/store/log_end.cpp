#include "store/log_end.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>

#include "base/unique_fd.h"
#include "store/sqlite.h"

namespace spex::store {
namespace {

using base::Result;

constexpr std::uint32_t kLogMagic = 0x377f0682;  // or one more: checksums of big-endian words
constexpr std::uint32_t kLogVersion = 3'007'000;
constexpr std::size_t kLogHeader = 32;
constexpr std::size_t kLogFrameHeader = 24;
constexpr std::size_t kLogPage = 4'096;

std::uint32_t big_endian_word(const std::uint8_t* at) {
  return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 | at[3];
}

// The checksum that goes on from frame to frame.
struct LogSum {
  std::uint32_t first = 0;
  std::uint32_t second = 0;
  bool operator==(const LogSum&) const = default;

  static LogSum stored_at(const std::uint8_t* at) { return {big_endian_word(at), big_endian_word(at + 4)}; }
  void add(Bytes bytes, bool big_endian) {
    const auto word = [&](std::size_t i) {
      const std::uint32_t value = big_endian_word(&bytes[i]);
      return big_endian ? value : __builtin_bswap32(value);
    };
    for (std::size_t i = 0; i + 8 <= bytes.size(); i += 8) {
      first += word(i) + second;
      second += word(i + 4) + first;
    }
  }
};

std::string boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(file, text);
  return text;
}

// Whether the newest transaction alone can be torn, by what the lock file says of who wrote.
bool was_written_in_order(const std::string& path) {
  std::ifstream file(lock_path(path));
  std::string created, durability, boot;
  if (!(file >> created >> durability)) return false;
  return durability == "full" || (file >> boot && !boot.empty() && boot == boot_id());
}

class LogReader {
 public:
  explicit LogReader(const base::UniqueFd& fd) : fd_(fd) {}

  LogEnd read() {
    if (!read_at(0, header_)) return {};
    LogSum sum;
    big_endian_ = header_[3] & 1;
    sum.add(Bytes(header_).first(24), big_endian_);
    if ((big_endian_word(header_.data()) & ~1U) != kLogMagic || sum != LogSum::stored_at(&header_[24])) {
      return without_header();
    }
    std::uint64_t at = 0;
    while (next_frame(at) && is_of_this_log() && continues(sum)) {
      sum = LogSum::stored_at(&frame_[16]);
      ++at;
      if (is_commit()) end_.frames = at;
    }
    end_.has_tail = at > end_.frames || next_frame(at);
    look_behind(at);
    return end_;
  }

 private:
  template <std::size_t kSize>
  bool read_at(std::uint64_t offset, std::array<std::uint8_t, kSize>& to) const {
    return ::pread(fd_.get(), to.data(), kSize, static_cast<off_t>(offset)) == static_cast<ssize_t>(kSize);
  }
  bool next_frame(std::uint64_t at) { return read_at(kLogHeader + at * frame_.size(), frame_); }
  bool is_of_this_log() const { return std::equal(&frame_[8], &frame_[16], &header_[16]); }
  bool is_commit() const { return big_endian_word(&frame_[4]) != 0; }
  bool continues(LogSum sum) const {
    sum.add(Bytes(frame_).first(8), big_endian_);
    sum.add(Bytes(frame_).subspan(kLogFrameHeader), big_endian_);
    return sum == LogSum::stored_at(&frame_[16]);
  }

  // `at` does not fit. Whether what lies behind it had been committed before the newest transaction began.
  void look_behind(std::uint64_t at) {
    std::uint64_t commits = 0;
    bool more_behind_a_commit = false;
    const std::uint64_t first = at;
    for (; next_frame(at); ++at) {
      if (!is_of_this_log()) continue;
      if (commits > 0) more_behind_a_commit = true;
      if (is_commit()) ++commits;
    }
    if (!more_behind_a_commit) return;
    end_.damage = "frame " + std::to_string(first + 1) + " of the write-ahead log is damaged, and " +
                  std::to_string(commits) + " commits are in it or behind it";
  }

  // A new header was being written over the one of these frames, all of which a checkpoint had moved: its
  // number is the next one, and with the number before and the frames' salts it is the one they go on from.
  bool was_being_replaced() {
    if (!next_frame(0)) return false;
    std::array<std::uint8_t, 24> before{};
    const std::uint32_t words[] = {kLogMagic, kLogVersion, kLogPage, big_endian_word(&header_[12]) - 1};
    for (std::size_t i = 0; i < 16; ++i) before[i] = static_cast<std::uint8_t>(words[i / 4] >> (24 - i % 4 * 8));
    std::copy(&frame_[8], &frame_[16], &before[16]);
    LogSum sum;
    sum.add(before, big_endian_);
    return continues(sum);
  }

  // If frames go on from each other they were written with a header.
  LogEnd without_header() {
    big_endian_ = false;
    if (was_being_replaced()) return end_;
    std::uint64_t fitting = 0;
    LogSum before;
    std::array<std::uint8_t, 8> salts{};
    for (std::uint64_t at = 0; next_frame(at); ++at) {
      if (at > 0 && std::equal(salts.begin(), salts.end(), &frame_[8]) && continues(before)) ++fitting;
      before = LogSum::stored_at(&frame_[16]);
      std::copy(&frame_[8], &frame_[16], salts.begin());
    }
    if (fitting > 0) end_.damage = "the header of the write-ahead log is damaged";
    return end_;
  }

  const base::UniqueFd& fd_;
  std::array<std::uint8_t, kLogHeader> header_{};
  std::array<std::uint8_t, kLogFrameHeader + kLogPage> frame_{};
  bool big_endian_ = false;
  LogEnd end_;
};

}  // namespace

std::string lock_path(const std::string& path) {
  const std::size_t dot = path.rfind(".sqlite");
  return (dot == std::string::npos ? path : path.substr(0, dot)) + ".lock";
}

std::string lock_note(bool full_durability) {
  return std::string("created\n") + (full_durability ? "full " : "process ") + boot_id() + "\n";
}

Result<LogEnd> find_log_end(const std::string& path) {
  const std::string log = path + "-wal";
  const base::UniqueFd fd(::open(log.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return LogEnd();
  if (!fd) return base::system_error("open " + log, errno, base::Reason::storage_open);
  LogEnd end = LogReader(fd).read();
  if (!was_written_in_order(path)) end.damage.clear();
  if (!end.damage.empty()) {
    end.damage = "read " + log + ": " + end.damage + "; `spexctl repair` saves what is sound";
  }
  return end;
}

}  // namespace spex::store
