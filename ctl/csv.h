// CSV as RFC 4180 has it: fields in quotes may hold commas, quotes (doubled) and
// ends of lines; records end with LF or CRLF. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace spex::ctl {

class CsvReader {
 public:
  explicit CsvReader(std::string_view text);  // a byte order mark is skipped

  // The next record; false at the end. Lines without any byte are skipped.
  // Fails with malformed naming the line: text after a closing quote, a quote
  // inside an unquoted field, an unclosed quote.
  base::Result<bool> next(std::vector<std::string>& fields);
  std::size_t line() const { return record_line_; }  // on which the last record began, from 1

 private:
  base::Result<void> read_quoted(std::string& field);
  base::Result<void> read_field(std::string& field);
  base::Error error(const char* what) const;

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t record_line_ = 0;
};

}  // namespace spex::ctl
