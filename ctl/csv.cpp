#include "ctl/csv.h"

namespace spex::ctl {

CsvReader::CsvReader(std::string_view text) : text_(text) {
  if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
}

base::Error CsvReader::error(const char* what) const {
  return base::fail(base::Reason::malformed, "line " + std::to_string(line_) + ": " + what);
}

base::Result<void> CsvReader::read_quoted(std::string& field) {
  for (++at_; at_ < text_.size(); ++at_) {
    const char c = text_[at_];
    if (c == '\n') ++line_;
    if (c != '"') {
      field += c;
      continue;
    }
    if (at_ + 1 < text_.size() && text_[at_ + 1] == '"') {
      field += '"';
      ++at_;
      continue;
    }
    ++at_;
    const bool is_end = at_ == text_.size() || text_[at_] == ',' || text_[at_] == '\n' ||
                        (text_[at_] == '\r' && at_ + 1 < text_.size() && text_[at_ + 1] == '\n');
    if (!is_end) return error("text after a closing quote");
    return {};
  }
  return error("a quote is not closed");
}

base::Result<void> CsvReader::read_field(std::string& field) {
  if (at_ < text_.size() && text_[at_] == '"') return read_quoted(field);
  for (; at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n'; ++at_) {
    if (text_[at_] == '"') return error("a quote inside a field that is not in quotes");
    if (text_[at_] == '\r' && (at_ + 1 == text_.size() || text_[at_ + 1] == '\n')) continue;
    field += text_[at_];
  }
  return {};
}

base::Result<bool> CsvReader::next(std::vector<std::string>& fields) {
  fields.clear();
  while (at_ < text_.size() && (text_[at_] == '\n' || text_.substr(at_, 2) == "\r\n")) {
    at_ += text_[at_] == '\n' ? 1 : 2;
    ++line_;
  }
  if (at_ >= text_.size()) return false;
  record_line_ = line_;
  for (;;) {
    SPEX_TRY(read_field(fields.emplace_back()));
    if (at_ < text_.size() && text_[at_] == '\r') ++at_;
    if (at_ >= text_.size()) return true;
    const bool is_comma = text_[at_] == ',';
    if (!is_comma) ++line_;
    ++at_;
    if (!is_comma) return true;
  }
}

}  // namespace spex::ctl
