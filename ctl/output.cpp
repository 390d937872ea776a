#include "ctl/output.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace spex::ctl {
namespace {

bool wants_colour(int fd) {
  const char* no_colour = std::getenv("NO_COLOR");
  return ::isatty(fd) == 1 && (no_colour == nullptr || *no_colour == 0);
}

const char* code_of(Colour colour) {
  switch (colour) {
    case Colour::plain:
      return "";
    case Colour::good:
      return "\033[32m";
    case Colour::bad:
      return "\033[31m";
    case Colour::warning:
      return "\033[33m";
    case Colour::faint:
      return "\033[2m";
    case Colour::bold:
      return "\033[1m";
  }
  return "";
}

std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

}  // namespace

bool stdout_is_terminal() { return ::isatty(STDOUT_FILENO) == 1; }
bool stderr_is_terminal() { return ::isatty(STDERR_FILENO) == 1; }

std::string paint(Colour colour, std::string_view text) {
  static const bool is_coloured = wants_colour(STDOUT_FILENO);
  if (!is_coloured || colour == Colour::plain || text.empty()) return std::string(text);
  return std::string(code_of(colour)) + std::string(text) + "\033[0m";
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print_line(std::string_view text) {
  print(text);
  std::fputc('\n', stdout);
}

void print_error(std::string_view text) {
  std::fflush(stdout);
  std::string line(text);
  if (wants_colour(STDERR_FILENO)) line = std::string(code_of(Colour::bad)) + line + "\033[0m";
  line += "\n";
  std::fwrite(line.data(), 1, line.size(), stderr);
}

Table::Table(std::vector<std::string> head, std::vector<std::size_t> numeric)
    : head_(std::move(head)), numeric_(std::move(numeric)) {}

void Table::add(std::vector<std::string> row, Colour colour) {
  row.resize(head_.size());
  rows_.push_back({std::move(row), colour});
}

std::string Table::take() {
  const bool is_first = widths_.empty();
  widths_.resize(head_.size());
  for (std::size_t i = 0; i < widths_.size(); ++i) {
    widths_[i] = std::max(widths_[i], width_of(head_[i]));
    for (const Row& row : rows_) widths_[i] = std::max(widths_[i], width_of(row.cells[i]));
  }
  const auto line_of = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string pad(widths_[i] - width_of(cells[i]), ' ');
      const bool is_numeric = std::find(numeric_.begin(), numeric_.end(), i) != numeric_.end();
      if (i > 0) line += "  ";
      line += is_numeric ? pad + cells[i] : cells[i];
      if (!is_numeric && i + 1 < cells.size()) line += pad;
    }
    return line;
  };
  std::string text;
  if (is_first) text = paint(Colour::faint, line_of(head_)) + "\n";
  for (const Row& row : rows_) text += paint(row.colour, line_of(row.cells)) + "\n";
  rows_.clear();
  return text;
}

std::string with_separators(std::uint64_t number) {
  std::string digits = std::to_string(number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string plural(std::uint64_t count, std::string_view noun) {
  return with_separators(count) + " " + std::string(noun) + (count == 1 ? "" : "s");
}

std::string seconds_text(double seconds) {
  char text[64];
  if (seconds >= 120) {
    const auto whole = static_cast<long long>(seconds);
    std::snprintf(text, sizeof text, "%lld min %lld s", whole / 60, whole % 60);
  } else {
    std::snprintf(text, sizeof text, seconds < 10 ? "%.2f s" : "%.1f s", seconds);
  }
  return text;
}

std::string transition_text(std::string_view from, std::string_view action, std::string_view to) {
  return std::string(from) + " --[" + std::string(action) + "]-> " + std::string(to);
}

}  // namespace spex::ctl
