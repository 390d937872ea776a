#include "protocol/identifier.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/hash.h"
#include "base/json_text.h"
#include "protocol/messages.h"
#include "protocol/msgpack_reader.h"
#include "protocol/msgpack_writer.h"

namespace spex::protocol {
namespace {

using base::fail;
using base::Reason;

// Nearly all text is ASCII: eight bytes at a time for that.
bool is_text(std::string_view bytes) {
  const char* p = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; p += 8, left -= 8) {
    std::uint64_t word;
    std::memcpy(&word, p, sizeof word);
    if ((word & 0x8080808080808080) != 0) return base::is_utf8(bytes);
  }
  for (; left > 0; ++p, --left) {
    if (static_cast<unsigned char>(*p) >= 0x80) return base::is_utf8(bytes);
  }
  return true;
}

// Appends the canonical form of values to a string. Recursion is as deep as
// the value, which is at most kDepthMax.
class Canonicaliser {
 public:
  Canonicaliser(std::string& out, std::size_t bytes_max, bool allows_nan)
      : out_(out), bytes_max_(bytes_max), allows_nan_(allows_nan) {}

  bool value(MsgpackReader& reader, std::size_t depth) {
    if (out_.size() > bytes_max_) return refuse(Reason::too_large, "too many bytes");
    switch (reader.peek()) {
      case MsgpackType::end:
        return refuse(Reason::malformed, "truncated");
      case MsgpackType::refused:
        return refuse(Reason::invalid_argument, "MessagePack extensions are not allowed");
      case MsgpackType::array:
        return array(reader, depth);
      case MsgpackType::map:
        return map(reader, depth);
      default:
        return scalar(reader);
    }
  }

  base::Error error(const char* what) const { return fail(reason_, std::string(what) + ": " + problem_); }

 private:
  struct Entry {
    std::size_t key, value, end;  // offsets in out_
  };

  bool refuse(Reason reason, const char* problem) {
    reason_ = reason;
    problem_ = problem;
    return false;
  }
  bool truncated() { return refuse(Reason::malformed, "truncated"); }

  bool scalar(MsgpackReader& reader) {
    MsgpackWriter writer(out_);
    bool flag = false;
    std::string_view bytes;
    switch (reader.peek()) {
      case MsgpackType::boolean:
        if (!reader.read_bool(flag)) return truncated();
        writer.boolean(flag);
        return true;
      case MsgpackType::integer:
        return integer(reader, writer);
      case MsgpackType::floating:
        return floating(reader, writer);
      case MsgpackType::string:
        if (!reader.read_string(bytes)) return truncated();
        if (!is_text(bytes)) return refuse(Reason::invalid_argument, "a string is not UTF-8");
        writer.string(bytes);
        return true;
      case MsgpackType::binary:
        if (!reader.read_binary(bytes)) return truncated();
        writer.binary(bytes);
        return true;
      default:
        if (!reader.take_nil()) return truncated();
        writer.nil();
        return true;
    }
  }

  bool integer(MsgpackReader& reader, MsgpackWriter& writer) {
    MsgpackReader attempt = reader;
    std::uint64_t positive = 0;
    if (attempt.read_uint(positive)) {
      reader = attempt;
      writer.uint(positive);
      return true;
    }
    std::int64_t number = 0;
    if (!reader.read_int(number)) return truncated();
    writer.integer(number);
    return true;
  }

  bool floating(MsgpackReader& reader, MsgpackWriter& writer) {
    double number = 0;
    if (!reader.read_double(number)) return truncated();
    if (std::isnan(number) && !allows_nan_) return refuse(Reason::invalid_argument, "NaN is not allowed");
    writer.number(number);
    return true;
  }

  bool array(MsgpackReader& reader, std::size_t depth) {
    std::uint32_t size = 0;
    if (!reader.read_array(size)) return truncated();
    if (depth == kDepthMax) return refuse(Reason::invalid_argument, "nested too deep");
    MsgpackWriter(out_).array(size);
    for (std::uint32_t i = 0; i < size; ++i) {
      if (!value(reader, depth + 1)) return false;
    }
    return true;
  }

  bool map(MsgpackReader& reader, std::size_t depth) {
    std::uint32_t size = 0;
    if (!reader.read_map(size)) return truncated();
    if (depth == kDepthMax) return refuse(Reason::invalid_argument, "nested too deep");
    MsgpackWriter(out_).map(size);
    const std::size_t begin = out_.size();
    std::vector<Entry> entries;
    for (std::uint32_t i = 0; i < size; ++i) {
      Entry entry{out_.size(), 0, 0};
      if (!value(reader, depth + 1)) return false;
      entry.value = out_.size();
      if (!value(reader, depth + 1)) return false;
      entry.end = out_.size();
      entries.push_back(entry);
    }
    return sort(begin, entries);
  }

  std::string_view key_of(const Entry& entry) const {
    return std::string_view(out_).substr(entry.key, entry.value - entry.key);
  }

  bool sort(std::size_t begin, std::vector<Entry>& entries) {
    const auto less = [this](const Entry& a, const Entry& b) { return key_of(a) < key_of(b); };
    const bool in_order = std::is_sorted(entries.begin(), entries.end(), less);
    if (!in_order) std::sort(entries.begin(), entries.end(), less);
    const auto same = [this](const Entry& a, const Entry& b) { return key_of(a) == key_of(b); };
    if (std::adjacent_find(entries.begin(), entries.end(), same) != entries.end()) {
      return refuse(Reason::invalid_argument, "a key is twice in a map");
    }
    if (in_order) return true;
    std::string sorted;
    for (const Entry& entry : entries) sorted.append(out_, entry.key, entry.end - entry.key);
    out_.replace(begin, std::string::npos, sorted);
    return true;
  }

  std::string& out_;
  const std::size_t bytes_max_;
  const bool allows_nan_;
  Reason reason_ = Reason::malformed;
  const char* problem_ = "";
};

// The usual identifiers, which are canonical as they come: short text, small numbers.
bool is_canonical_scalar(std::string_view encoded) {
  if (encoded.empty()) return false;
  const auto type = static_cast<std::uint8_t>(encoded[0]);
  if (type < 0x80 || type >= 0xe0) return encoded.size() == 1;
  if ((type & 0xe0) == 0xa0) return encoded.size() == 1u + (type & 0x1f) && is_text(encoded.substr(1));
  if (type != 0xd9 || encoded.size() < 2) return false;
  const auto length = static_cast<std::uint8_t>(encoded[1]);
  return length >= 32 && encoded.size() == 2u + length && is_text(encoded.substr(2));
}

}  // namespace

base::Result<std::string_view> canonicalise(std::string_view encoded, std::string& scratch) {
  if (is_canonical_scalar(encoded)) return encoded;
  scratch.clear();
  Canonicaliser canonicaliser(scratch, kIdentifierBytesMax, false);
  MsgpackReader reader(encoded);
  if (!canonicaliser.value(reader, 0)) return canonicaliser.error("instance identifier");
  if (!reader.at_end()) return fail(Reason::malformed, "instance identifier: more than one value");
  if (scratch.size() > kIdentifierBytesMax) {
    return fail(Reason::too_large, "instance identifier: more than " + std::to_string(kIdentifierBytesMax) + " bytes");
  }
  return std::string_view(scratch);
}

std::uint32_t slot_of(std::string_view canonical) {
  return static_cast<std::uint32_t>(base::hash64(canonical) % kSlotCount);
}

base::Result<void> check_meta(std::string_view encoded) {
  MsgpackReader reader(encoded);
  if (reader.take_nil() && reader.at_end()) return {};
  reader = MsgpackReader(encoded);
  if (reader.peek() != MsgpackType::map) return fail(Reason::invalid_argument, "meta: neither nil nor a map");
  if (encoded.size() > kMetaBytesMax) {
    return fail(Reason::too_large, "meta: more than " + std::to_string(kMetaBytesMax) + " bytes");
  }
  std::string scratch;
  Canonicaliser canonicaliser(scratch, 2 * kMetaBytesMax, true);
  if (!canonicaliser.value(reader, 0)) return canonicaliser.error("meta");
  if (!reader.at_end()) return fail(Reason::malformed, "meta: more than one value");
  return {};
}

}  // namespace spex::protocol
