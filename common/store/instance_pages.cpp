#include "store/instance_pages.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "store/page_checksums.h"

namespace spex::store {
namespace {

using base::Reason;
using base::Result;

constexpr std::uint8_t kTableLeaf = 13;
constexpr std::size_t kLeafHeader = 8;
constexpr std::size_t kLocalLess = 35;  // by so much the largest payload that has no overflow page is less than a page

// SQLite's big-endian numbers; one that failed stays failed and gives zeros.
class PageReader {
 public:
  PageReader(const std::uint8_t* at, const std::uint8_t* end) : at_(at), end_(end) {}
  bool ok() const { return ok_; }
  const std::uint8_t* position() const { return at_; }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (int i = 0; i < 9 && at_ < end_; ++i) {
      const std::uint8_t byte = *at_++;
      if (i == 8) return value << 8 | byte;
      value = value << 7 | (byte & 127U);
      if (byte < 128) return value;
    }
    ok_ = false;
    return 0;
  }
  std::int64_t integer(std::uint64_t type) {
    constexpr std::size_t kSizes[] = {0, 1, 2, 3, 4, 6, 8, 0, 0, 0};
    if (type == 0 || type == 7 || type > 9) ok_ = false;
    if (!ok_ || type >= 8) return ok_ ? static_cast<std::int64_t>(type - 8) : 0;
    const std::uint8_t* const from = take(kSizes[type]);
    if (!from) return 0;
    auto value = static_cast<std::uint64_t>(static_cast<std::int8_t>(from[0]));
    for (std::size_t i = 1; i < kSizes[type]; ++i) value = value << 8 | from[i];
    return static_cast<std::int64_t>(value);
  }
  std::string_view blob(std::uint64_t type) {
    if (type < 12 || type % 2 != 0) ok_ = false;
    const std::size_t size = ok_ ? (type - 12) / 2 : 0;
    const std::uint8_t* const from = take(size);
    return from ? std::string_view(reinterpret_cast<const char*>(from), size) : std::string_view();
  }

 private:
  const std::uint8_t* take(std::size_t size) {
    if (!ok_ || static_cast<std::size_t>(end_ - at_) < size) {
      ok_ = false;
      return nullptr;
    }
    return std::exchange(at_, at_ + size);
  }

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  bool ok_ = true;
};

// The number of a leaf's cell; nothing if there is no such cell.
std::optional<std::uint64_t> number_of_cell(Bytes page, std::size_t usable, std::size_t cell) {
  const std::uint8_t* const pointer = &page[kLeafHeader + 2 * cell];
  const std::size_t at = std::size_t{pointer[0]} << 8 | pointer[1];
  if (at >= usable) return std::nullopt;
  PageReader reader(page.data() + at, page.data() + usable);
  reader.varint();
  const std::uint64_t number = reader.varint();
  return reader.ok() ? std::optional(number) : std::nullopt;
}

std::size_t cells_of(Bytes page) { return std::size_t{page[3]} << 8 | page[4]; }

base::Error unusual() { return base::fail(Reason::storage_corrupt, "a page of instances is not as expected"); }

}  // namespace

std::optional<StoredInstance> stored_instance(const Statement& row) {
  const StoredInstance stored{
      {static_cast<std::uint32_t>(row.integer(0)), as_text(row.bytes(1)), static_cast<std::uint32_t>(row.integer(2)),
       row.integer(3), static_cast<std::uint32_t>(row.integer(4))},
      row.integer(5)};
  const bool fits = row.integer(0) == stored.row.number && row.integer(2) == stored.row.specification &&
                    row.integer(4) == stored.row.base_state;
  return fits ? std::optional(stored) : std::nullopt;
}

InstancePageReader::InstancePageReader(Database& database, Statement first_from)
    : database_(&database),
      first_from_(std::move(first_from)),
      usable_(kInstancePageBytes - (database.has_page_checksums() ? kPageTrailerBytes : 0)) {}

Result<InstancePageReader> InstancePageReader::begin(Database& database) {
  SPEX_TRY_ASSIGN(Statement first_from,
                  Statement::prepare(database, "SELECT number FROM instances WHERE number>=?1 ORDER BY number LIMIT 1",
                                     Reason::storage_scan));
  database.forget_pages();  // what is in memory would not be read
  return InstancePageReader(database, std::move(first_from));
}

Result<bool> InstancePageReader::next(std::uint8_t* page) {
  bool seen = false;
  const auto show = [&](Bytes read) {
    if (read.size() != kInstancePageBytes || read[0] != kTableLeaf) return;
    std::memcpy(page, read.data(), kInstancePageBytes);
    seen = true;
  };
  const ResetAtEnd reset(first_from_);
  first_from_.bind(1, newest_ + 1);
  SPEX_TRY_ASSIGN(const bool found, database_->step_showing_pages(first_from_, show));
  if (!found) return false;
  const Bytes leaf(page, kInstancePageBytes);
  if (!seen || cells_of(leaf) == 0 || kLeafHeader + 2 * cells_of(leaf) > usable_) return unusual();
  const auto first = number_of_cell(leaf, usable_, 0);
  const auto last = number_of_cell(leaf, usable_, cells_of(leaf) - 1);
  if (!first || !last || *first != first_from_.unsigned_integer(0) || *last < *first || *last > 0xffffffff) {
    return unusual();
  }
  newest_ = *last;
  return true;
}

bool InstancePages::take(Bytes page) {
  const std::size_t cells = cells_of(page);
  rows_.clear();
  for (std::size_t i = 0; i < cells; ++i) {
    const std::uint8_t* const pointer = &page[kLeafHeader + 2 * i];
    if (!take_cell(page, std::size_t{pointer[0]} << 8 | pointer[1])) return false;
  }
  return see_(rows_);
}

bool InstancePages::take_cell(Bytes page, std::size_t at) {
  if (at >= usable_) return false;
  const std::uint8_t* const end = page.data() + usable_;
  PageReader cell(page.data() + at, end);
  const std::uint64_t size = cell.varint();
  const std::uint64_t number = cell.varint();
  if (!cell.ok() || number <= newest_ || number > 0xffffffff) return false;
  newest_ = number;
  if (size > usable_ - kLocalLess) {
    apart_.push_back(static_cast<std::uint32_t>(number));
    return true;
  }
  if (size > static_cast<std::size_t>(end - cell.position())) return false;
  return take_record(Bytes(cell.position(), size), static_cast<std::uint32_t>(number));
}

// number, id, spec, created, base_state, meta, checksum
bool InstancePages::take_record(Bytes record, std::uint32_t number) {
  const std::uint8_t* const end = record.data() + record.size();
  PageReader header(record.data(), end);
  const std::uint64_t header_size = header.varint();
  if (!header.ok() || header_size > record.size()) return false;
  std::uint64_t types[7];
  for (std::uint64_t& type : types) type = header.varint();
  if (!header.ok() || header.position() != record.data() + header_size || types[0] != 0) return false;
  PageReader body(header.position(), end);
  StoredInstance& seen = rows_.emplace_back();
  seen.row.number = number;
  seen.row.identifier = body.blob(types[1]);
  const std::int64_t specification = body.integer(types[2]);
  seen.row.created = body.integer(types[3]);
  const std::int64_t base_state = body.integer(types[4]);
  body.blob(types[5]);
  seen.checksum = body.integer(types[6]);
  seen.row.specification = static_cast<std::uint32_t>(specification);
  seen.row.base_state = static_cast<std::uint32_t>(base_state);
  return body.ok() && body.position() == end && specification == seen.row.specification &&
         base_state == seen.row.base_state;
}

bool InstancePages::see_apart(Database& database) const {
  if (apart_.empty()) return true;
  auto row = Statement::prepare(database, kInstanceRows + std::string(" WHERE number=?1"));
  if (!row) return false;
  return std::all_of(apart_.begin(), apart_.end(), [&](std::uint32_t number) {
    const ResetAtEnd reset(*row);
    const auto found = row->bind(1, number).step();
    const auto stored = found && *found ? stored_instance(*row) : std::nullopt;
    return stored && see_({&*stored, 1});
  });
}

}  // namespace spex::store
