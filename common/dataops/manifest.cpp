#include "dataops/manifest.h"

#include <algorithm>
#include <ctime>

#include "dataops/data_directory.h"
#include "protocol/json.h"
#include "protocol/value.h"

namespace spex::dataops {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using protocol::Array;
using protocol::Map;
using protocol::Value;

constexpr std::int64_t kFormat = 1;
constexpr std::size_t kManifestBytesMax = 16u << 20;

Value document_of(const ManifestFile& file) {
  Map map{{"name", file.name}, {"bytes", file.facts.bytes}, {"sha256", file.facts.sha256}};
  if (const ShardFacts& shard = file.shard; shard.shard != 0) {
    const Map facts = document_of(shard);
    map.insert(map.end(), facts.begin(), facts.end());
  }
  return map;
}

std::uint64_t number(const Value& value, std::string_view key) {
  const Value* member = value.find(key);
  const std::int64_t* integer = member == nullptr ? nullptr : member->integer();
  return integer == nullptr || *integer < 0 ? 0 : static_cast<std::uint64_t>(*integer);
}

std::string text(const Value& value, std::string_view key) {
  const Value* member = value.find(key);
  const std::string* string = member == nullptr ? nullptr : member->string();
  return string == nullptr ? std::string() : *string;
}

ManifestFile file_of(const Value& document) {
  ManifestFile file;
  file.name = text(document, "name");
  file.facts = {number(document, "bytes"), text(document, "sha256")};
  ShardFacts& shard = file.shard;
  shard.shard = static_cast<std::uint32_t>(number(document, "shard"));
  shard.bytes = file.facts.bytes;
  shard.schema = static_cast<std::int64_t>(number(document, "schema"));
  shard.instances = number(document, "instances");
  shard.records = number(document, "records");
  shard.archived_records = number(document, "archived_records");
  shard.keys = number(document, "request_keys");
  shard.models = number(document, "models");
  shard.events_first = number(document, "events_first");
  shard.events_last = number(document, "events_last");
  return file;
}

// Every shard of the layout is there once, and nothing that leads out of the directory.
bool is_complete(const Manifest& manifest) {
  std::vector<std::string> expected{"cluster"};
  for (std::uint32_t shard = 1; shard <= manifest.layout.distribution_factor; ++shard) {
    expected.push_back(DataDirectory::shard_file("", shard).substr(1));
  }
  std::vector<std::string> names;
  for (const ManifestFile& file : manifest.files) {
    if (!DataDirectory::is_path_of_decision(file.name)) names.push_back(file.name);
  }
  std::sort(expected.begin(), expected.end());
  std::sort(names.begin(), names.end());
  return names == expected;
}

}  // namespace

std::string utc_text(base::Timestamp time) {
  const std::time_t seconds = time / 1'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  char buffer[32];
  return std::string(buffer, std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%SZ", &parts));
}

base::Timestamp parse_utc(const std::string& text) {
  std::tm parts{};
  const char* const end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return end != nullptr && *end == 0 ? base::Timestamp{::timegm(&parts)} * 1'000'000 : 0;
}

std::string manifest_text(const Manifest& manifest) {
  Array files;
  for (const ManifestFile& file : manifest.files) files.push_back(document_of(file));
  Array slots;
  for (const std::uint16_t shard : manifest.layout.shard_of_slot) slots.push_back(std::uint32_t{shard});
  const Map document{{"spexd_backup", kFormat},
                     {"version", SPEX_VERSION},
                     {"created_at", utc_text(manifest.created_at)},
                     {"cluster_id", manifest.layout.cluster_id},
                     {"distribution_factor", manifest.layout.distribution_factor},
                     {"files", std::move(files)},
                     {"slots", std::move(slots)}};
  return protocol::to_json(document) + "\n";
}

Result<void> write_manifest(const std::string& directory, const Manifest& manifest) {
  return write_file(DataDirectory::manifest_file(directory), manifest_text(manifest));
}

Result<Manifest> read_manifest(const std::string& directory) {
  const std::string path = DataDirectory::manifest_file(directory);
  SPEX_TRY_ASSIGN(const std::string content, read_file(path, kManifestBytesMax));
  const auto document = protocol::parse_json(content);
  if (!document) return fail(Reason::storage_corrupt, "read " + path + ": " + document.error().message);
  if (number(*document, "spexd_backup") != kFormat) {
    return fail(Reason::storage_corrupt, "read " + path + ": this is not the manifest of a backup of format 1");
  }
  Manifest manifest;
  manifest.created_at = parse_utc(text(*document, "created_at"));
  SPEX_TRY_ASSIGN(manifest.layout, config::load_layout(directory));
  const Value* files = document->find("files");
  if (files != nullptr && files->array() != nullptr) {
    for (const Value& file : *files->array()) manifest.files.push_back(file_of(file));
  }
  const bool same = text(*document, "cluster_id") == manifest.layout.cluster_id &&
                    number(*document, "distribution_factor") == manifest.layout.distribution_factor;
  if (!same || !is_complete(manifest)) {
    return fail(Reason::storage_corrupt, "read " + path + ": it does not list the files of its cluster layout");
  }
  return manifest;
}

Result<std::vector<std::string>> check_files(const std::string& directory, const Manifest& manifest) {
  std::vector<std::string> problems;
  for (const ManifestFile& file : manifest.files) {
    const auto facts = measure(directory + "/" + file.name);
    if (!facts) {
      problems.push_back(facts.error().message);
    } else if (facts->bytes != file.facts.bytes || facts->sha256 != file.facts.sha256) {
      problems.push_back(file.name + " is not the file that the manifest describes");
    }
  }
  return problems;
}

}  // namespace spex::dataops
