// Reads a filter from its text: recursive descent over the grammar in docs/protocol.md.
#include <algorithm>
#include <charconv>

#include "base/duration.h"
#include "base/json_text.h"
#include "protocol/filter_text.h"
#include "protocol/messages.h"

namespace spex::protocol {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using Kind = FilterField::Kind;

void append_utf8(std::string& out, unsigned code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    out += static_cast<char>(0xe0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    out += static_cast<char>(0x80 | (code & 0x3f));
  }
}

}  // namespace

// Reads the text from left to right; recursion is at most kDepthMax deep.
class FilterParser {
 public:
  explicit FilterParser(std::string_view text) : text_(text) {}

  Result<Filter> whole() {
    skip_blanks();
    if (at_ == text_.size()) return Filter();
    SPEX_TRY_ASSIGN(Filter filter, disjunction(0));
    if (at_ != text_.size()) return expected("`and`, `or` or the end");
    return filter;
  }

  Result<FilterField> whole_field() {
    SPEX_TRY_ASSIGN(FilterField read, field());
    if (at_ != text_.size()) return expected("the end of the field");
    return read;
  }

 private:
  base::Error problem(std::size_t at, const std::string& what) const {
    return fail(Reason::malformed, "filter, column " + std::to_string(at + 1) + ": " + what)
        .with("column", std::to_string(at + 1));
  }
  base::Error expected(const char* what) const {
    std::size_t end = at_;
    while (end < text_.size() && text_[end] != ' ' && end - at_ < 20) ++end;
    while (end < text_.size() && (text_[end] & 0xc0) == 0x80) ++end;  // a whole character
    const std::string found = at_ == text_.size() ? "the end" : "`" + std::string(text_.substr(at_, end - at_)) + "`";
    return problem(at_, std::string("expected ") + what + ", found " + found);
  }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
  }
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    skip_blanks();
    return true;
  }
  std::string_view word_here() const {
    std::size_t end = at_;
    while (end < text_.size() && is_word_byte(text_[end])) ++end;
    return text_.substr(at_, end - at_);
  }
  bool take_word(std::string_view word) {
    if (word_here() != word) return false;
    at_ += word.size();
    skip_blanks();
    return true;
  }

  Result<Filter> disjunction(std::size_t depth) {
    SPEX_TRY_ASSIGN(Filter first, conjunction(depth));
    std::vector<Filter> operands;
    operands.push_back(std::move(first));
    while (take_word("or")) {
      SPEX_TRY_ASSIGN(Filter next, conjunction(depth));
      operands.push_back(std::move(next));
    }
    return combined(FilterOperator::disjunction, std::move(operands));
  }

  Result<Filter> conjunction(std::size_t depth) {
    SPEX_TRY_ASSIGN(Filter first, factor(depth));
    std::vector<Filter> operands;
    operands.push_back(std::move(first));
    while (take_word("and")) {
      SPEX_TRY_ASSIGN(Filter next, factor(depth));
      operands.push_back(std::move(next));
    }
    return combined(FilterOperator::conjunction, std::move(operands));
  }

  Result<Filter> combined(FilterOperator op, std::vector<Filter> operands) {
    if (operands.size() == 1) return std::move(operands.front());
    SPEX_TRY(count_node());
    return Filter::combine(op, std::move(operands));
  }

  Result<Filter> factor(std::size_t depth) {
    if (depth == kDepthMax) return problem(at_, "nested too deep");
    if (take_word("not")) {
      SPEX_TRY(count_node());
      SPEX_TRY_ASSIGN(Filter operand, factor(depth + 1));
      std::vector<Filter> operands;
      operands.push_back(std::move(operand));
      return Filter::combine(FilterOperator::negation, std::move(operands));
    }
    if (!take('(')) return comparison();
    SPEX_TRY_ASSIGN(Filter inner, disjunction(depth + 1));
    if (!take(')')) return expected("`)`");
    return inner;
  }

  Result<Filter> comparison() {
    SPEX_TRY(count_node());
    const std::size_t begin = at_;
    SPEX_TRY_ASSIGN(FilterField left, field());
    SPEX_TRY_ASSIGN(const FilterOperator op, comparison_word());
    std::vector<Value> values;
    if (op == FilterOperator::member) {
      SPEX_TRY(list(left.kind, values));
    } else {
      SPEX_TRY_ASSIGN(Value value, literal(left.kind));
      values.push_back(std::move(value));
    }
    const std::string name = field_text(left);
    Result<Filter> filter = Filter::compare(op, std::move(left), std::move(values));
    if (!filter) return problem(begin, "`" + name + "` " + filter.error().message);
    return filter;
  }

  Result<void> count_node() {
    if (++nodes_ > kFilterNodesMax) {
      return problem(at_, "more than " + std::to_string(kFilterNodesMax) + " parts");
    }
    return {};
  }

  Result<FilterField> field() {
    const std::string_view name = word_here();
    if (const auto kind = find_filter_field(name)) {
      take_word(name);
      return FilterField{*kind, {}};
    }
    if (name != "meta") {
      return expected("one of the fields specification, current_state, idle, created, meta.<key>");
    }
    at_ += name.size();
    FilterField read{Kind::meta, {}};
    while (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      SPEX_TRY_ASSIGN(std::string key, path_key());
      read.path.push_back(std::move(key));
    }
    skip_blanks();
    if (read.path.empty()) return expected("`.` and a key of meta");
    return read;
  }

  Result<std::string> path_key() {
    if (at_ < text_.size() && text_[at_] == '"') return quoted();
    const std::string_view key = word_here();
    if (key.empty()) return expected("a key of meta");
    at_ += key.size();
    return std::string(key);
  }

  Result<FilterOperator> comparison_word() {
    if (take_word("in")) return FilterOperator::member;
    for (const std::size_t length : {2U, 1U}) {
      const std::string_view word = text_.substr(at_, length);
      const auto op = find_filter_word(word);
      if (!op || !is_comparison(*op)) continue;
      at_ += word.size();
      skip_blanks();
      return *op;
    }
    return expected("one of = != < <= > >= in");
  }

  Result<void> list(Kind kind, std::vector<Value>& values) {
    if (!take('(')) return expected("`(`");
    if (take(')')) return {};
    do {
      SPEX_TRY_ASSIGN(Value value, literal(kind));
      values.push_back(std::move(value));
    } while (take(','));
    if (!take(')')) return expected("`,` or `)`");
    return {};
  }

  Result<Value> literal(Kind kind) {
    const std::size_t begin = at_;
    if (at_ < text_.size() && text_[at_] == '"') {
      SPEX_TRY_ASSIGN(std::string text, quoted());
      skip_blanks();
      if (kind != Kind::created) return Value(std::move(text));
      const auto time = base::parse_timestamp(text);
      if (!time) return problem(begin, time.error().message);
      return Value(*time);
    }
    if (kind == Kind::idle) return duration();
    if (take_word("true")) return Value(true);
    if (take_word("false")) return Value(false);
    if (take_word("null")) return Value();
    return number();
  }

  Result<Value> duration() {
    const std::string_view word = word_here();
    const auto read = base::parse_duration(word);
    if (!read || !read->microseconds) return expected("a duration such as 5m");
    at_ += word.size();
    skip_blanks();
    return Value(*read->microseconds);
  }

  Result<Value> number() {
    std::size_t end = at_;
    while (end < text_.size() && (is_word_byte(text_[end]) || text_[end] == '.' || text_[end] == '+')) ++end;
    const std::string_view word = text_.substr(at_, end - at_);
    const bool is_float = word.find_first_of(".eE") != std::string_view::npos;
    std::int64_t small = 0;
    std::uint64_t large = 0;
    double real = 0;
    Value value;
    if (!is_float && whole_number(word, small)) {
      value = Value(small);
    } else if (!is_float && whole_number(word, large)) {
      value = Value(large);
    } else if (is_float && whole_number(word, real)) {
      value = Value(real);
    } else {
      return expected("a number, \"text\", true, false or null");
    }
    at_ = end;
    skip_blanks();
    return value;
  }

  template <typename Number>
  static bool whole_number(std::string_view word, Number& number) {
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    const bool begins_well = !word.empty() && (word[0] == '-' || (word[0] >= '0' && word[0] <= '9'));
    return begins_well && error == std::errc() && end == word.data() + word.size();
  }

  // A string in double quotes, with the escapes of JSON (surrogates excepted).
  Result<std::string> quoted() {
    const std::size_t begin = at_++;
    std::string out;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] != '\\') {
        out += text_[at_++];
        continue;
      }
      SPEX_TRY(escape(out));
    }
    if (at_ == text_.size()) return problem(begin, "the text has no closing quote");
    ++at_;
    return out;
  }

  Result<void> escape(std::string& out) {
    constexpr std::string_view kEscapes = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const char c = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    if (const std::size_t index = kEscapes.find(c); index != std::string_view::npos) {
      out += kMeanings[index];
      at_ += 2;
      return {};
    }
    const std::string_view digits = text_.substr(std::min(at_ + 2, text_.size()), 4);
    unsigned code = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    const bool is_code = c == 'u' && digits.size() == 4 && error == std::errc() && end == digits.data() + 4;
    if (!is_code || (code >= 0xd800 && code < 0xe000)) return problem(at_, "unknown escape in text");
    append_utf8(out, code);
    at_ += 6;
    return {};
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t nodes_ = 0;
};

Result<FilterField> parse_field(std::string_view text) { return FilterParser(text).whole_field(); }

Result<Filter> Filter::parse(std::string_view text) {
  if (text.size() > kFilterBytesMax) {
    return fail(Reason::malformed, "filter: more than " + std::to_string(kFilterBytesMax) + " bytes");
  }
  if (!base::is_utf8(text)) return fail(Reason::malformed, "filter: not UTF-8");
  SPEX_TRY_ASSIGN(Filter filter, FilterParser(text).whole());
  // What is within the limits as text must be so on the wire, too.
  if (const auto sent = Filter::decode(filter.encode()); !sent) return fail(Reason::malformed, sent.error().message);
  return filter;
}

}  // namespace spex::protocol
