// Output: what spexctl shows to people: colours where they help (on a terminal,
// unless NO_COLOR is set), aligned columns, readable numbers. No logic of verbs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"

namespace spex::ctl {

enum class Colour : std::uint8_t { plain, good, bad, warning, faint, bold };

bool stdout_is_terminal();
bool stderr_is_terminal();
// `text` in colour if standard output is a terminal and NO_COLOR is not set.
std::string paint(Colour colour, std::string_view text);

void print(std::string_view text);       // to standard output
void print_line(std::string_view text);  // the same, with the end of a line
// To standard error, "spexctl …"; in red on a terminal.
void print_error(std::string_view text);

// Rows of cells, columns aligned by their width in code points, two blanks
// between. The last column is not padded. `numeric` columns are right-aligned.
// A long table may be taken in parts: the head comes with the first, columns never get narrower.
class Table {
 public:
  explicit Table(std::vector<std::string> head, std::vector<std::size_t> numeric = {});
  void add(std::vector<std::string> row, Colour colour = Colour::plain);
  std::size_t rows() const { return rows_.size(); }
  // What was added since it was taken last.
  std::string take();

 private:
  struct Row {
    std::vector<std::string> cells;
    Colour colour;
  };
  std::vector<std::string> head_;
  std::vector<std::size_t> numeric_;
  std::vector<Row> rows_;
  std::vector<std::size_t> widths_;  // of the parts so far; empty: none was taken
};

std::string with_separators(std::uint64_t number);               // 12,345
std::string plural(std::uint64_t count, std::string_view noun);  // "1 case", "2 cases"
std::string seconds_text(double seconds);                        // "3.2 s", "4 min 10 s"
std::string transition_text(std::string_view from, std::string_view action, std::string_view to);  // the text line

}  // namespace spex::ctl
