#include "shard_worker/loader.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/log.h"
#include "conformance/names.h"
#include "shard_worker/deadlines.h"

namespace spex::shard_worker {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using conformance::ImplementationModel;
using conformance::ModelFile;
using conformance::ModelTransition;
using conformance::SpecificationFile;
using conformance::TextProblem;

void tell(Shard& shard, TextProblem problem) {
  base::log(base::LogLevel::error, "file_refused",
            {{"file", problem.file}, {"line", std::to_string(problem.line)}, {"reason", problem.reason}});
  shard.problems.push_back(std::move(problem));
}

bool has_learned(const ImplementationModel& model, const std::string& source_hash) {
  // Without a file everything in it was learned (or imported).
  if (source_hash.empty()) return model.size() != 0;
  const auto& transitions = model.transitions();
  return std::any_of(transitions.begin(), transitions.end(), [](const auto& entry) { return entry.second.count != 0; });
}

// Every shard writes its own file: link(2) refuses a name that is taken, the next microsecond is free.
Result<std::string> write_beside(const std::string& path, base::Timestamp now, std::string_view text) {
  const std::string temporary = path + ".replaced-" + std::to_string(::getpid());
  SPEX_TRY(conformance::write_file_atomically(temporary, text));
  constexpr int kAttempts = 10'000;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::string target = path + ".before-" + base::format_timestamp(now + attempt);
    if (::link(temporary.c_str(), target.c_str()) == 0) {
      ::unlink(temporary.c_str());
      return target;
    }
    if (errno != EEXIST) break;
  }
  const int number = errno;
  ::unlink(temporary.c_str());
  return base::system_error("keep the replaced model beside " + path, number);
}

Result<void> keep_learned(Shard& shard, ActiveModel& old, const ModelFile& file, base::Timestamp now) {
  if (!has_learned(old.model, old.source_hash)) return {};
  const std::size_t slash = file.path.rfind('/');
  const std::string path = file.path.substr(0, slash + 1) + conformance::model_file_name(file.model.specification);
  const std::string text =
      conformance::write_model_text({file.model.specification, old.model.learning(), *shard.catalogue.snapshot(old)});
  SPEX_TRY_ASSIGN(const std::string target, write_beside(path, now, text));
  base::log(base::LogLevel::warning, "model_replaced",
            {{"specification", file.model.specification}, {"file", file.path}, {"kept", target}});
  shard.problems.push_back({file.path, 0, "the file changed and replaced the model; what was learned is in " + target});
  return {};
}

Result<void> take_model(Shard& shard, const ModelFile& file, base::Timestamp now) {
  const std::string& name = file.model.specification;
  if (file.model.transitions.size() > shard.config.model_transitions_max) {
    return fail(Reason::too_large,
                "model of " + conformance::quoted(name) + " has more than model_transitions_max transitions");
  }
  SPEX_TRY_ASSIGN(const auto id, shard.store.intern_specification(name));
  if (ActiveModel* old = shard.catalogue.model(id)) {
    if (old->source_hash == file.content_hash) return {};
    SPEX_TRY(keep_learned(shard, *old, file, now));
  }
  SPEX_TRY_ASSIGN(auto model,
                  shard.catalogue.interned(file.model.transitions, file.model.learning || shard.config.test_mode));
  return install_model(shard, id, std::move(model), file.content_hash);
}

void load_model_files(Shard& shard, base::Timestamp now) {
  auto directory = conformance::load_models(shard.config.impl_models_dir);
  for (TextProblem& problem : directory.problems) tell(shard, std::move(problem));
  for (const ModelFile& file : directory.files) {
    if (auto taken = take_model(shard, file, now); !taken)
      tell(shard, conformance::problem_of(taken.error(), file.path));
  }
}

// Definitions whose file is gone are dropped; those whose file is refused now stay as they were.
void drop_vanished(Shard& shard, const std::set<std::string>& served) {
  for (const store::SpecificationId id : shard.catalogue.specifications()) {
    const ActiveSpecification* active = shard.catalogue.specification(id);
    const std::string& name = active->specification->name();
    const bool refused = std::any_of(shard.problems.begin(), shard.problems.end(), [&](const TextProblem& problem) {
      return problem.file == active->path || problem.file == shard.config.specs_dir;
    });
    if (served.contains(name) || refused) continue;
    base::log(base::LogLevel::info, "specification_removed", {{"specification", name}});
    shard.catalogue.deactivate(id);
  }
}

void load_specification_files(Shard& shard) {
  auto directory = conformance::load_specifications(shard.config.specs_dir);
  for (TextProblem& problem : directory.problems) tell(shard, std::move(problem));
  std::set<std::string> served;
  for (SpecificationFile& file : directory.files) {
    const std::string path = file.path;
    served.insert(file.specification.name());
    const ActiveSpecification* active = shard.catalogue.specification(file.specification.name());
    if (active != nullptr && active->content_hash == file.content_hash && active->path == path) continue;
    auto done = check_specification_size(shard.config, file.specification);
    if (done) done = activate_specification(shard, std::move(file));
    if (!done) tell(shard, conformance::problem_of(done.error(), path));
  }
  drop_vanished(shard, served);
}

}  // namespace

Result<void> load_stored_models(Shard& shard) {
  SPEX_TRY_ASSIGN(const auto stored, shard.store.models());
  shard.catalogue.drop_models();
  for (const store::StoredModel& from : stored) {
    ImplementationModel model(from.learning || shard.config.test_mode);
    for (const store::StoredTransition& t : from.transitions) {
      model.add({t.from.value(), t.action.value(), t.to.value()}, {t.count, t.first_at, t.last_at});
    }
    shard.catalogue.put_model(from.specification, std::move(model), from.source_hash);
  }
  return {};
}

Result<void> load_all(Shard& shard, Now now) {
  SPEX_TRY(load_stored_models(shard));
  SPEX_TRY(shard.changes.load(shard, now));
  if (auto settled = shard.changes.run_due(shard, now); !settled) {
    base::log(base::LogLevel::error, "model_change", {{"reason", base::to_string(settled.error())}});
  }
  return reload_directories(shard, now);
}

Result<void> reload_directories(Shard& shard, Now now) {
  shard.problems.clear();
  load_specification_files(shard);
  load_model_files(shard, now.wall);
  rebuild_timeouts(shard, now);
  return {};
}

Result<void> check_specification_size(const config::Config& config, const conformance::Specification& specification) {
  if (specification.transitions().size() <= config.specification_transitions_max) return {};
  return fail(Reason::too_large, "specification " + conformance::quoted(specification.name()) +
                                     " has more than specification_transitions_max transitions");
}

Result<void> activate_specification(Shard& shard, SpecificationFile file) {
  SPEX_TRY_ASSIGN(const auto id, shard.store.intern_specification(file.specification.name()));
  SPEX_TRY(shard.store.save_specification(id, file.text));
  auto activated = shard.catalogue.activate(std::move(file.specification), std::move(file.text), std::move(file.path),
                                            std::move(file.content_hash));
  if (!activated) return std::move(activated).error();
  return {};
}

Result<void> install_model(Shard& shard, store::SpecificationId id, ImplementationModel model,
                           const std::string& source_hash) {
  store::StoredModel stored{id, model.learning(), source_hash, {}};
  stored.transitions.reserve(model.size());
  for (const auto& [t, seen] : model.transitions()) {
    stored.transitions.push_back(
        {store::NameId(t.from), store::NameId(t.action), store::NameId(t.to), seen.count, seen.first_at, seen.last_at});
  }
  SPEX_TRY(shard.store.replace_model(stored));
  shard.catalogue.put_model(id, std::move(model), source_hash);
  return {};
}

Result<void> store_sightings(Shard& shard, std::size_t limit) {
  while (!shard.sighted.empty() && limit != 0) {
    const store::SpecificationId id = shard.sighted.back();
    ActiveModel* active = shard.catalogue.model(id);
    if (active == nullptr || !active->model.has_sighted()) {
      shard.sighted.pop_back();
      continue;
    }
    const auto taken = active->model.take_sighted(limit);
    limit -= taken.size();
    for (const ModelTransition& t : taken) {
      const conformance::Sightings& seen = active->model.transitions().at(t);
      SPEX_TRY(shard.store.save_transition(id, {store::NameId(t.from), store::NameId(t.action), store::NameId(t.to),
                                                seen.count, seen.first_at, seen.last_at}));
    }
  }
  return {};
}

}  // namespace spex::shard_worker
