#include "dataops/page_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/hash.h"
#include "store/page_checksums.h"
#include "store/varint.h"

namespace spex::dataops {
namespace {

using base::Result;
using Buffer = std::vector<std::uint8_t>;

constexpr std::size_t kPage = 4'096;
constexpr std::size_t kFileHeader = 100;
constexpr std::size_t kWalHeader = 32;
constexpr std::size_t kFrameHeader = 24;
constexpr std::size_t kCellsMax = kPage / 4;
constexpr std::uint64_t kPayloadMax = 8u << 20;
constexpr std::uint32_t kFreeListMax = 1u << 28;

// The checksum that the store puts at the end of each page; told here once more, so that it is judged by another.
bool is_sound_page(const Buffer& page, std::uint32_t number) {
  constexpr std::size_t kContent = kPage - store::kPageTrailerBytes;
  return store::get_word<std::uint64_t>(&page[kContent]) ==
         base::hash64(store::as_text(store::Bytes(page).first(kContent)), number - 1);
}

std::uint32_t word(const std::uint8_t* at) {
  return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 | at[3];
}
std::size_t half(const std::uint8_t* at) { return static_cast<std::size_t>(at[0] << 8 | at[1]); }

bool read_at(int fd, std::uint64_t offset, std::uint8_t* to, std::size_t size) {
  return ::pread(fd, to, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

// SQLite's numbers of one to nine bytes. False past the end.
bool take_varint(const std::uint8_t* bytes, std::size_t size, std::size_t& at, std::uint64_t& value) {
  value = 0;
  for (int i = 0; i < 9; ++i) {
    if (at >= size) return false;
    const std::uint8_t byte = bytes[at++];
    if (i == 8) {
      value = value << 8 | byte;
      return true;
    }
    value = value << 7 | (byte & 0x7f);
    if (!(byte & 0x80)) return true;
  }
  return true;
}

// One column of a record; false if it does not fit or is of a type that no table of ours has.
bool take_column(const std::string& record, std::uint64_t type, std::size_t& at, Column& column) {
  if (type == 0) return true;
  if (type == 8 || type == 9) {
    column = static_cast<std::int64_t>(type - 8);
    return true;
  }
  if (type >= 12) {
    const std::uint64_t size = (type - 12) / 2;
    if (size > record.size() - at) return false;
    column = record.substr(at, size);
    at += size;
    return true;
  }
  constexpr std::size_t kSizes[] = {0, 1, 2, 3, 4, 6, 8};
  if (type > 6 || kSizes[type] > record.size() - at) return false;
  std::int64_t value = static_cast<std::int8_t>(record[at]);
  for (std::size_t i = 1; i < kSizes[type]; ++i) {
    value =
        static_cast<std::int64_t>(static_cast<std::uint64_t>(value) << 8 | static_cast<std::uint8_t>(record[at + i]));
  }
  at += kSizes[type];
  column = value;
  return true;
}

bool parse_record(const std::string& record, std::vector<Column>& columns) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(record.data());
  std::size_t header_at = 0;
  std::uint64_t header = 0;
  if (!take_varint(bytes, record.size(), header_at, header) || header > record.size()) return false;
  std::size_t body_at = header;
  while (header_at < header) {
    std::uint64_t type = 0;
    if (!take_varint(bytes, header, header_at, type) || columns.size() > 16) return false;
    columns.emplace_back();
    if (!take_column(record, type, body_at, columns.back())) return false;
  }
  return body_at == record.size();
}

struct WalSum {
  std::uint32_t a = 0, b = 0;
  void add(const std::uint8_t* bytes, std::size_t size, bool big_endian) {
    for (std::size_t i = 0; i + 8 <= size; i += 8) {
      const auto at = [&](std::size_t offset) {
        const std::uint32_t value = word(bytes + i + offset);
        return big_endian ? value : __builtin_bswap32(value);
      };
      a += at(0) + b;
      b += at(4) + a;
    }
  }
};

}  // namespace

Result<PageFile> PageFile::open(const std::string& path) {
  base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!fd || ::fstat(fd.get(), &status) != 0)
    return base::system_error("open " + path, errno, base::Reason::storage_open);
  PageFile file(std::move(fd));
  file.pages_ = static_cast<std::uint32_t>((static_cast<std::uint64_t>(status.st_size) + kPage - 1) / kPage);
  file.read_wal(path + "-wal");
  // Page 1 may be what is damaged: some sound page among the first ones tells as well.
  for (std::uint32_t page = 1; page <= std::min(file.pages_, 64u) && !file.has_checksums_; ++page) {
    Buffer bytes(kPage);
    file.has_checksums_ =
        read_at(file.file_.get(), std::uint64_t{page - 1} * kPage, bytes.data(), kPage) && is_sound_page(bytes, page);
  }
  file.usable_ = kPage - (file.has_checksums_ ? store::kPageTrailerBytes : 0);
  return file;
}

// Frames up to the last commit whose chain of checksums holds.
void PageFile::read_wal(const std::string& path) {
  wal_ = base::UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::uint8_t header[kWalHeader];
  if (!wal_ || !read_at(wal_.get(), 0, header, kWalHeader) || (word(header) & ~1u) != 0x377f0682 ||
      word(header + 8) != kPage)
    return;
  const bool big_endian = word(header) & 1;
  WalSum sum;
  sum.add(header, 24, big_endian);
  if (sum.a != word(header + 24) || sum.b != word(header + 28)) return;
  std::unordered_map<std::uint32_t, std::uint64_t> open;
  Buffer frame(kFrameHeader + kPage);
  for (std::uint64_t at = kWalHeader; read_at(wal_.get(), at, frame.data(), frame.size()); at += frame.size()) {
    const std::uint8_t* f = frame.data();
    if (word(f + 8) != word(header + 16) || word(f + 12) != word(header + 20)) return;
    sum.add(f, 8, big_endian);
    sum.add(f + kFrameHeader, kPage, big_endian);
    if (sum.a != word(f + 16) || sum.b != word(f + 20)) return;
    open[word(f)] = at + kFrameHeader;
    if (const std::uint32_t pages = word(f + 4); pages != 0) {
      for (const auto& [page, offset] : open) in_wal_[page] = offset;
      open.clear();
      pages_ = std::max(pages_, pages);
    }
  }
}

std::optional<Buffer> PageFile::bytes_of(std::uint32_t number, bool& sound) const {
  sound = true;
  if (number < 1 || number > pages_) return std::nullopt;
  Buffer bytes(kPage);
  if (const auto found = in_wal_.find(number); found != in_wal_.end()) {
    if (!read_at(wal_.get(), found->second, bytes.data(), kPage)) return std::nullopt;
    return bytes;
  }
  if (!read_at(file_.get(), std::uint64_t{number - 1} * kPage, bytes.data(), kPage)) return std::nullopt;
  sound = !has_checksums_ || is_sound_page(bytes, number);
  return bytes;
}

std::optional<Page> PageFile::read(std::uint32_t number) const {
  bool sound = false;
  auto bytes = bytes_of(number, sound);
  if (!bytes) return std::nullopt;
  Page page{number, sound, std::move(*bytes), false, false, {}, {}};
  const std::size_t at = number == 1 ? kFileHeader : 0;
  const std::uint8_t type = page.bytes[at];
  if (type != 2 && type != 5 && type != 10 && type != 13) return std::nullopt;
  page.is_leaf = type == 10 || type == 13;
  page.is_index = type == 2 || type == 10;
  const std::size_t cells = half(&page.bytes[at + 3]);
  const std::size_t first = at + (page.is_leaf ? 8 : 12);
  if (cells > kCellsMax || first + 2 * cells > usable_) return std::nullopt;
  for (std::size_t i = 0; i < cells; ++i) {
    if (!take_cell(page, half(&page.bytes[first + 2 * i])) && page.is_index == false && !page.is_leaf)
      return std::nullopt;
  }
  if (!page.is_leaf) page.children.push_back(word(&page.bytes[at + 8]));
  return page;
}

// False if the cell is damaged; its row is left out then.
bool PageFile::take_cell(Page& page, std::size_t at) const {
  if (!page.is_leaf) {
    if (at + 4 > usable_) return false;
    page.children.push_back(word(&page.bytes[at]));
    at += 4;
    if (!page.is_index) return true;
  }
  std::uint64_t size = 0;
  std::uint64_t rowid = 0;
  if (!take_varint(page.bytes.data(), usable_, at, size) || size > kPayloadMax) return false;
  if (!page.is_index && !take_varint(page.bytes.data(), usable_, at, rowid)) return false;
  const auto record = payload(page.bytes, at, size, page.is_index);
  Row row;
  row.rowid = static_cast<std::int64_t>(rowid);
  if (!record || !parse_record(*record, row.columns)) return false;
  page.rows.push_back(std::move(row));
  return true;
}

std::optional<std::string> PageFile::payload(const Buffer& page, std::size_t at, std::uint64_t size, bool index) const {
  const std::uint64_t most = index ? (usable_ - 12) * 64 / 255 - 23 : usable_ - 35;
  const std::uint64_t least = (usable_ - 12) * 32 / 255 - 23;
  std::uint64_t local = size;
  if (size > most) {
    const std::uint64_t fitting = least + (size - least) % (usable_ - 4);
    local = fitting <= most ? fitting : least;
  }
  if (at + local + (local < size ? 4 : 0) > usable_) return std::nullopt;
  std::string bytes(reinterpret_cast<const char*>(&page[at]), local);
  std::uint32_t next = local < size ? word(&page[at + local]) : 0;
  while (bytes.size() < size) {  // each turn adds something
    bool sound = false;
    const auto overflow = bytes_of(next, sound);
    if (!overflow || !sound) return std::nullopt;
    const std::size_t part = std::min<std::size_t>(size - bytes.size(), usable_ - 4);
    bytes.append(reinterpret_cast<const char*>(&(*overflow)[4]), part);
    next = word(overflow->data());
  }
  return bytes;
}

std::vector<std::uint32_t> PageFile::free_pages() const {
  std::vector<std::uint32_t> free;
  bool sound = false;
  const auto first = bytes_of(1, sound);
  std::uint32_t trunk = first && sound ? word(&(*first)[32]) : 0;
  while (trunk != 0 && free.size() < kFreeListMax && free.size() <= pages_) {
    const auto bytes = bytes_of(trunk, sound);
    if (!bytes || !sound) break;
    free.push_back(trunk);
    const std::uint32_t leaves = std::min<std::uint32_t>(word(&(*bytes)[4]), kPage / 4 - 2);
    for (std::uint32_t i = 0; i < leaves; ++i) free.push_back(word(&(*bytes)[8 + 4 * i]));
    trunk = word(bytes->data());
  }
  return free;
}

}  // namespace spex::dataops
