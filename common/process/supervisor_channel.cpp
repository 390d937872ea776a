#include "process/supervisor_channel.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "base/assert.h"
#include "base/log.h"

namespace spex::process {
namespace {

constexpr std::size_t kQueueMax = 16'384;  // a full table of 4096 shards several times over

struct ReportName {
  ReportKind kind;
  std::string_view name;
  bool has_text;
};
constexpr std::array<ReportName, 7> kReports{{{ReportKind::ready, "ready", false},
                                              {ReportKind::progress, "progress", false},
                                              {ReportKind::heartbeat, "heartbeat", true},
                                              {ReportKind::reloaded, "reloaded", true},
                                              {ReportKind::failed, "failed", true},
                                              {ReportKind::drained, "drained", false},
                                              {ReportKind::reaches, "reaches", true}}};

constexpr std::array<std::pair<DownReason, std::string_view>, 4> kDownReasons{{{DownReason::restarting, "restarting"},
                                                                               {DownReason::parked, "parked"},
                                                                               {DownReason::planned, "planned"},
                                                                               {DownReason::stopped, "stopped"}}};

// The text up to the next blank; what is left has neither.
std::string_view take_word(std::string_view& text) {
  const auto blank = text.find(' ');
  const std::string_view word = text.substr(0, blank);
  text = blank == std::string_view::npos ? std::string_view{} : text.substr(blank + 1);
  return word;
}

template <typename Integer>
std::optional<Integer> parse_number(std::string_view text) {
  Integer number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<Command> decode_shard(std::string_view text) {
  const auto shard = parse_number<std::uint32_t>(take_word(text));
  const std::string_view direction = take_word(text);
  const auto incarnation = parse_number<std::uint64_t>(take_word(text));
  if (!shard || !incarnation || text.empty()) return std::nullopt;
  if (direction == "up") return ShardUp{base::ShardId(*shard), base::Incarnation(*incarnation), std::string(text)};
  if (direction != "down") return std::nullopt;
  for (const auto& [reason, name] : kDownReasons) {
    if (name == text) return ShardDown{base::ShardId(*shard), base::Incarnation(*incarnation), reason};
  }
  return std::nullopt;
}

std::optional<Command> decode_backup(std::string_view text) {
  Backup backup{std::string(take_word(text)), 0};
  const auto rate = parse_number<std::uint64_t>(text);
  if (backup.token.empty() || !rate) return std::nullopt;
  backup.bytes_per_second = *rate;
  return backup;
}

// One message is one line; a line break would make status and log ambiguous.
std::string one_line(std::string_view text) {
  std::string line(text.substr(0, kChannelBytesMax - 64));
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return line;
}

}  // namespace

std::string_view name_of(DownReason reason) {
  for (const auto& [value, name] : kDownReasons) {
    if (value == reason) return name;
  }
  return "";
}

std::string encode(const Report& report) {
  for (const ReportName& row : kReports) {
    if (row.kind == report.kind) return std::string(row.name) + (row.has_text ? " " + report.text : "");
  }
  return "";
}

std::string encode(const Command& command) {
  struct Encoder {
    std::string operator()(const ShardUp& up) const {
      return "shard " + std::to_string(up.shard.value()) + " up " + std::to_string(up.incarnation.value()) + " " +
             up.endpoint;
    }
    std::string operator()(const ShardDown& down) const {
      return "shard " + std::to_string(down.shard.value()) + " down " + std::to_string(down.incarnation.value()) + " " +
             std::string(name_of(down.reason));
    }
    std::string operator()(const Reload&) const { return "reload"; }
    std::string operator()(const Drain&) const { return "drain"; }
    std::string operator()(const Backup& backup) const {
      return "backup " + backup.token + " " + std::to_string(backup.bytes_per_second);
    }
  };
  return std::visit(Encoder{}, command);
}

std::optional<Report> decode_report(std::string_view message) {
  const std::string_view verb = take_word(message);
  for (const ReportName& row : kReports) {
    if (row.name != verb) continue;
    if (row.has_text == message.empty()) return std::nullopt;
    return Report{row.kind, std::string(message)};
  }
  return std::nullopt;
}

std::optional<Command> decode_command(std::string_view message) {
  const std::string_view verb = take_word(message);
  if (verb == "shard") return decode_shard(message);
  if (verb == "backup") return decode_backup(message);
  if (!message.empty()) return std::nullopt;
  if (verb == "reload") return Reload{};
  if (verb == "drain") return Drain{};
  return std::nullopt;
}

std::optional<Reached> decode_reached(std::string_view text) {
  const auto shard = parse_number<std::uint32_t>(take_word(text));
  const auto incarnation = parse_number<std::uint64_t>(text);
  if (!shard || !incarnation) return std::nullopt;
  return Reached{base::ShardId(*shard), base::Incarnation(*incarnation)};
}

bool ChannelEnd::send_now(std::string_view message, bool& would_block) {
  SPEX_ASSERT(!message.empty() && message.size() <= kChannelBytesMax);
  ssize_t sent = 0;
  do {
    sent = ::send(fd_.get(), message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  would_block = sent < 0 && (errno == EAGAIN || errno == ENOBUFS);
  if (sent < 0 && !would_block) closed_ = true;
  return sent >= 0;
}

bool ChannelEnd::send(std::string message) {
  flush();
  if (closed_ || queue_.size() >= kQueueMax) return false;
  bool would_block = true;
  if (queue_.empty() && send_now(message, would_block)) return true;
  if (closed_) return false;
  queue_.push_back(std::move(message));
  return true;
}

bool ChannelEnd::send_or_drop(std::string_view message) {
  flush();
  bool would_block = false;
  return !closed_ && queue_.empty() && send_now(message, would_block);
}

void ChannelEnd::flush() {
  bool would_block = false;
  while (!closed_ && !queue_.empty() && send_now(queue_.front(), would_block)) queue_.pop_front();
  if (closed_) queue_.clear();
}

std::optional<std::string> ChannelEnd::receive() {
  if (!fd_) return std::nullopt;
  std::string message(kChannelBytesMax, '\0');
  ssize_t got = 0;
  do {
    got = ::recv(fd_.get(), message.data(), message.size(), MSG_DONTWAIT);
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    message.resize(static_cast<std::size_t>(got));
    return message;
  }
  if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) closed_ = true;
  return std::nullopt;
}

void ChildChannel::ready() { end_.send(encode(Report{ReportKind::ready, ""})); }
void ChildChannel::progress() { end_.send_or_drop(encode(Report{ReportKind::progress, ""})); }
void ChildChannel::drained() { end_.send(encode(Report{ReportKind::drained, ""})); }

void ChildChannel::reaches(base::ShardId shard, base::Incarnation incarnation) {
  end_.send(
      encode(Report{ReportKind::reaches, std::to_string(shard.value()) + " " + std::to_string(incarnation.value())}));
}

void ChildChannel::heartbeat(std::string_view json) {
  // The life sign must go out even if the statistics are too long to.
  const bool fits = json.size() <= kChannelBytesMax - 64 && json.find('\n') == std::string_view::npos;
  if (!fits) base::log_limited(base::LogLevel::warning, "heartbeat_statistics_left_out");
  end_.send_or_drop(encode(Report{ReportKind::heartbeat, fits && !json.empty() ? std::string(json) : "{}"}));
}

void ChildChannel::reloaded(std::string_view json) {
  const bool fits = json.size() <= kChannelBytesMax - 64;
  end_.send(encode(
      Report{ReportKind::reloaded,
             fits ? one_line(json)
                  : R"({"problems":[{"file":"","line":0,"reason":"too many problems to list; see the log"}]})"}));
}

void ChildChannel::failed(std::string_view reason) {
  end_.send(encode(Report{ReportKind::failed, reason.empty() ? "no reason given" : one_line(reason)}));
}

std::optional<Command> ChildChannel::receive() {
  while (true) {  // ends with the messages that wait: each turn takes one
    const auto message = end_.receive();
    if (!message) return std::nullopt;
    if (auto command = decode_command(*message)) return command;
    base::log(base::LogLevel::warning, "unknown_command", {{"message", *message}});
  }
}

}  // namespace spex::process
