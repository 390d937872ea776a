#include "ctl/event_positions.h"

#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <sstream>

#include "config/atomic_file.h"
#include "ctl/verb.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using base::fail;
using base::Reason;
using protocol::Map;
using protocol::Value;

std::optional<std::uint64_t> count_in(const Value* value) {
  if (value == nullptr || value->integer() == nullptr || *value->integer() < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value->integer());
}

bool read_document(const Value& document, EventProgress& progress) {
  const Value* cluster = document.find("cluster_id");
  const Value* shards = document.find("shards");
  if (cluster == nullptr || cluster->string() == nullptr || shards == nullptr || shards->map() == nullptr) return false;
  progress.cluster_id = *cluster->string();
  for (const auto& [name, number] : *shards->map()) {
    const auto shard = name.string() != nullptr ? parse_number(*name.string(), "shard") : fail(Reason::malformed, "");
    const auto position = count_in(&number);
    if (!shard || !position || *shard == 0 || *shard > 4096) return false;
    progress.positions[static_cast<std::uint32_t>(*shard)] = *position;
  }
  progress.output_bytes = count_in(document.find("output_bytes"));
  return true;
}

}  // namespace

bool was_shown_elsewhere(const Value& event, const client::EventPositions& positions, std::uint32_t shards) {
  const Value* moved = event.find("moved_from");
  const protocol::Array* origins = moved != nullptr ? moved->array() : nullptr;
  for (std::size_t i = 0; origins != nullptr && i + 1 < origins->size(); i += 2) {
    const auto shard = count_in(&(*origins)[i]);
    const auto number = count_in(&(*origins)[i + 1]);
    if (!shard || !number || *shard <= shards) continue;
    const auto position = positions.find(static_cast<std::uint32_t>(*shard));
    if (position != positions.end() && position->second >= *number) return true;
  }
  return false;
}

base::Result<std::optional<EventProgress>> load_progress(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT) return std::optional<EventProgress>();
  std::ostringstream text;
  const std::ifstream file(path, std::ios::binary);
  if (!file) return base::system_error("read " + path, errno, Reason::storage_open);
  text << file.rdbuf();
  const auto document = protocol::parse_json(text.str());
  EventProgress progress;
  if (!document || !read_document(*document, progress)) {
    return fail(
        Reason::invalid_argument,
        "read " + path + ": this is no position file of `spexctl events`; name another, or delete it to begin anew");
  }
  return std::optional(std::move(progress));
}

base::Result<void> save_progress(const std::string& path, const EventProgress& progress) {
  Map shards;
  for (const auto& [shard, number] : progress.positions) shards.emplace_back(std::to_string(shard), number);
  Map document{{"cluster_id", progress.cluster_id}, {"shards", std::move(shards)}};
  if (progress.output_bytes) document.emplace_back("output_bytes", *progress.output_bytes);
  return config::replace_file(path, protocol::to_json(document) + "\n", config::Sync::yes);
}

}  // namespace spex::ctl
