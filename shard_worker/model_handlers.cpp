#include "base/log.h"
#include "conformance/model_text.h"
#include "conformance/names.h"
#include "protocol/arguments.h"
#include "protocol/msgpack_reader.h"
#include "protocol/msgpack_writer.h"
#include "shard_worker/handlers.h"
#include "shard_worker/model_union.h"
#include "shard_worker/reports.h"
#include "shard_worker/shard.h"

namespace spex::shard_worker {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using conformance::NamedTransition;
using protocol::MsgpackWriter;

const std::string kNoModels = "\x90";

// For round 1 of everything about one model: the shard's own, or an empty list.
std::string own_models(Shard& shard, std::string_view specification) {
  std::vector<store::SpecificationId> ids;
  const auto id = shard.store.find_specification(specification);
  if (id && shard.catalogue.model(*id) != nullptr) ids.push_back(*id);
  return encode_models(shard.catalogue, shard.store, ids);
}

Handled answer_with_all_own(Shard& shard, Call& call) {
  answer_ok(call, encode_models(shard.catalogue, shard.store, shard.catalogue.models()));
  return Disposition::answered;
}

void append_model_map(const std::string& name, const UnitedModel& model, std::string& out) {
  MsgpackWriter writer(out);
  const auto transitions = model.sorted();
  writer.map(4).string("specification").string(name).string("learning_mode").boolean(model.learning);
  writer.string("transitions").array(static_cast<std::uint32_t>(transitions.size()));
  for (const NamedTransition& transition : transitions) {
    writer.array(3).string_or_nil(transition.from).string(transition.action).string(transition.to);
  }
  // In the order of the transitions: how often seen while learning, first and last time.
  writer.string("sightings").array(static_cast<std::uint32_t>(transitions.size()));
  for (const NamedTransition& transition : transitions) {
    const conformance::Sightings& seen = model.transitions.at(transition);
    writer.array(3).uint(seen.count).integer(seen.first_at).integer(seen.last_at);
  }
}

// The transition that a check shall add to the model, if its names are names.
Result<NamedTransition> transition_of(const protocol::CheckArguments& arguments) {
  if (!arguments.from.empty()) SPEX_TRY(check_name_argument("state", arguments.from));
  SPEX_TRY(check_name_argument("action", arguments.action));
  SPEX_TRY(check_name_argument("state", arguments.to));
  if (arguments.from.empty() && arguments.action != conformance::kInitialisationAction) {
    return fail(Reason::invalid_argument, "check a model: only an initialisation starts nowhere");
  }
  return NamedTransition{std::string(arguments.from), std::string(arguments.action), std::string(arguments.to)};
}

Result<void> refuse_unknown(Shard& shard, std::string_view specification) {
  const auto id = shard.store.find_specification(specification);
  if (id && (shard.catalogue.specification(*id) != nullptr || shard.catalogue.model(*id) != nullptr)) return {};
  return specification_not_found(specification);
}

// Round 1 of a change of a model; the router names the change.
Handled prepare_change(Shard& shard, Call& call, std::string_view specification, bool with_models) {
  protocol::MsgpackReader reader(call.incoming.gathered);
  std::uint64_t number = 0;
  if (!reader.read_uint(number)) return fail(Reason::malformed, "change a model: the change has no number");
  SPEX_TRY(shard.changes.prepare(shard, specification, number, call.key, call.now));
  std::string body;
  // Only now: an earlier change may have been made up for.
  MsgpackWriter(body).array(2).uint(number).raw(with_models ? own_models(shard, specification) : kNoModels);
  answer_ok(call, body);
  return Disposition::answered;
}

// Round 2: gives the change up if it cannot be made.
Handled make_change(Shard& shard, Call& call, std::uint64_t number, ChangeKind kind,
                    const conformance::ModelText& model) {
  auto made = model.transitions.size() > shard.config.model_transitions_max
                  ? Result<void>(fail(Reason::too_large, "change a model: more than model_transitions_max transitions"))
                  : shard.changes.carry_out(shard, number, kind, model);
  if (!made) {
    SPEX_TRY(shard.changes.give_up(shard, model.specification, number, call.now));
    return std::move(made).error();
  }
  answer_ok(call);
  return Disposition::answered;
}

}  // namespace

Handled all_impl_models(Shard& shard, Call& call) {
  if (call.incoming.round == 1) return answer_with_all_own(shard, call);
  SPEX_TRY_ASSIGN(const ModelUnion all, unite(call.incoming.gathered));
  std::string body;
  MsgpackWriter(body).array(static_cast<std::uint32_t>(all.size()));
  for (const auto& [name, model] : all) append_model_map(name, model, body);
  answer_ok(call, body);
  return Disposition::answered;
}

Handled export_impl_models(Shard& shard, Call& call) {
  if (call.incoming.round == 1) return answer_with_all_own(shard, call);
  SPEX_TRY_ASSIGN(const ModelUnion all, unite(call.incoming.gathered));
  // By file name, which is not quite the order of the names: "a.b" before "a".
  std::map<std::string, std::string> files;
  for (const auto& [name, model] : all) {
    files[conformance::model_file_name(name)] = conformance::write_model_text({name, model.learning, model.sorted()});
  }
  std::string body;
  MsgpackWriter writer(body);
  writer.array(static_cast<std::uint32_t>(files.size()));
  for (const auto& [file, content] : files) writer.array(2).string(file).string(content);
  answer_ok(call, body);
  return Disposition::answered;
}

Handled set_learning_mode(Shard& shard, Call& call) {
  protocol::SetLearningModeArguments arguments;
  SPEX_TRY(protocol::decode(call.header.arguments, arguments));
  if (call.incoming.round == 1) {
    SPEX_TRY(refuse_unknown(shard, arguments.specification));
    return prepare_change(shard, call, arguments.specification, true);
  }
  SPEX_TRY_ASSIGN(const GatheredChange all, unite_change(call.incoming.gathered));
  if (all.models.empty() && !arguments.learning) {
    SPEX_TRY(shard.changes.give_up(shard, arguments.specification, all.number, call.now));
    return fail(Reason::impl_model_not_found, "close a model: no shard has a model of this specification")
        .with("specification", std::string(arguments.specification));
  }
  conformance::ModelText united{std::string(arguments.specification), arguments.learning, {}};
  if (!all.models.empty()) united.transitions = all.models.begin()->second.sorted();
  return make_change(shard, call, all.number, ChangeKind::merge, united);
}

Handled import_impl_model(Shard& shard, Call& call) {
  protocol::TextArguments arguments;
  SPEX_TRY(protocol::decode(call.header.arguments, arguments));
  SPEX_TRY_ASSIGN(const auto text, conformance::read_model_text(arguments.text, "import"));
  if (call.incoming.round == 1) {
    if (text.transitions.size() > shard.config.model_transitions_max) {
      return fail(Reason::too_large, "import a model: more than model_transitions_max transitions");
    }
    return prepare_change(shard, call, text.specification, false);
  }
  SPEX_TRY_ASSIGN(const GatheredChange all, unite_change(call.incoming.gathered));
  return make_change(shard, call, all.number, ChangeKind::replace, text);
}

Result<void> give_up_change(Shard& shard, const Call& call) {
  using protocol::Operation;
  const Operation operation = call.header.operation->operation;
  std::string specification;
  if (operation == Operation::set_learning_mode) {
    protocol::SetLearningModeArguments arguments;
    SPEX_TRY(protocol::decode(call.header.arguments, arguments));
    specification = std::string(arguments.specification);
  } else if (operation == Operation::import_impl_model) {
    protocol::TextArguments arguments;
    SPEX_TRY(protocol::decode(call.header.arguments, arguments));
    SPEX_TRY_ASSIGN(auto text, conformance::read_model_text(arguments.text, "import"));
    specification = std::move(text.specification);
  } else {
    return {};
  }
  SPEX_TRY_ASSIGN(const GatheredChange all, unite_change(call.incoming.gathered));
  return shard.changes.give_up(shard, specification, all.number, call.now);
}

Handled check_impl_model(Shard& shard, Call& call) {
  protocol::CheckArguments arguments;
  SPEX_TRY(protocol::decode(call.header.arguments, arguments));
  const ActiveSpecification* active = shard.catalogue.specification(arguments.specification);
  if (active == nullptr) return specification_not_found(arguments.specification);
  std::optional<NamedTransition> added;
  if (arguments.has_transition) {
    SPEX_TRY_ASSIGN(added, transition_of(arguments));
  }
  if (call.incoming.round == 1) {
    answer_ok(call, own_models(shard, arguments.specification));
    return Disposition::answered;
  }
  SPEX_TRY_ASSIGN(const ModelUnion all, unite(call.incoming.gathered));
  if (all.empty()) {
    return fail(Reason::impl_model_not_found, "check a model: no shard has a model of this specification")
        .with("specification", std::string(arguments.specification));
  }
  const UnitedModel& united = all.begin()->second;
  if (added && united.transitions.contains(*added)) added.reset();
  auto model = std::make_shared<const std::vector<NamedTransition>>(united.sorted());
  const auto ticket = shard.checks.start(std::nullopt, call.incoming.client,
                                         {0, 0, active->specification, std::move(model), std::move(added)});
  if (!ticket) {
    ++shard.counters.overloaded;
    return fail(Reason::overloaded, "check a model: too many bisimilarity checks are queued");
  }
  shard.waiting.add(*ticket, {}, call.incoming);
  return Disposition::waiting;
}

}  // namespace spex::shard_worker
