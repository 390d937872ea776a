#include "dataops/salvage.h"

#include <set>

#include "store/archive_record.h"
#include "store/instance_row.h"
#include "store/log_end.h"
#include "store/memory.h"
#include "store/record.h"

namespace spex::dataops {
namespace {

using base::Result;
using store::as_bytes;

std::int64_t integer_at(const Row& row, std::size_t column) {
  const auto* value = column < row.columns.size() ? std::get_if<std::int64_t>(&row.columns[column]) : nullptr;
  return value == nullptr ? -1 : *value;
}
const std::string* bytes(const Row& row, std::size_t column) {
  return column < row.columns.size() ? std::get_if<std::string>(&row.columns[column]) : nullptr;
}

bool is_log_row(const Row& row) {
  const std::string* body = bytes(row, 1);
  return row.columns.size() == 2 && body &&
         store::RowReader(static_cast<std::uint64_t>(row.rowid), as_bytes(*body)).is_sound();
}

bool is_snapshot(const Row& row) {
  const std::string* body = bytes(row, 2);
  if (row.columns.size() != 3 || !body || body->size() < 4) return false;
  const auto seed =
      store::chunk_seed(store::ChunkId::of_row(row.rowid), static_cast<std::uint64_t>(integer_at(row, 1)));
  return store::get_word<std::uint32_t>(as_bytes(*body).data()) == store::checksum32(as_bytes(*body).subspan(4), seed);
}

bool is_event(const Row& row) {
  const std::string* body = bytes(row, 4);
  return row.columns.size() == 5 && body &&
         store::checksum32(as_bytes(*body), static_cast<std::uint64_t>(row.rowid ^ integer_at(row, 1))) ==
             static_cast<std::uint64_t>(integer_at(row, 3));
}

bool is_instance(const Row& row) {
  const std::string* id = bytes(row, 1);
  if (row.columns.size() != 7 || !id || !bytes(row, 5) || row.rowid < 1) return false;
  const store::InstanceRow instance{static_cast<std::uint32_t>(row.rowid), *id,
                                    static_cast<std::uint32_t>(integer_at(row, 2)), integer_at(row, 3),
                                    static_cast<std::uint32_t>(integer_at(row, 4))};
  return store::instance_checksum(instance, *bytes(row, 5)) == integer_at(row, 6);
}

bool is_archived(const Row& row) {
  const std::string* body = bytes(row, 2);
  return row.columns.size() == 3 && body && integer_at(row, 0) > 0 && integer_at(row, 1) > 0 &&
         store::decode_archive_body(static_cast<std::uint32_t>(integer_at(row, 0)),
                                    static_cast<std::uint32_t>(integer_at(row, 1)), as_bytes(*body));
}

// The table of a row of a page that no table leads to; empty: nobody can tell.
std::string table_of(const Row& row) {
  if (is_log_row(row)) return "log";
  if (is_snapshot(row)) return "snapshot";
  if (is_event(row)) return "events";
  if (is_instance(row)) return "instances";
  return "";
}

class Salvage {
 public:
  Salvage(const PageFile& file, SalvagedShard& shard) : file_(file), shard_(shard) {}

  void run(const std::map<std::string, std::uint32_t>& roots) {
    shard_.pages = file_.pages();
    std::map<std::string, std::uint32_t> own = roots_in(file_);
    for (const auto& [table, root] : roots) own.emplace(table, root);
    seen_.insert(1);
    for (const auto& [table, root] : own) follow(table, root);
    const auto free = file_.free_pages();
    seen_.insert(free.begin(), free.end());
    for (std::uint32_t number = 1; number <= file_.pages(); ++number) {
      if (seen_.contains(number)) continue;
      if (const auto page = file_.read(number)) take_stray(*page);
    }
  }

  static std::map<std::string, std::uint32_t> roots_in(const PageFile& file) {
    std::map<std::string, std::uint32_t> roots;
    const auto page = file.read(1);
    if (!page || !page->is_sound) return roots;
    for (const Row& row : page->rows) {
      const std::string* name = bytes(row, 1);
      if (name && integer_at(row, 3) > 1) roots[*name] = static_cast<std::uint32_t>(integer_at(row, 3));
    }
    return roots;
  }

 private:
  void follow(const std::string& table, std::uint32_t root) {
    std::vector<std::uint32_t> open{root};
    while (!open.empty()) {
      const std::uint32_t number = open.back();
      open.pop_back();
      if (!seen_.insert(number).second) continue;
      const auto page = file_.read(number);
      if (!page || !page->is_sound) ++shard_.damaged_pages[table];
      if (!page) continue;
      if (!page->is_sound) {
        take_stray(*page);
        continue;  // what it leads to may be anything
      }
      for (const Row& row : page->rows) take(table, page->is_index, row);
      open.insert(open.end(), page->children.begin(), page->children.end());
    }
  }

  void take(const std::string& table, bool index, const Row& row) {
    if (table == "archive") {
      if (is_archived(row)) shard_.archive[{integer_at(row, 0), integer_at(row, 1)}] = *bytes(row, 2);
    } else if (index) {
      shard_.index_tables[table].push_back(row);
    } else {
      shard_.tables[table].emplace(row.rowid, row);
    }
  }

  // What a table leads to is never replaced: stray pages may be old.
  void take_stray(const Page& page) {
    for (const Row& row : page.rows) {
      if (page.is_index) {
        if (is_archived(row)) shard_.archive.emplace(std::pair(integer_at(row, 0), integer_at(row, 1)), *bytes(row, 2));
      } else if (const std::string table = table_of(row); !table.empty()) {
        shard_.tables[table].emplace(row.rowid, row);
      }
    }
  }

  const PageFile& file_;
  SalvagedShard& shard_;
  std::set<std::uint32_t> seen_;
};

}  // namespace

const SalvagedShard::Rows& SalvagedShard::table(const std::string& name) const {
  static const Rows kNone;
  const auto found = tables.find(name);
  return found == tables.end() ? kNone : found->second;
}

const std::vector<Row>& SalvagedShard::index_table(const std::string& name) const {
  static const std::vector<Row> kNone;
  const auto found = index_tables.find(name);
  return found == index_tables.end() ? kNone : found->second;
}

std::int64_t integer(const Row& row, std::size_t column) {
  const auto* value = column < row.columns.size() ? std::get_if<std::int64_t>(&row.columns[column]) : nullptr;
  return value == nullptr ? 0 : *value;
}
std::string text(const Row& row, std::size_t column) {
  const auto* value = column < row.columns.size() ? std::get_if<std::string>(&row.columns[column]) : nullptr;
  return value == nullptr ? "" : *value;
}

Result<SalvagedShard> salvage(const std::string& path, const std::map<std::string, std::uint32_t>& roots) {
  SPEX_TRY_ASSIGN(const PageFile file, PageFile::open(path));
  SalvagedShard shard;
  SPEX_TRY_ASSIGN(store::LogEnd log, store::find_log_end(path));
  shard.cut_log = std::move(log.damage);
  Salvage(file, shard).run(roots);
  return shard;
}

Result<std::map<std::string, std::uint32_t>> table_roots(const std::string& path) {
  SPEX_TRY_ASSIGN(const PageFile file, PageFile::open(path));
  return Salvage::roots_in(file);
}

}  // namespace spex::dataops
