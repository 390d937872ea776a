// PageFile: the pages of an SQLite file read one by one, without SQLite, so that a
// damaged one hides no other; and the rows in a page's cells. What is committed in the
// write-ahead log counts. Format: https://www.sqlite.org/fileformat2.html.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "store/sqlite.h"

namespace spex::dataops {

using Column = std::variant<std::monostate, std::int64_t, std::string>;  // NULL, integer, blob or text

struct Row {
  std::int64_t rowid = 0;  // of a table with rowids
  std::vector<Column> columns;
};

struct Page {
  std::uint32_t number = 0;
  bool is_sound = true;  // by its checksum, if the file has them; else only rows with checksums of their own count
  std::vector<std::uint8_t> bytes;
  bool is_leaf = false;
  bool is_index = false;  // a table without rowids: its rows are in all pages
  std::vector<std::uint32_t> children;
  std::vector<Row> rows;
};

class PageFile {
 public:
  static base::Result<PageFile> open(const std::string& path);
  std::uint32_t pages() const { return pages_; }
  // Nothing if the page is not there, or is not one of a table.
  std::optional<Page> read(std::uint32_t number) const;
  // The numbers of unused pages, as far as their list can be followed.
  std::vector<std::uint32_t> free_pages() const;

 private:
  explicit PageFile(base::UniqueFd file) : file_(std::move(file)) {}
  void read_wal(const std::string& path);
  std::optional<std::vector<std::uint8_t>> bytes_of(std::uint32_t number, bool& sound) const;
  bool take_cell(Page& page, std::size_t at) const;
  std::optional<std::string> payload(const std::vector<std::uint8_t>& page, std::size_t at, std::uint64_t size,
                                     bool index) const;

  base::UniqueFd file_;
  base::UniqueFd wal_;
  std::unordered_map<std::uint32_t, std::uint64_t> in_wal_;  // page → where its newest committed bytes are
  std::uint32_t pages_ = 0;
  std::size_t usable_ = 0;  // bytes of a page that SQLite uses
  bool has_checksums_ = false;
};

}  // namespace spex::dataops
