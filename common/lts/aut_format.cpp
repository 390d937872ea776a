#include "lts/aut_format.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <utility>

#include "lts/line_source.h"
#include "lts/lts_builder.h"

namespace spex::lts {
namespace {

// Header counts are claims: no more room than this is reserved on their word.
constexpr std::uint32_t kReserveMax = 1U << 24U;
// Rows are stored up to the last state with a transition. A file whose states
// are numbered far more sparsely than this would cost memory out of nothing.
constexpr std::uint64_t kStatesPerTransitionMax = 64;
constexpr std::uint64_t kSparseStatesAllowed = 1U << 24U;

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }

// One line being read from left to right. Every step skips blanks first.
class Cursor {
 public:
  explicit Cursor(std::string_view line) : at_(line.data()), end_(line.data() + line.size()) {}

  bool at_end() {
    skip_blanks();
    return at_ == end_;
  }

  bool take(char expected) {
    skip_blanks();
    if (at_ == end_ || *at_ != expected) return false;
    ++at_;
    return true;
  }

  bool take(std::string_view word) {
    skip_blanks();
    if (std::string_view(at_, static_cast<std::size_t>(end_ - at_)).substr(0, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }

  // `too_large` is set for numbers of 2^32 - 1 and more, which are read to their end.
  bool take_number(std::uint32_t& number, bool& too_large) {
    skip_blanks();
    const char* const begin = at_;
    std::uint64_t value = 0;
    for (; at_ != end_ && *at_ >= '0' && *at_ <= '9'; ++at_) {
      value = std::min<std::uint64_t>(value * 10 + static_cast<std::uint64_t>(*at_ - '0'), kNoState);
    }
    too_large = too_large || value == kNoState;
    number = static_cast<std::uint32_t>(value);
    return at_ != begin;
  }

  enum class Label : std::uint8_t { taken, open, missing };
  // The label and the comma after it; `open` if the closing quote is not on this line.
  Label take_label(std::string_view& label, std::string& unquoted) {
    skip_blanks();
    const bool quoted = at_ != end_ && *at_ == '"';
    if (quoted) ++at_;
    const char* const begin = at_;
    at_ = std::find(at_, end_, quoted ? '"' : ',');
    label = {begin, static_cast<std::size_t>(at_ - begin)};
    if (at_ == end_) return quoted ? Label::open : Label::missing;
    ++at_;
    if (quoted) return take(',') ? Label::taken : Label::missing;
    if (std::any_of(label.begin(), label.end(), is_blank)) {
      unquoted.clear();
      std::copy_if(label.begin(), label.end(), std::back_inserter(unquoted), [](char c) { return !is_blank(c); });
      label = unquoted;
    }
    return Label::taken;
  }

 private:
  void skip_blanks() {
    while (at_ != end_ && is_blank(*at_)) ++at_;
  }

  const char* at_;
  const char* end_;
};

// The actions of labels met lately, found by their first bytes.
class RecentLabels {
 public:
  // Whether `label` is among them. Eight bytes from its begin can be read.
  bool find(std::string_view label, ActionId& action) const {
    const std::uint64_t head = head_of(label);
    const Entry& entry = entries_[slot_of(head, label.size())];
    if (entry.head != head || entry.label.size() != label.size()) return false;
    if (label.size() > sizeof(head) && entry.label != label) return false;
    action = entry.action;
    return !label.empty();
  }

  void add(std::string_view label, ActionId action) {
    std::array<char, sizeof(std::uint64_t)> bytes{};
    label.copy(bytes.data(), bytes.size());
    const std::uint64_t head = head_of({bytes.data(), label.size()});
    entries_[slot_of(head, label.size())] = {head, action, std::string(label)};
  }

 private:
  struct Entry {
    std::uint64_t head = 0;
    ActionId action = kTau;
    std::string label{};
  };

  static std::uint64_t head_of(std::string_view label) {
    std::uint64_t head = 0;
    std::memcpy(&head, label.data(), sizeof(head));
    return label.size() >= sizeof(head) ? head : head & ((std::uint64_t{1} << 8 * label.size()) - 1);
  }
  static std::size_t slot_of(std::uint64_t head, std::size_t size) {
    return ((head + size) * 0x9E3779B97F4A7C15U) >> 57U;
  }

  std::array<Entry, 128> entries_;
};

// Reads the usual line, `(12,"label",34)` without blanks, from text that may end anywhere and has a 0 behind it, with
// more to be read (LineSource::kPadding). What it does not take may be good, too: a Cursor is to look at it.
class UsualLine {
 public:
  explicit UsualLine(const char* text) : begin_(text), at_(text) {}

  StateId from = 0;
  StateId to = 0;
  std::string_view label;

  bool take() {
    return take('(') && take_number(from) && take(',') && take_label() && take(',') && take_number(to) && take(')') &&
           take('\n');
  }
  // Of the line taken, with its newline.
  std::size_t bytes() const { return static_cast<std::size_t>(at_ - begin_); }

 private:
  bool take(char expected) {
    if (*at_ != expected) return false;
    ++at_;
    return true;
  }

  // Up to seven digits at once, from eight bytes of which the first is the lowest; their end is a bit found, not a
  // branch taken by chance. Nine digits at most, so it cannot overflow.
  bool take_number(std::uint32_t& number) {
    std::uint64_t text = 0;
    std::memcpy(&text, at_, sizeof(text));
    const std::uint64_t digits = text ^ 0x3030303030303030U;
    const std::uint64_t others = ((digits + 0x7676767676767676U) | digits) & 0x8080808080808080U;
    if (std::endian::native != std::endian::little || (others & 0x80U) != 0 || others == 0) return take_digits(number);
    const int bits = std::countr_zero(others) - 7;
    const std::uint64_t aligned = digits << (64 - bits);  // zeros in front
    const std::uint64_t pairs = (aligned * 10) + (aligned >> 8U);
    constexpr std::uint64_t kMask = 0x000000FF000000FFU;
    number = static_cast<std::uint32_t>(
        ((pairs & kMask) * 0x000F424000000064U + ((pairs >> 16U) & kMask) * 0x0000271000000001U) >> 32U);
    at_ += bits / 8;
    return true;
  }

  bool take_digits(std::uint32_t& number) {
    const char* const digits = at_;
    std::uint32_t value = 0;
    for (; static_cast<unsigned char>(*at_ - '0') < 10; ++at_) {
      value = value * 10 + static_cast<std::uint32_t>(*at_ - '0');
    }
    number = value;
    return at_ != digits && at_ - digits < 10;
  }

  // Quoted and without a newline, or unquoted and without a blank.
  bool take_label() {
    const bool quoted = take('"');
    const char* const first = at_;
    const char stop = quoted ? '"' : ',';
    const unsigned char least = quoted ? '\n' + 1 : ' ' + 1;
    while (*at_ != stop && static_cast<unsigned char>(*at_) >= least) ++at_;
    label = {first, static_cast<std::size_t>(at_ - first)};
    return !quoted || take('"');
  }

  const char* begin_;
  const char* at_;
};

class AutReader {
 public:
  AutReader(ByteSource& source, const AutOptions& options)
      : source_(source), lines_(source), builder_(options.tau_names.at(0)) {
    for (std::size_t i = 1; i < options.tau_names.size(); ++i) builder_.add_tau_name(options.tau_names[i]);
  }

  base::Result<Lts> read() {
    SPEX_TRY(read_header());
    while (true) {
      read_usual_lines();
      SPEX_TRY_ASSIGN(const bool more, lines_.next());
      if (!more) break;
      SPEX_TRY(read_transition());
    }
    if (builder_.transition_count() != transitions_) {
      return failure("the header promises " + std::to_string(transitions_) + " transitions, there are " +
                     std::to_string(builder_.transition_count()));
    }
    const std::uint64_t rows = std::uint64_t{last_source_} + 1;
    if (rows > kSparseStatesAllowed && rows / kStatesPerTransitionMax > transitions_) {
      return failure("states are numbered too sparsely for so few transitions", base::Reason::too_large);
    }
    builder_.ensure_states(states_);
    builder_.set_initial(initial_);
    return std::move(builder_).build();
  }

 private:
  base::Error failure(const std::string& what, base::Reason reason = base::Reason::malformed) const {
    const std::string line = std::to_string(lines_.number());
    return base::fail(reason, "read " + source_.name() + " line " + line + ": " + what).with("line", line);
  }

  base::Error number_failure(bool too_large, const std::string& what) const {
    if (too_large) return failure("a number is not below 4294967295", base::Reason::too_large);
    return failure(what);
  }

  base::Result<void> read_header() {
    while (true) {
      SPEX_TRY_ASSIGN(const bool more, lines_.next());
      if (!more) return failure("no header \"des (initial, transitions, states)\"");
      if (!Cursor(lines_.line()).at_end()) break;
    }
    Cursor cursor(lines_.line());
    bool too_large = false;
    const bool good = cursor.take("des") && cursor.take('(') && cursor.take_number(initial_, too_large) &&
                      cursor.take(',') && cursor.take_number(transitions_, too_large) && cursor.take(',') &&
                      cursor.take_number(states_, too_large) && cursor.take(')') && cursor.at_end();
    if (!good || too_large)
      return number_failure(too_large && good, "no header \"des (initial, transitions, states)\"");
    if (states_ == 0) return failure("an LTS has at least one state");
    if (initial_ >= states_) return failure("the initial state is not among the states");
    builder_.reserve_transitions(std::min(transitions_, kReserveMax));
    return {};
  }

  // As many lines as are usual, good and of a label met lately; read_transition() takes all others.
  void read_usual_lines() {
    while (builder_.transition_count() < transitions_) {
      UsualLine line(lines_.rest().data());
      ActionId action = kTau;
      if (!line.take() || line.from >= states_ || line.to >= states_ || !recent_.find(line.label, action)) return;
      last_source_ = std::max(last_source_, line.from);
      builder_.add_transition(line.from, action, line.to);
      lines_.skip_line(line.bytes());
    }
  }

  base::Result<void> read_transition() {
    StateId from = 0;
    StateId to = 0;
    bool too_large = false;
    std::string_view label;
    Cursor::Label outcome = Cursor::Label::open;
    while (true) {
      Cursor cursor(lines_.line());
      if (cursor.at_end()) return {};
      if (!cursor.take('(') || !cursor.take_number(from, too_large) || !cursor.take(',')) {
        return failure("expected \"(from, label, to)\"");
      }
      outcome = cursor.take_label(label, unquoted_);
      if (outcome == Cursor::Label::taken) {
        if (!cursor.take_number(to, too_large) || !cursor.take(')'))
          return failure("expected a state and \")\" after the label");
        if (!cursor.at_end()) return failure("text after the transition");
        break;
      }
      if (outcome == Cursor::Label::missing) return failure("expected a comma after the label");
      SPEX_TRY_ASSIGN(const bool more, lines_.extend());
      if (!more) return failure("the label's closing quote is missing");
    }
    if (too_large) return number_failure(true, {});
    if (from >= states_ || to >= states_) {
      return failure("state " + std::to_string(from >= states_ ? from : to) + " is not below the " +
                     std::to_string(states_) + " states of the header");
    }
    if (builder_.transition_count() == transitions_) {
      return failure("more transitions than the " + std::to_string(transitions_) + " of the header");
    }
    last_source_ = std::max(last_source_, from);
    builder_.add_transition(from, action_of(label), to);
    return {};
  }

  ActionId action_of(std::string_view label) {
    const ActionId action = builder_.action(label);
    recent_.add(label, action);
    return action;
  }

  ByteSource& source_;
  LineSource lines_;
  LtsBuilder builder_;
  RecentLabels recent_;
  std::string unquoted_;
  std::uint32_t initial_ = 0;
  std::uint32_t transitions_ = 0;
  std::uint32_t states_ = 0;
  StateId last_source_ = 0;
};

// The label as it is written: quoted, or bare if it holds a quote.
base::Result<std::string> written_label(std::string_view label, std::string_view tau_name, bool visible) {
  const bool has_quote = label.find('"') != std::string_view::npos;
  if (visible && label == tau_name) {
    return base::fail(base::Reason::invalid_argument,
                      "write .aut: the visible action \"" + std::string(label) +
                          "\" has the name of the internal one; name another with --tau");
  }
  if (!has_quote) return '"' + std::string(label) + '"';
  const bool bare = label.front() != '"' && label.find_first_of(", \t\r\n\v\f") == std::string_view::npos;
  if (bare) return std::string(label);
  return base::fail(base::Reason::invalid_argument,
                    "write .aut: the format has no way to write the label " + std::string(label));
}

}  // namespace

base::Result<Lts> read_aut(ByteSource& source, const AutOptions& options) { return AutReader(source, options).read(); }

base::Result<Lts> read_aut_file(const std::string& path, const AutOptions& options) {
  SPEX_TRY_ASSIGN(ByteSource source, ByteSource::open(path));
  return read_aut(source, options);
}

base::Result<Lts> parse_aut(std::string_view text, const AutOptions& options) {
  ByteSource source = ByteSource::of_text(text, "text");
  return read_aut(source, options);
}

base::Result<std::string> format_aut(const Lts& lts, std::string_view tau_name) {
  std::vector<std::string> labels;
  for (ActionId action = 0; action < lts.action_count(); ++action) {
    const bool visible = action != kTau;
    SPEX_TRY_ASSIGN(std::string label, written_label(visible ? lts.action_name(action) : tau_name, tau_name, visible));
    labels.push_back(std::move(label));
  }
  std::string text = "des (" + std::to_string(lts.initial_state()) + "," + std::to_string(lts.transition_count()) +
                     "," + std::to_string(lts.state_count()) + ")\n";
  for (StateId state = 0; state < lts.state_count(); ++state) {
    for (const Transition& step : lts.outgoing(state)) {
      text.append("(").append(std::to_string(state)).append(",").append(labels[step.action]);
      text.append(",").append(std::to_string(step.target)).append(")\n");
    }
  }
  return text;
}

}  // namespace spex::lts
