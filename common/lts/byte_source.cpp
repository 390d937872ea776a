#include "lts/byte_source.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace spex::lts {
namespace {

constexpr unsigned kZlibBufferBytes = 1U << 17U;
constexpr std::size_t kReadBytesMax = 1U << 30U;  // gzread counts in int

base::Error read_failure(const std::string& name, gzFile file) {
  int code = Z_OK;
  const char* text = gzerror(file, &code);
  if (code == Z_ERRNO) return base::system_error("read " + name, errno);
  return base::fail(base::Reason::malformed, "read " + name + ": " + (code == Z_BUF_ERROR ? "ends too early" : text));
}

}  // namespace

base::Result<ByteSource> ByteSource::open(const std::string& path) {
  ByteSource source(path == "-" ? "standard input" : path);
  const int fd = path == "-" ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return base::system_error("open " + source.name_, errno, base::Reason::storage_open);
  gzFile file = gzdopen(fd, "rb");
  if (file == nullptr) {
    ::close(fd);
    return base::fail(base::Reason::storage_open, "open " + source.name_ + ": not enough memory");
  }
  gzbuffer(file, kZlibBufferBytes);
  source.file_ = file;
  return base::Result<ByteSource>(std::move(source));
}

ByteSource ByteSource::of_text(std::string_view text, std::string name) {
  ByteSource source(std::move(name));
  source.text_ = text;
  return source;
}

ByteSource::ByteSource(ByteSource&& other) noexcept
    : name_(std::move(other.name_)),
      ahead_(std::move(other.ahead_)),
      file_(std::exchange(other.file_, nullptr)),
      text_(other.text_) {}

ByteSource::~ByteSource() {
  if (file_ != nullptr) gzclose(static_cast<gzFile>(file_));
}

base::Result<std::size_t> ByteSource::read(char* buffer, std::size_t size) {
  if (ahead_.empty()) return read_on(buffer, size);
  const std::size_t count = std::min(size, ahead_.size());
  std::memcpy(buffer, ahead_.data(), count);
  ahead_.erase(0, count);
  return count;
}

base::Result<std::string_view> ByteSource::peek(std::size_t size) {
  while (ahead_.size() < size) {
    const std::size_t have = ahead_.size();
    ahead_.resize(size);
    auto count = read_on(ahead_.data() + have, size - have);
    ahead_.resize(have + (count.ok() ? *count : 0));
    if (!count) return count.error();
    if (*count == 0) break;
  }
  return std::string_view(ahead_);
}

base::Result<std::size_t> ByteSource::read_on(char* buffer, std::size_t size) {
  size = std::min(size, kReadBytesMax);
  if (file_ == nullptr) {
    const std::size_t count = text_.copy(buffer, size);
    text_.remove_prefix(count);
    return count;
  }
  gzFile file = static_cast<gzFile>(file_);
  const int count = gzread(file, buffer, static_cast<unsigned>(size));
  if (count < 0) return read_failure(name_, file);
  if (static_cast<std::size_t>(count) < size) {
    int code = Z_OK;
    gzerror(file, &code);
    if (code != Z_OK && code != Z_STREAM_END) return read_failure(name_, file);  // a cut-off .gz
  }
  return static_cast<std::size_t>(count);
}

base::Result<std::string> read_all(ByteSource& source, std::size_t bytes_max) {
  std::string text;
  while (true) {
    const std::size_t have = text.size();
    if (have > bytes_max) {
      return base::fail(base::Reason::too_large,
                        "read " + source.name() + ": more than " + std::to_string(bytes_max) + " bytes");
    }
    text.resize(std::max<std::size_t>(have * 2, 1U << 16U));
    SPEX_TRY_ASSIGN(const std::size_t count, source.read(text.data() + have, text.size() - have));
    text.resize(have + count);
    if (count == 0) return text;
  }
}

}  // namespace spex::lts
