#include "dataops/instance_copy.h"

#include <algorithm>
#include <string>

#include "base/hash.h"
#include "protocol/identifier.h"

namespace spex::dataops {
namespace {

using base::Result;
using store::InstanceStore;
using store::NameId;
using store::Record;

constexpr std::size_t kRecordsPerStep = 4'096;

Result<NameId> carry(const InstanceStore& from, NameId name, InstanceStore& to) {
  if (name.value() == 0) return NameId();
  return to.intern(from.name(name));
}

Result<Record> carry(const InstanceStore& from, const Record& record, InstanceStore& to) {
  Record carried = record;
  SPEX_TRY_ASSIGN(carried.action, carry(from, record.action, to));
  SPEX_TRY_ASSIGN(carried.to_state, carry(from, record.to_state, to));
  return carried;
}

void put(std::string& bytes, std::string_view text) {
  bytes += std::to_string(text.size()) + ":";
  bytes += text;
}
void put(std::string& bytes, std::int64_t number) { bytes += std::to_string(number) + ","; }

}  // namespace

Result<WholeInstance> read_instance(InstanceStore& from, const store::Instance& instance) {
  WholeInstance whole{instance, {}, {}};
  SPEX_TRY_ASSIGN(whole.details, from.details(instance.number));
  whole.oldest_first.reserve(instance.transitions_total);
  std::uint32_t before = instance.transitions_total + 1;
  while (before > 1) {
    SPEX_TRY_ASSIGN(const auto page, from.history(instance.number, before, kRecordsPerStep));
    if (page.empty() || page.front().sequence != before - 1) {
      return base::fail(base::Reason::storage_corrupt,
                        "the history of an instance has a gap before record " + std::to_string(before));
    }
    whole.oldest_first.insert(whole.oldest_first.end(), page.begin(), page.end());
    before = page.back().sequence;
  }
  std::reverse(whole.oldest_first.begin(), whole.oldest_first.end());
  return whole;
}

Result<store::InstanceNumber> write_instance(const InstanceStore& from, const WholeInstance& whole, InstanceStore& to) {
  SPEX_TRY_ASSIGN(const auto specification,
                  to.intern_specification(from.specification_name(whole.instance.specification)));
  const store::InstanceDetails& details = whole.details;
  store::InstanceNumber number;
  std::size_t next = 0;
  if (details.base_state.value() == 0 && !whole.oldest_first.empty()) {
    SPEX_TRY_ASSIGN(const Record first, carry(from, whole.oldest_first.front(), to));
    SPEX_TRY_ASSIGN(number, to.create(details.identifier, specification, details.meta, first, nullptr, nullptr));
    next = 1;
  } else {
    SPEX_TRY_ASSIGN(const NameId state, carry(from, details.base_state, to));
    SPEX_TRY_ASSIGN(
        number, to.mock(details.identifier, specification, details.meta, state, details.created_at, nullptr, nullptr));
  }
  for (; next < whole.oldest_first.size(); ++next) {
    SPEX_TRY_ASSIGN(const Record record, carry(from, whole.oldest_first[next], to));
    SPEX_TRY(to.append(number, record, nullptr, nullptr));
  }
  if (whole.instance.timeout_reported) SPEX_TRY(to.mark_timeout_reported(number));
  return number;
}

void Digest::add(const InstanceStore& store, const WholeInstance& whole) {
  std::string bytes;
  put(bytes, whole.details.identifier);
  put(bytes, store.specification_name(whole.instance.specification));
  put(bytes, whole.details.meta);
  put(bytes, whole.details.created_at);
  put(bytes, store.name(whole.details.base_state));
  put(bytes, store.name(whole.instance.current_state));
  put(bytes, whole.instance.last_record_at);
  put(bytes, std::int64_t{whole.instance.timeout_reported});
  for (const Record& record : whole.oldest_first) {
    put(bytes, std::int64_t{record.sequence});
    put(bytes, store.name(record.action));
    put(bytes, store.name(record.to_state));
    put(bytes, record.at);
    put(bytes, record.occurred_at ? std::to_string(*record.occurred_at) : std::string("-"));
  }
  sums_[protocol::slot_of(whole.details.identifier)] += base::hash64(bytes, 0);
  ++instances_;
  records_ += whole.oldest_first.size();
}

}  // namespace spex::dataops
