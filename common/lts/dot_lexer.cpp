#include "lts/dot_lexer.h"

namespace spex::lts {
namespace {

bool is_blank(int byte) {
  return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r' || byte == '\v' || byte == '\f';
}
bool is_digit(int byte) { return byte >= '0' && byte <= '9'; }
// Bytes of a name: DOT takes every byte above ASCII for a letter.
bool is_letter(int byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || byte == '_' || byte >= 0x80;
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace

bool DotToken::is_keyword(std::string_view word) const {
  if (kind != Kind::name || text.size() != word.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (lower(text[i]) != word[i]) return false;
  }
  return true;
}

base::Error DotLexer::failure_at(std::uint64_t line, const std::string& what, base::Reason reason) const {
  const std::string number = std::to_string(line);
  return base::fail(reason, "read " + source_.name() + " line " + number + ": " + what).with("line", number);
}

base::Result<int> DotLexer::peek() {
  if (at_ == filled_) {
    at_ = 0;
    SPEX_TRY_ASSIGN(filled_, source_.read(buffer_.data(), buffer_.size()));
    if (filled_ == 0) return kEnd;
  }
  return static_cast<unsigned char>(buffer_[at_]);
}

void DotLexer::take() {
  line_begins_ = buffer_[at_] == '\n';
  if (line_begins_) ++line_;
  ++at_;
}

base::Result<void> DotLexer::append(DotToken& token, int byte) {
  if (token.text.size() == kTokenBytesMax) {
    return failure("a word longer than " + std::to_string(kTokenBytesMax) + " bytes", base::Reason::too_large);
  }
  token.text += static_cast<char>(byte);
  return {};
}

base::Result<void> DotLexer::skip_blanks() {
  while (true) {
    SPEX_TRY_ASSIGN(const int byte, peek());
    if (is_blank(byte)) {
      take();
    } else if (byte == '/' || (byte == '#' && line_begins_)) {
      SPEX_TRY(skip_comment(byte));
    } else {
      return {};
    }
  }
}

base::Result<void> DotLexer::skip_comment(int mark) {
  token_line_ = line_;
  take();
  SPEX_TRY_ASSIGN(int byte, peek());
  if (mark == '/' && byte != '/' && byte != '*') return failure("unexpected \"/\"");
  const bool to_end_of_line = mark == '#' || byte == '/';
  if (!to_end_of_line) take();
  for (bool star = false; byte != kEnd;) {
    SPEX_TRY_ASSIGN(byte, peek());
    if (byte == kEnd) break;
    take();
    if (to_end_of_line && byte == '\n') return {};
    if (!to_end_of_line && star && byte == '/') return {};
    star = byte == '*';
  }
  if (to_end_of_line) return {};
  return failure("the comment is not closed");
}

base::Result<void> DotLexer::read_name(DotToken& token) {
  token.kind = DotToken::Kind::name;
  while (true) {
    SPEX_TRY_ASSIGN(const int byte, peek());
    // A number may hold a point; "1.2a" is one word here, which Graphviz splits with a warning.
    if (!is_letter(byte) && !is_digit(byte) && byte != '.') return {};
    SPEX_TRY(append(token, byte));
    take();
  }
}

base::Result<void> DotLexer::read_escape(DotToken& token) {
  SPEX_TRY_ASSIGN(const int byte, peek());
  if (byte == '\n') {  // the string goes on in the next line
    take();
    return {};
  }
  if (byte != '"' && byte != '\\') return append(token, '\\');
  take();
  return append(token, byte);
}

base::Result<void> DotLexer::read_quoted(DotToken& token) {
  token.kind = DotToken::Kind::quoted;
  while (true) {
    SPEX_TRY_ASSIGN(const int byte, peek());
    if (byte == kEnd) return failure("the string is not closed");
    take();
    if (byte == '"') return {};
    if (byte == '\\') {
      SPEX_TRY(read_escape(token));
    } else {
      SPEX_TRY(append(token, byte));
    }
  }
}

// "one" + "two".
base::Result<void> DotLexer::read_joints(DotToken& token) {
  while (true) {
    const std::uint64_t begin = token_line_;
    SPEX_TRY(skip_blanks());
    token_line_ = begin;
    SPEX_TRY_ASSIGN(int byte, peek());
    if (byte != '+') return {};
    take();
    SPEX_TRY(skip_blanks());
    SPEX_TRY_ASSIGN(byte, peek());
    if (byte != '"') return failure("expected a string after \"+\"");
    take();
    SPEX_TRY(read_quoted(token));
  }
}

base::Result<void> DotLexer::read_html(DotToken& token) {
  token.kind = DotToken::Kind::html;
  for (std::size_t depth = 1;;) {
    SPEX_TRY_ASSIGN(const int byte, peek());
    if (byte == kEnd) return failure("the HTML label is not closed");
    take();
    if (byte == '<') ++depth;
    if (byte == '>' && --depth == 0) return {};
    SPEX_TRY(append(token, byte));
  }
}

base::Result<void> DotLexer::read_dash(DotToken& token) {
  SPEX_TRY_ASSIGN(const int byte, peek());
  if (byte == '>' || byte == '-') {
    take();
    token.kind = byte == '>' ? DotToken::Kind::arrow : DotToken::Kind::line;
    return {};
  }
  if (!is_digit(byte) && byte != '.') return failure("unexpected \"-\"");
  token.text = "-";
  return read_name(token);
}

base::Result<void> DotLexer::next(DotToken& token) {
  token.text.clear();
  SPEX_TRY(skip_blanks());
  token_line_ = line_;
  SPEX_TRY_ASSIGN(const int byte, peek());
  if (byte == kEnd) {
    token.kind = DotToken::Kind::end;
    return {};
  }
  if (is_letter(byte) || is_digit(byte) || byte == '.') return read_name(token);
  take();
  if (byte == '"') {
    SPEX_TRY(read_quoted(token));
    return read_joints(token);
  }
  if (byte == '<') return read_html(token);
  if (byte == '-') return read_dash(token);
  if (std::string_view("{}[];,=:").find(static_cast<char>(byte)) == std::string_view::npos) {
    return failure("unexpected character");
  }
  token.kind = DotToken::Kind::punctuation;
  token.text = static_cast<char>(byte);
  return {};
}

}  // namespace spex::lts
