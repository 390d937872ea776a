#include <unistd.h>

#include <map>

#include "base/log.h"
#include "conformance/model_directory.h"
#include "conformance/names.h"
#include "conformance/specification_text.h"
#include "protocol/arguments.h"
#include "protocol/msgpack_reader.h"
#include "protocol/msgpack_writer.h"
#include "shard_worker/deadlines.h"
#include "shard_worker/handlers.h"
#include "shard_worker/loader.h"
#include "shard_worker/reports.h"
#include "shard_worker/shard.h"

namespace spex::shard_worker {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using protocol::MsgpackWriter;

// A router that died between the rounds must not leave the specification unusable for long.
constexpr auto kRemovalPatience = std::chrono::seconds(30);

// The file that defines it now, whatever it is called, or a new one named after it.
std::string path_for(Shard& shard, const std::string& name) {
  const ActiveSpecification* active = shard.catalogue.specification(name);
  if (active != nullptr && !active->path.empty()) return active->path;
  return shard.config.specs_dir + "/" + conformance::specification_file_name(name);
}

Result<void> refuse_foreign_file(Shard& shard, const std::string& name, const std::string& path) {
  for (const store::SpecificationId id : shard.catalogue.specifications()) {
    const std::string_view other = shard.store.specification_name(id);
    if (other != name && shard.catalogue.specification(id)->path == path) {
      return fail(Reason::invalid_argument, "define specification " + conformance::quoted(name) + ": its file " + path +
                                                " defines " + conformance::quoted(other));
    }
  }
  return {};
}

std::string options_text(const conformance::SpecificationOptions& options) {
  switch (options.prunable) {
    case conformance::Prunable::none:
      return "none";
    case conformance::Prunable::all:
      return "all";
    case conformance::Prunable::terminal:
      return "terminal";
    case conformance::Prunable::listed:
      return "listed";
  }
  return "";
}

void append_summary(Shard& shard, store::SpecificationId id, std::uint64_t instances, std::string& out) {
  const conformance::Specification& specification = *shard.catalogue.specification(id)->specification;
  const ActiveModel* model = shard.catalogue.model(id);
  MsgpackWriter writer(out);
  writer.map(10);
  writer.string("specification").string(specification.name());
  writer.string("initial_state").string(specification.initial_state());
  writer.string("states").uint(specification.state_count());
  writer.string("actions").uint(specification.action_count());
  writer.string("transitions").uint(specification.transitions().size());
  writer.string("instances").uint(instances);
  writer.string("transition_timeout").string(base::format_duration(specification.options().transition_timeout));
  writer.string("prune_timeout").string(base::format_duration(specification.options().prune_timeout));
  writer.string("prunable_states").string(options_text(specification.options()));
  writer.string("model").string(model == nullptr ? "none" : model->model.learning() ? "learning" : "closed");
}

Result<std::uint64_t> sum_of(std::string_view gathered) {
  protocol::MsgpackReader reader(gathered);
  std::uint32_t size = 0;
  std::uint64_t sum = 0;
  if (!reader.read_array(size)) return fail(Reason::malformed, "remove specification: damaged counts");
  for (; size != 0; --size) {
    std::uint64_t count = 0;
    if (!reader.read_uint(count)) return fail(Reason::malformed, "remove specification: damaged counts");
    sum += count;
  }
  return sum;
}

// Instances per specification, over the shards that took part.
Result<std::map<std::string, std::uint64_t, std::less<>>> counts_of(std::string_view gathered) {
  const auto damaged = [] { return fail(Reason::malformed, "list specifications: damaged counts"); };
  std::map<std::string, std::uint64_t, std::less<>> counts;
  protocol::MsgpackReader reader(gathered);
  std::uint32_t shards = 0;
  if (!reader.read_array(shards)) return damaged();
  for (; shards != 0; --shards) {
    std::uint32_t size = 0;
    if (!reader.read_array(size)) return damaged();
    for (; size != 0; --size) {
      std::uint32_t pair = 0;
      std::string_view name;
      std::uint64_t count = 0;
      if (!reader.read_array(pair) || pair != 2 || !reader.read_string(name) || !reader.read_uint(count)) {
        return damaged();
      }
      counts[std::string(name)] += count;
    }
  }
  return counts;
}

Result<void> forget(Shard& shard, store::SpecificationId id, Now now) {
  const std::string path = shard.catalogue.specification(id)->path;
  // The first shard unlinks, the others find it gone.
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return base::system_error("remove " + path, errno);
  shard.catalogue.deactivate(id);
  rebuild_timeouts(shard, now);
  base::log(base::LogLevel::info, "specification_removed", {{"specification", shard.store.specification_name(id)}});
  return {};
}

}  // namespace

Handled define_specification(Shard& shard, Call& call) {
  protocol::TextArguments arguments;
  SPEX_TRY(protocol::decode(call.header.arguments, arguments));
  SPEX_TRY_ASSIGN(auto specification, conformance::read_specification_text(arguments.text, "definition"));
  SPEX_TRY(check_specification_size(shard.config, specification));
  const std::string name = specification.name();
  const std::string path = path_for(shard, name);
  SPEX_TRY(refuse_foreign_file(shard, name, path));
  if (call.incoming.round != 1) {
    SPEX_TRY(conformance::write_file_atomically(path, arguments.text));
    SPEX_TRY(activate_specification(shard, {path, conformance::content_hash(arguments.text),
                                            std::string(arguments.text), std::move(specification)}));
    std::erase_if(shard.problems, [&](const conformance::TextProblem& problem) { return problem.file == path; });
    rebuild_timeouts(shard, call.now);
    base::log(base::LogLevel::info, "specification_defined", {{"specification", name}, {"file", path}});
  }
  answer_ok(call);
  return Disposition::answered;
}

Handled remove_specification(Shard& shard, Call& call) {
  protocol::RemoveSpecificationArguments arguments;
  SPEX_TRY(protocol::decode(call.header.arguments, arguments));
  ActiveSpecification* active = shard.catalogue.specification(arguments.specification);
  if (active == nullptr) return specification_not_found(arguments.specification);
  const auto id = *shard.store.find_specification(arguments.specification);
  if (call.incoming.round == 1) {
    active->removing_until = call.now.monotonic + kRemovalPatience;
    std::string count;
    MsgpackWriter(count).uint(shard.store.instance_count(id));
    answer_ok(call, count);
    return Disposition::answered;
  }
  active->removing_until = {};
  SPEX_TRY_ASSIGN(const std::uint64_t instances, sum_of(call.incoming.gathered));
  if (instances != 0 && !arguments.force) {
    return fail(Reason::invalid_argument, "remove specification " + conformance::quoted(arguments.specification) +
                                              ": it has " + std::to_string(instances) +
                                              " instances; force it or delete them")
        .with("instances", std::to_string(instances));
  }
  SPEX_TRY(forget(shard, id, call.now));
  answer_ok(call);
  return Disposition::answered;
}

Handled list_specifications(Shard& shard, Call& call) {
  const auto ids = shard.catalogue.specifications();
  std::string body;
  MsgpackWriter(body).array(static_cast<std::uint32_t>(ids.size()));
  if (call.incoming.round == 1) {
    for (const store::SpecificationId id : ids) {
      MsgpackWriter(body).array(2).string(shard.store.specification_name(id)).uint(shard.store.instance_count(id));
    }
  } else {
    SPEX_TRY_ASSIGN(const auto counts, counts_of(call.incoming.gathered));
    for (const store::SpecificationId id : ids) {
      const auto found = counts.find(shard.store.specification_name(id));
      append_summary(shard, id, found == counts.end() ? 0 : found->second, body);
    }
  }
  answer_ok(call, body);
  return Disposition::answered;
}

Handled show_specification(Shard& shard, Call& call) {
  protocol::SpecificationArguments arguments;
  SPEX_TRY(protocol::decode(call.header.arguments, arguments));
  const ActiveSpecification* active = shard.catalogue.specification(arguments.specification);
  if (active == nullptr) return specification_not_found(arguments.specification);
  std::string body;
  MsgpackWriter(body).string(active->text);
  answer_ok(call, body);
  return Disposition::answered;
}

}  // namespace spex::shard_worker
