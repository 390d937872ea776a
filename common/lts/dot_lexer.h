// DotLexer: the words of a DOT text, one after the other, with their lines.
// Part of dot_format.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lts/byte_source.h"

namespace spex::lts {

struct DotToken {
  enum class Kind : std::uint8_t {
    end,
    name,         // unquoted, or a number
    quoted,       // escapes and joints resolved
    html,         // what stands between the outer < and >
    punctuation,  // one of { } [ ] ; , = :
    arrow,
    line,  // `--`, an undirected edge
  };
  Kind kind = Kind::end;
  std::string text;

  bool is(char mark) const { return kind == Kind::punctuation && text[0] == mark; }
  bool is_id() const { return kind == Kind::name || kind == Kind::quoted || kind == Kind::html; }
  // An unquoted keyword, given in lower case.
  bool is_keyword(std::string_view word) const;
};

class DotLexer {
 public:
  // Longer words are refused.
  static constexpr std::size_t kTokenBytesMax = 16U << 20U;

  explicit DotLexer(ByteSource& source) : source_(source), buffer_(1U << 17U) {}

  // Replaces `token` by the next one.
  base::Result<void> next(DotToken& token);
  // Where the last token began, from 1.
  std::uint64_t line() const { return token_line_; }
  // "read NAME line N: what", with the line in its context; of the last token unless given.
  base::Error failure(const std::string& what, base::Reason reason = base::Reason::malformed) const {
    return failure_at(token_line_, what, reason);
  }
  base::Error failure_at(std::uint64_t line, const std::string& what,
                         base::Reason reason = base::Reason::malformed) const;

 private:
  static constexpr int kEnd = -1;

  // The next byte without taking it; kEnd at the end of the input.
  base::Result<int> peek();
  void take();
  base::Result<void> append(DotToken& token, int byte);
  base::Result<void> skip_blanks();
  base::Result<void> skip_comment(int mark);
  base::Result<void> read_name(DotToken& token);
  base::Result<void> read_quoted(DotToken& token);
  base::Result<void> read_joints(DotToken& token);
  base::Result<void> read_escape(DotToken& token);
  base::Result<void> read_html(DotToken& token);
  base::Result<void> read_dash(DotToken& token);

  ByteSource& source_;
  std::vector<char> buffer_;
  std::size_t at_ = 0;
  std::size_t filled_ = 0;
  std::uint64_t line_ = 1;
  std::uint64_t token_line_ = 1;
  bool line_begins_ = true;
};

}  // namespace spex::lts
