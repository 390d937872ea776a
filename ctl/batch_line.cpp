#include "ctl/batch_line.h"

#include <algorithm>
#include <utility>

#include "ctl/cluster_access.h"
#include "ctl/documents.h"
#include "ctl/filters.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using client::Ordering;
using client::Paged;
using protocol::Array;
using protocol::Map;
using protocol::Operation;
using protocol::Value;

// The operations of batch and the names of their arguments, in the order of the wire.
struct Form {
  std::string_view op;
  bool is_keyed;
  std::vector<std::string_view> arguments;
};

const std::vector<Form>& forms() {
  static const std::vector<Form> kForms{
      {"init_instance", true, {"spec", "meta", "initial_state"}},
      {"init_instance_async", true, {"spec", "meta", "initial_state"}},
      {"transition", true, {"action", "state"}},
      {"transition_async", true, {"action", "state"}},
      {"mock_instance", true, {"spec", "state", "meta"}},
      {"get_instance", true, {"limit", "before"}},
      {"delete_instance", true, {}},
      {"all_instances", false, {"spec", "filter", "limit", "cursor"}},
      {"delete_instances", false, {"filter"}},
      {"all_impl_models", false, {}},
      {"export_impl_models", false, {}},
      {"set_learning_mode", false, {"spec", "learning_mode"}},
      {"import_impl_model", false, {"text"}},
  };
  return kForms;
}

base::Error malformed(std::string text) { return base::fail(base::Reason::malformed, std::move(text)); }

base::Result<const Form*> find_form(const BatchLine& line) {
  const auto found = std::find_if(forms().begin(), forms().end(), [&](const Form& form) { return form.op == line.op; });
  if (found == forms().end()) return malformed("op: '" + line.op + "' is no operation");
  if (line.args.map() != nullptr) {
    for (const auto& [key, value] : *line.args.map()) {
      const std::string* name = key.string();
      const bool is_known = name != nullptr && ((*name == "id" && found->is_keyed) ||
                                                std::find(found->arguments.begin(), found->arguments.end(), *name) !=
                                                    found->arguments.end());
      if (!is_known) return malformed("args: " + line.op + " has no argument " + protocol::to_json(key));
    }
  }
  if (found->is_keyed && line.args.find("id") == nullptr) return malformed("args: " + line.op + " needs an id");
  return &*found;
}

Value argument(const BatchLine& line, std::string_view name) {
  const Value* found = line.args.find(name);
  return found == nullptr ? Value() : *found;
}

client::Continuation once(client::Callback done) {
  return [done = std::move(done)](client::Answer& answer) -> std::optional<client::Request> {
    done(answer);
    return std::nullopt;
  };
}

// A limit of another type goes to the cluster as it is, which refuses it.
bool is_count(const Value& limit) { return limit.integer() != nullptr && *limit.integer() > 0; }

base::Result<Paged> instances_request(const BatchLine& line, client::Callback done) {
  SPEX_TRY_ASSIGN(Value filter, filter_of_document(argument(line, "filter")));
  const Value specification = argument(line, "spec");
  if (!specification.is_nil()) filter = conjunction(specification_is(specification), std::move(filter));
  const Value limit = argument(line, "limit");
  const Value cursor = argument(line, "cursor");
  if (!limit.is_nil() && !is_count(limit)) {
    return Paged{client::all_instances(filter, limit, cursor), once(std::move(done))};
  }
  const auto count = limit.is_nil() ? std::nullopt : std::optional(static_cast<std::uint64_t>(*limit.integer()));
  return client::collect_instances(filter, count, cursor, std::move(done));
}

base::Result<Paged> get_request(const BatchLine& line, client::Callback done) {
  const Value* id = line.args.find("id");
  const Value limit = argument(line, "limit");
  const Value before = argument(line, "before");
  const bool is_whole = limit.is_nil() && (before.is_nil() || is_count(before));
  if (is_whole) {
    const auto from =
        static_cast<std::uint32_t>(before.is_nil() ? 0 : std::min<std::int64_t>(*before.integer(), UINT32_MAX));
    return client::whole_history(*id, from, std::move(done));
  }
  return Paged{client::make_request(Operation::get_instance, id, {limit, before}), once(std::move(done))};
}

base::Result<Paged> plain_request(const BatchLine& line, const Form& form, client::Callback done) {
  Array arguments;
  for (const std::string_view name : form.arguments) {
    Value value = argument(line, name);
    if (name == "filter") {
      SPEX_TRY_ASSIGN(value, filter_of_document(value));
    }
    arguments.push_back(std::move(value));
  }
  const auto* info = protocol::find_operation(line.op);
  return Paged{client::make_request(info->operation, form.is_keyed ? line.args.find("id") : nullptr, arguments),
               once(std::move(done))};
}

base::Result<Paged> request_of(const BatchLine& line, const Form& form, client::Callback done) {
  if (line.op == "all_instances") return instances_request(line, std::move(done));
  if (line.op == "get_instance") return get_request(line, std::move(done));
  return plain_request(line, form, std::move(done));
}

void append_body(Map& reply, const std::string& op, const Value& body) {
  if (op == "get_instance") reply.emplace_back("instance", readable_instance(body));
  if (op == "delete_instances") reply.emplace_back("deleted", body);
  if (op == "all_impl_models") reply.emplace_back("models", readable_models(body));
  if (op == "export_impl_models") reply.emplace_back("files", readable_files(body));
  if (op != "all_instances" || body.array() == nullptr || body.array()->empty()) return;
  const Array& page = *body.array();
  Array instances;
  if (page[0].array() != nullptr) {
    for (const Value& instance : *page[0].array()) instances.push_back(readable_instance(instance));
  }
  reply.emplace_back("instances", std::move(instances));
  if (page.size() > 1) reply.emplace_back("cursor", page[1]);
}

}  // namespace

base::Result<BatchLine> parse_batch_line(std::string_view text, std::optional<Value>& ref) {
  auto parsed = protocol::parse_json(text);
  if (!parsed.ok()) return malformed(parsed.error().message);
  const Map* map = parsed->map();
  if (map == nullptr) return malformed("a request is an object");
  if (const Value* given = parsed->find("ref")) ref = *given;
  for (const auto& [key, value] : *map) {
    const std::string* name = key.string();
    if (name == nullptr || (*name != "op" && *name != "args" && *name != "ref")) {
      return malformed("a request has op, args and ref, not " + protocol::to_json(key));
    }
  }
  const Value* op = parsed->find("op");
  if (op == nullptr || op->string() == nullptr) return malformed("op is missing or no text");
  const Value* args = parsed->find("args");
  if (args != nullptr && !args->is_nil() && args->map() == nullptr) return malformed("args is no object");
  return BatchLine{*op->string(), args == nullptr ? Value() : *args, ref};
}

base::Result<Paged> make_batch_request(const BatchLine& line, client::Callback done) {
  SPEX_TRY_ASSIGN(const Form* form, find_form(line));
  auto made = request_of(line, *form, std::move(done));
  if (!made.ok()) return malformed(made.error().message);
  made->first.ordering = form->is_keyed ? Ordering::by_identifier : Ordering::after_everything;
  return made;
}

std::string batch_reply(const std::string& op, const client::Answer& answer, const std::optional<Value>& ref) {
  Map reply{{"status", answer.ok ? "ok" : "error"}};
  if (answer.ok) {
    append_body(reply, op, answer.body);
  } else if (answer.error) {
    reply.emplace_back("error", error_document(*answer.error));
  }
  Array reported;
  for (const auto& error : answer.reported) reported.push_back(error_document(error));
  reply.emplace_back("reported", std::move(reported));
  if (!answer.missing.empty()) reply.emplace_back("missing_shards", missing_document(answer.missing));
  if (ref) reply.emplace_back("ref", *ref);
  return protocol::to_json(reply);
}

std::string batch_refusal(const base::Error& error, const std::optional<Value>& ref) {
  client::Answer answer;
  answer.error = protocol::ErrorBody::of(error);
  return batch_reply("", answer, ref);
}

}  // namespace spex::ctl
