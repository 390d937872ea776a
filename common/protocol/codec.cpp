#include "protocol/codec.h"

#include <msgpack.hpp>

#include "protocol/msgpack_reader.h"
#include "protocol/msgpack_writer.h"

namespace spex::protocol {
namespace {

using base::fail;
using base::Reason;

// Builds a Value while msgpack-c parses. The bytes have been walked before, so
// sizes are true and depths bounded; what is left cannot fail.
class Builder : public msgpack::null_visitor {
 public:
  Value take() { return std::move(root_); }

  bool visit_nil() { return put(Value()); }
  bool visit_boolean(bool value) { return put(Value(value)); }
  bool visit_positive_integer(std::uint64_t value) { return put(Value(value)); }
  bool visit_negative_integer(std::int64_t value) { return put(Value(value)); }
  bool visit_float32(float value) { return put(Value(static_cast<double>(value))); }
  bool visit_float64(double value) { return put(Value(value)); }
  bool visit_str(const char* data, std::uint32_t size) { return put(Value(std::string(data, size))); }
  bool visit_bin(const char* data, std::uint32_t size) { return put(Value(Binary{std::string(data, size)})); }
  bool visit_ext(const char*, std::uint32_t) { return false; }

  bool start_array(std::uint32_t size) {
    Array elements;
    elements.reserve(size);
    open_.push_back({Value(std::move(elements)), Value(), false});
    return true;
  }
  bool end_array() { return close(); }
  bool start_map(std::uint32_t size) {
    Map entries;
    entries.reserve(size);
    open_.push_back({Value(std::move(entries)), Value(), false});
    return true;
  }
  bool end_map_key() {
    open_.back().has_key = true;
    return true;
  }
  bool end_map_value() {
    open_.back().has_key = false;
    return true;
  }
  bool end_map() { return close(); }

 private:
  struct Open {
    Value container;
    Value key;  // of the map entry whose value comes next
    bool has_key;
  };

  bool put(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return true;
    }
    Open& open = open_.back();
    if (Array* elements = std::get_if<Array>(&open.container.content)) {
      elements->push_back(std::move(value));
    } else if (!open.has_key) {
      open.key = std::move(value);
    } else {
      std::get<Map>(open.container.content).emplace_back(std::move(open.key), std::move(value));
    }
    return true;
  }
  bool close() {
    Value value = std::move(open_.back().container);
    open_.pop_back();
    return put(std::move(value));
  }

  Value root_;
  std::vector<Open> open_;
};

struct StringStream {
  std::string& out;
  void write(const char* data, std::size_t size) { out.append(data, size); }
};
using Packer = msgpack::packer<StringStream>;

void pack(std::string& out, Packer& packer, const Value& value);

struct PackVisitor {
  std::string& out;
  Packer& packer;
  void operator()(std::monostate) const { packer.pack_nil(); }
  void operator()(bool value) const { value ? packer.pack_true() : packer.pack_false(); }
  void operator()(std::int64_t value) const { packer.pack_int64(value); }
  void operator()(std::uint64_t value) const { packer.pack_uint64(value); }
  // Not pack_double: msgpack-c 4 writes a float of integral value as an integer.
  void operator()(double value) const { MsgpackWriter(out).number(value); }
  void operator()(const std::string& text) const {
    packer.pack_str(static_cast<std::uint32_t>(text.size()));
    packer.pack_str_body(text.data(), static_cast<std::uint32_t>(text.size()));
  }
  void operator()(const Binary& binary) const {
    packer.pack_bin(static_cast<std::uint32_t>(binary.bytes.size()));
    packer.pack_bin_body(binary.bytes.data(), static_cast<std::uint32_t>(binary.bytes.size()));
  }
  void operator()(const Array& elements) const {
    packer.pack_array(static_cast<std::uint32_t>(elements.size()));
    for (const Value& element : elements) pack(out, packer, element);
  }
  void operator()(const Map& entries) const {
    packer.pack_map(static_cast<std::uint32_t>(entries.size()));
    for (const auto& [key, value] : entries) {
      pack(out, packer, key);
      pack(out, packer, value);
    }
  }
};

void pack(std::string& out, Packer& packer, const Value& value) { std::visit(PackVisitor{out, packer}, value.content); }

}  // namespace

base::Result<Value> decode_value_prefix(std::string_view& encoded, std::size_t depth_max) {
  // Our own walk first: msgpack-c would reserve what a header claims.
  MsgpackReader reader(encoded);
  std::string_view value;
  if (!reader.skip(value, depth_max)) {
    return fail(Reason::malformed, "read MessagePack: truncated, nested too deep, or an extension");
  }
  Builder builder;
  std::size_t offset = 0;
  try {
    if (!msgpack::parse(value.data(), value.size(), offset, builder) || offset != value.size()) {
      return fail(Reason::malformed, "read MessagePack: refused by the parser");
    }
  } catch (const std::exception& exception) {
    return fail(Reason::malformed, std::string("read MessagePack: ") + exception.what());
  }
  encoded.remove_prefix(value.size());
  return builder.take();
}

base::Result<Value> decode_value(std::string_view encoded, std::size_t depth_max) {
  SPEX_TRY_ASSIGN(Value value, decode_value_prefix(encoded, depth_max));
  if (!encoded.empty()) return fail(Reason::malformed, "read MessagePack: bytes after the value");
  return value;
}

void append_value(std::string& out, const Value& value) {
  StringStream stream{out};
  Packer packer(stream);
  pack(out, packer, value);
}

std::string encode_value(const Value& value) {
  std::string out;
  append_value(out, value);
  return out;
}

}  // namespace spex::protocol
