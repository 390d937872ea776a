// ByteSource: the bytes of a file, of standard input, or of a `.gz` of either.
//
// zlib's one door. Reads in large pieces and holds nothing but its buffer, so a
// file of gigabytes costs no memory; the readers of `.aut` and DOT sit on it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spex::lts {

class ByteSource {
 public:
  // The file at `path`; `-` is standard input. Compressed contents are recognised by themselves.
  static base::Result<ByteSource> open(const std::string& path);
  // A text in memory, which must outlive the source.
  static ByteSource of_text(std::string_view text, std::string name);

  ByteSource(ByteSource&& other) noexcept;
  ByteSource& operator=(ByteSource&&) = delete;
  ~ByteSource();

  // Fills `buffer` as far as there are bytes; 0 at the end.
  base::Result<std::size_t> read(char* buffer, std::size_t size);
  // The next `size` bytes, fewer at the end, without taking them; valid until the next call.
  base::Result<std::string_view> peek(std::size_t size);
  // For messages.
  const std::string& name() const { return name_; }

 private:
  explicit ByteSource(std::string name) : name_(std::move(name)) {}

  base::Result<std::size_t> read_on(char* buffer, std::size_t size);

  std::string name_;
  std::string ahead_;     // peeked at and not yet taken
  void* file_ = nullptr;  // gzFile
  std::string_view text_;
};

// All bytes, or too_large beyond `bytes_max`.
base::Result<std::string> read_all(ByteSource& source, std::size_t bytes_max);

}  // namespace spex::lts
