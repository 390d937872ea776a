#include "protocol/json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/json_text.h"
#include "protocol/base64.h"
#include "protocol/codec.h"
#include "protocol/number_text.h"

namespace spex::protocol {
namespace {

using base::fail;
using base::Reason;
using Json = nlohmann::json;

bool has_duplicates(std::vector<std::string> keys) {
  std::sort(keys.begin(), keys.end());
  return std::adjacent_find(keys.begin(), keys.end()) != keys.end();
}

bool has_duplicate_keys(const Map& entries) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : entries) keys.push_back(encode_value(key));
  return has_duplicates(std::move(keys));
}

// The key of a map that stands for something else, if it is one.
const std::string* only_dollar_key(const Map& entries) {
  if (entries.size() != 1) return nullptr;
  const std::string* key = entries.front().first.string();
  return key != nullptr && key->starts_with('$') ? key : nullptr;
}

std::optional<double> float_by_name(const std::string& name) {
  if (name == "inf") return std::numeric_limits<double>::infinity();
  if (name == "-inf") return -std::numeric_limits<double>::infinity();
  if (name == "nan") return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

std::optional<Value> read_pairs(const Value& list) {
  if (list.array() == nullptr) return std::nullopt;
  Map entries;
  for (const Value& pair : *list.array()) {
    if (pair.array() == nullptr || pair.array()->size() != 2) return std::nullopt;
    entries.emplace_back((*pair.array())[0], (*pair.array())[1]);
  }
  if (has_duplicate_keys(entries)) return std::nullopt;
  return Value(std::move(entries));
}

// Receives nlohmann's events and builds the Value; its parser does not recurse.
class Handler : public nlohmann::json_sax<Json> {
 public:
  explicit Handler(std::size_t depth_max) : depth_max_(depth_max) {}

  Value take() { return std::move(root_); }
  const std::string& problem() const { return problem_; }

  bool null() override { return put(Value()); }
  bool boolean(bool value) override { return put(Value(value)); }
  bool number_integer(number_integer_t value) override { return put(Value(std::int64_t{value})); }
  bool number_unsigned(number_unsigned_t value) override { return put(Value(std::uint64_t{value})); }
  bool number_float(number_float_t value, const string_t& text) override {
    // The parser takes integers that are too large for floats.
    if (text.find_first_of(".eE") == std::string::npos) {
      return refuse("the integer " + text.substr(0, 40) + " is not in -2^63..2^64-1");
    }
    return put(Value(value));
  }
  bool string(string_t& text) override { return put(Value(std::move(text))); }
  bool binary(binary_t&) override { return refuse("binary data"); }

  bool start_array(std::size_t) override { return open(Value(Array())); }
  bool end_array() override { return close(); }
  bool start_object(std::size_t) override { return open(Value(Map())); }
  bool key(string_t& text) override {
    open_.back().key = std::move(text);
    return true;
  }
  bool end_object() override {
    Map& entries = std::get<Map>(open_.back().container.content);
    if (has_duplicate_keys(entries)) return refuse("a key is twice in an object");
    return resolve_dollar(entries) && close();
  }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& exception) override {
    const std::string_view text = exception.what();
    const std::size_t name_end = text.find("] ");  // "[json.exception.parse_error.101] parse error at line …"
    return refuse(std::string(name_end == std::string_view::npos ? text : text.substr(name_end + 2)));
  }

 private:
  struct Open {
    Value container;
    std::string key;
  };

  bool refuse(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return false;
  }
  bool open(Value container) {
    if (open_.size() == depth_max_) return refuse("nested too deep");
    open_.push_back({std::move(container), {}});
    return true;
  }
  bool close() {
    Value value = std::move(open_.back().container);
    open_.pop_back();
    return put(std::move(value));
  }
  bool put(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (Array* elements = std::get_if<Array>(&open_.back().container.content)) {
      elements->push_back(std::move(value));
    } else {
      std::get<Map>(open_.back().container.content).emplace_back(std::move(open_.back().key), std::move(value));
    }
    return true;
  }

  bool resolve_dollar(Map& entries) {
    const std::string* key = only_dollar_key(entries);
    if (key == nullptr) return true;
    const Value& value = entries.front().second;
    std::optional<Value> meant;
    if (*key == "$map") {
      meant = read_pairs(value);
    } else if (*key == "$bin" && value.string() != nullptr) {
      if (auto bytes = from_base64(*value.string())) meant = Value(Binary{std::move(*bytes)});
    } else if (*key == "$float" && value.string() != nullptr) {
      if (const auto number = float_by_name(*value.string())) meant = Value(*number);
    } else if (*key != "$bin" && *key != "$float") {
      return true;  // an ordinary map, written back as $map
    }
    if (!meant) return refuse("the value of \"" + *key + "\" is not of its form");
    open_.back().container = std::move(*meant);
    return true;
  }

  const std::size_t depth_max_;
  Value root_;
  std::vector<Open> open_;
  std::string problem_;
};

bool is_object(const Map& entries) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : entries) {
    if (key.string() == nullptr || !base::is_utf8(*key.string())) return false;
    keys.push_back(*key.string());
  }
  return only_dollar_key(entries) == nullptr && !has_duplicates(std::move(keys));
}

struct JsonWriter {
  std::string& out;
  void operator()(std::monostate) const { out += "null"; }
  void operator()(bool value) const { out += value ? "true" : "false"; }
  void operator()(std::int64_t value) const { out += std::to_string(value); }
  void operator()(std::uint64_t value) const { out += std::to_string(value); }
  void operator()(double value) const {
    if (std::isfinite(value)) {
      append_float(out, value);
    } else {
      out += std::isnan(value) ? R"({"$float":"nan"})" : value > 0 ? R"({"$float":"inf"})" : R"({"$float":"-inf"})";
    }
  }
  void operator()(const std::string& text) const { out += base::json_quote(text); }
  void operator()(const Binary& binary) const { out += "{\"$bin\":\"" + to_base64(binary.bytes) + "\"}"; }
  void operator()(const Array& elements) const {
    const char* separator = "";
    out += '[';
    for (const Value& element : elements) {
      out += separator;
      append_json(out, element);
      separator = ",";
    }
    out += ']';
  }
  void operator()(const Map& entries) const {
    const bool as_object = is_object(entries);
    const char* separator = "";
    out += as_object ? "{" : "{\"$map\":[";
    for (const auto& [key, value] : entries) {
      out += separator;
      if (!as_object) out += '[';
      append_json(out, key);
      out += as_object ? ':' : ',';
      append_json(out, value);
      if (!as_object) out += ']';
      separator = ",";
    }
    out += as_object ? "}" : "]}";
  }
};

}  // namespace

base::Result<Value> parse_json(std::string_view text, std::size_t depth_max) {
  Handler handler(depth_max);
  try {
    if (Json::sax_parse(text.begin(), text.end(), &handler)) return handler.take();
  } catch (const std::exception& exception) {
    return fail(Reason::malformed, std::string("read JSON: ") + exception.what());
  }
  return fail(Reason::malformed, "read JSON: " + handler.problem());
}

void append_json(std::string& out, const Value& value) { std::visit(JsonWriter{out}, value.content); }

std::string to_json(const Value& value) {
  std::string out;
  append_json(out, value);
  return out;
}

}  // namespace spex::protocol
