#include "conformance/model_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>

#include "base/hash.h"
#include "base/unique_fd.h"
#include "conformance/specification_text.h"

namespace spex::conformance {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using base::UniqueFd;

std::string file_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// Paths of the entries with this ending, sorted; a missing directory has none.
Result<std::vector<std::string>> list(const std::string& directory, std::string_view ending) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
  std::vector<std::string> paths;
  if (!stream) {
    if (errno == ENOENT) return paths;
    return base::system_error("read directory " + directory, errno);
  }
  errno = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    // A hidden file is nobody's model; specification names do not begin with a dot.
    if (name.ends_with(ending) && !name.starts_with('.')) paths.push_back(directory + "/" + std::string(name));
    errno = 0;
  }
  if (errno != 0) return base::system_error("read directory " + directory, errno);
  std::sort(paths.begin(), paths.end());
  return paths;
}

const std::string& specification_of(const ModelFile& file) { return file.model.specification; }
const std::string& specification_of(const SpecificationFile& file) { return file.specification.name(); }

template <typename File>
void refuse_doubles(Directory<File>& directory) {
  std::map<std::string, std::vector<std::size_t>> by_name;
  for (std::size_t i = 0; i < directory.files.size(); ++i) {
    by_name[specification_of(directory.files[i])].push_back(i);
  }
  std::vector<bool> refused(directory.files.size());
  for (const auto& [name, indices] : by_name) {
    if (indices.size() == 1) continue;
    std::string names;
    for (const std::size_t i : indices) names += (names.empty() ? "" : ", ") + file_name(directory.files[i].path);
    for (const std::size_t i : indices) {
      refused[i] = true;
      directory.problems.push_back(
          {directory.files[i].path, 1, "several files for specification '" + name + "', all refused: " + names});
    }
  }
  std::size_t index = 0;
  std::erase_if(directory.files, [&](const File&) { return refused[index++]; });
}

template <typename File, typename Load>
Directory<File> load_directory(const std::string& path, std::string_view ending, Load load) {
  Directory<File> directory;
  auto paths = list(path, ending);
  if (!paths) {
    directory.problems.push_back({path, 0, paths.error().message});
    return directory;
  }
  for (const std::string& file_path : *paths) {
    auto file = load(file_path);
    if (file) {
      directory.files.push_back(std::move(file).value());
    } else {
      directory.problems.push_back(problem_of(file.error(), file_path));
    }
  }
  refuse_doubles(directory);
  return directory;
}

Result<void> write_all(int fd, std::string_view content, const std::string& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return base::system_error("write " + path, errno);
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> write_durably(const std::string& path, std::string_view content) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) return base::system_error("create " + path, errno);
  SPEX_TRY(write_all(fd.get(), content, path));
  if (::fsync(fd.get()) != 0) return base::system_error("fsync " + path, errno);
  return {};
}

Result<void> sync_directory(const std::string& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || ::fsync(fd.get()) != 0) return base::system_error("fsync directory " + directory, errno);
  return {};
}

}  // namespace

Directory<ModelFile> load_models(const std::string& directory) {
  return load_directory<ModelFile>(directory, ".spex", load_model);
}

Directory<SpecificationFile> load_specifications(const std::string& directory) {
  return load_directory<SpecificationFile>(directory, ".spec", load_specification);
}

Result<ModelFile> load_model(const std::string& path) {
  SPEX_TRY_ASSIGN(const std::string text, read_file(path));
  SPEX_TRY_ASSIGN(ModelText model, read_model_text(text, path));
  return ModelFile{path, content_hash(text), std::move(model)};
}

Result<SpecificationFile> load_specification(const std::string& path) {
  SPEX_TRY_ASSIGN(std::string text, read_file(path));
  SPEX_TRY_ASSIGN(Specification specification, read_specification_text(text, path));
  std::string hash = content_hash(text);
  return SpecificationFile{path, std::move(hash), std::move(text), std::move(specification)};
}

std::string content_hash(std::string_view bytes) {
  // Two seeds make 128 bits: a changed file is never taken for the old one by accident.
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx", static_cast<unsigned long long>(base::hash64(bytes, 0)),
                static_cast<unsigned long long>(base::hash64(bytes, 1)));
  return text.data();
}

Result<std::string> read_file(const std::string& path, std::size_t bytes_max) {
  // Non-blocking, so that a FIFO of that name does not hold us up.
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return base::system_error("open " + path, errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return base::system_error("stat " + path, errno);
  if (!S_ISREG(status.st_mode)) return fail(Reason::storage_io, "read " + path + ": not a regular file");
  const auto size = static_cast<std::size_t>(status.st_size);
  std::string content;
  content.reserve(std::min(size, bytes_max) + 1);
  std::array<char, 65536> chunk{};
  while (content.size() <= bytes_max) {
    const ssize_t count = ::read(fd.get(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return base::system_error("read " + path, errno);
    if (count == 0) return content;
    content.append(chunk.data(), static_cast<std::size_t>(count));
  }
  return fail(Reason::too_large, "read " + path + ": larger than " + std::to_string(bytes_max) + " bytes");
}

Result<void> write_file_atomically(const std::string& path, std::string_view content) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash);
  if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) {
    return base::system_error("create directory " + directory, errno);
  }
  // Several shards may write the same file at once; each has its own temporary one.
  const std::string temporary = path + ".tmp-" + std::to_string(::getpid());
  if (auto written = write_durably(temporary, content); !written) {
    ::unlink(temporary.c_str());
    return written;
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    const int number = errno;
    ::unlink(temporary.c_str());
    return base::system_error("rename " + temporary + " to " + path, number);
  }
  return sync_directory(directory);
}

}  // namespace spex::conformance
