#include "ctl/filters.h"

#include "protocol/codec.h"
#include "protocol/filter.h"

namespace spex::ctl {
namespace {

using protocol::Array;
using protocol::Map;
using protocol::Value;

base::Result<Value> parse_where(const std::string& text) {
  SPEX_TRY_ASSIGN(const protocol::Filter filter, protocol::Filter::parse(text));
  return protocol::decode_value(filter.encode());
}

}  // namespace

Value specification_is(const Value& specification) { return Array{"=", "specification", specification}; }

Value conjunction(Value left, Value right) {
  const auto matches_all = [](const Value& filter) {
    return filter.is_nil() || (filter.map() != nullptr && filter.map()->empty());
  };
  if (matches_all(left)) return right;
  if (matches_all(right)) return left;
  return Array{"and", std::move(left), std::move(right)};
}

base::Result<Value> filter_of(const std::optional<std::string>& specification,
                              const std::optional<std::string>& where) {
  Value filter;
  if (where) {
    auto parsed = parse_where(*where);
    if (!parsed.ok()) return base::fail(base::Reason::invalid_argument, "--where: " + parsed.error().message);
    filter = std::move(*parsed);
  }
  return specification ? conjunction(specification_is(*specification), std::move(filter)) : filter;
}

base::Result<Value> filter_of_document(const Value& document) {
  const Map* map = document.map();
  if (map == nullptr || document.find("where") == nullptr) return document;
  const Value& where = *document.find("where");
  if (map->size() != 1 || where.string() == nullptr) {
    return base::fail(base::Reason::invalid_argument, "filter: `where` is text and stands alone");
  }
  return parse_where(*where.string());
}

}  // namespace spex::ctl
