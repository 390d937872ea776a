// Directories of `.spex` and `.spec` files: read all that are good, list what
// is wrong with the others. One bad file does not stop the rest; two files for
// one specification are both refused, by name. Writes replace files atomically.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "conformance/model_text.h"
#include "conformance/specification.h"
#include "conformance/text_problem.h"

namespace spex::conformance {

// Larger files are refused unread.
inline constexpr std::size_t kTextFileBytesMax = 256u << 20;

struct ModelFile {
  std::string path;
  std::string content_hash;  // changes when a byte of the file does
  ModelText model;
};
struct SpecificationFile {
  std::string path;
  std::string content_hash;
  std::string text;
  Specification specification;
};

template <typename File>
struct Directory {
  std::vector<File> files;  // by path
  std::vector<TextProblem> problems;
};

// Files of other endings are ignored, and a directory that does not exist is
// empty; one that cannot be read is a problem of its own.
Directory<ModelFile> load_models(const std::string& directory);
Directory<SpecificationFile> load_specifications(const std::string& directory);

// One file; errors as in the readers, and storage_io if it cannot be read.
base::Result<ModelFile> load_model(const std::string& path);
base::Result<SpecificationFile> load_specification(const std::string& path);

std::string content_hash(std::string_view bytes);
base::Result<std::string> read_file(const std::string& path, std::size_t bytes_max = kTextFileBytesMax);
// Temporary file beside it, fsync, rename, fsync of the directory (which is
// created if absent). A reader sees the old or the new content, never a part.
base::Result<void> write_file_atomically(const std::string& path, std::string_view content);

}  // namespace spex::conformance
