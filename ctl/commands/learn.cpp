#include <signal.h>

#include <atomic>
#include <cstdlib>

#include "conformance/model_directory.h"
#include "ctl/cluster_access.h"
#include "ctl/commands/commands.h"
#include "ctl/documents.h"
#include "ctl/model_check.h"
#include "ctl/output.h"
#include "ctl/private_cluster.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using protocol::Operation;

constexpr base::Duration kStartPatience = std::chrono::seconds(30);

// Set by the handler; the loops look at it.
std::atomic<int> g_signal{0};
void on_signal(int number) { g_signal = number; }

void catch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) ::sigaction(number, &action, nullptr);
}

std::string directory_of(const Invocation& invocation, const char* option, const char* variable, const char* fallback) {
  if (const auto given = invocation.line.value(option)) return *given;
  const char* value = std::getenv(variable);
  return value != nullptr && *value != 0 ? value : fallback;
}

client::ClientOptions client_options(const PrivateCluster& cluster) {
  client::ClientOptions options;
  options.endpoint = cluster.endpoint();
  options.retry.give_up = kStartPatience;
  options.connect_timeout = kStartPatience;
  options.retry.backoff_max = std::chrono::milliseconds(100);
  return options;
}

// All shards take part in this one, so it comes back when all serve.
base::Result<void> wait_until_serving(PrivateCluster& cluster) {
  client::Client connection(client_options(cluster));
  const base::MonotonicTime deadline = base::SystemClock().monotonic() + kStartPatience;
  while (g_signal == 0 && cluster.running() && base::SystemClock().monotonic() < deadline) {
    std::optional<client::Answer> answer;
    connection.submit(client::plain(Operation::all_impl_models), [&](client::Answer& got) { answer = std::move(got); });
    while (!answer && g_signal == 0 && cluster.running()) connection.poll(std::chrono::milliseconds(50));
    if (answer && answer->ok && answer->missing.empty()) return {};
  }
  if (g_signal != 0) return {};
  return base::fail(base::Reason::deadline_exceeded,
                    "the private cluster did not start; its log ends:\n" + cluster.log());
}

int run_command(const PrivateCluster& cluster, const std::vector<std::string>& command) {
  StartRequest request;
  request.arguments = command;
  request.environment = {{"SPEX_ENDPOINT", cluster.endpoint()}, {"SPEX_RUN_DIR", cluster.run_dir()}};
  const auto pid = start_process(request);
  if (!pid.ok()) return 127;
  bool is_forwarded = false;
  for (;;) {
    if (const auto status = wait_for_process(*pid, std::chrono::milliseconds(50))) return *status;
    if (g_signal != 0 && !is_forwarded) ::kill(*pid, g_signal);
    is_forwarded = g_signal != 0;
  }
}

base::Result<std::vector<std::string>> write_models(const PrivateCluster& cluster, const std::string& directory) {
  client::Client connection(client_options(cluster));
  const auto answer = connection.call(client::plain(Operation::export_impl_models));
  if (!answer.ok || !answer.missing.empty()) {
    return base::fail(base::Reason::shard_unavailable, "export the models: " + answer.to_text());
  }
  std::vector<std::string> written;
  const protocol::Value files = readable_files(answer.body);
  for (const protocol::Value& file : *files.array()) {
    SPEX_TRY_ASSIGN(auto model,
                    conformance::read_model_text(member_text(file, "content"), member_text(file, "filename")));
    model.learning = false;
    const std::string path = directory + "/" + conformance::model_file_name(model.specification);
    SPEX_TRY(conformance::write_file_atomically(path, conformance::write_model_text(model)));
    written.push_back(path);
  }
  return written;
}

base::Result<int> run_learn(const Invocation& invocation) {
  PrivateCluster::Places places;
  places.specs_dir = directory_of(invocation, "specs-dir", "SPEX_SPECS_DIR", "./spex_specs");
  places.impl_models_dir = directory_of(invocation, "impl-models-dir", "SPEX_IMPL_MODELS_DIR", "./spex_impl_models");
  catch_signals();
  SPEX_TRY_ASSIGN(PrivateCluster cluster, PrivateCluster::start(places));
  SPEX_TRY(wait_until_serving(cluster));
  const int status = g_signal == 0 ? run_command(cluster, invocation.line.rest) : 0;
  if (g_signal != 0) {
    print_error("spexctl learn: interrupted; no model was written");
    return 128 + g_signal;
  }
  if (!cluster.running()) {
    print_error("spexctl learn: the private cluster ended meanwhile; its log ends:\n" + cluster.log());
    return status_of(ExitCode::unreachable);
  }
  SPEX_TRY_ASSIGN(const auto written, write_models(cluster, places.impl_models_dir));
  conformance::Directory<conformance::ModelFile> models;
  for (const std::string& path : written) {
    SPEX_TRY_ASSIGN(auto file, conformance::load_model(path));
    models.files.push_back(std::move(file));
  }
  const CheckReport report = check_models(models, conformance::load_specifications(places.specs_dir));
  print(invocation.json ? protocol::to_json(report_document(report)) + "\n" : report_text(report));
  if (status != 0) return status;
  return report.exit_status() == 0 ? 0 : 1;
}

}  // namespace

Verb learn_verb() {
  return {.name = "learn",
          .arguments = "[--specs-dir DIR] [--impl-models-dir DIR] -- COMMAND...",
          .summary = "Run a test suite against a private cluster; write and check the models it teaches.",
          .text =
              "Starts a cluster in test mode in a temporary directory, runs COMMAND with SPEX_ENDPOINT set to it,\n"
              "then writes every model, closed, into --impl-models-dir, and checks them. Models that are there\n"
              "are loaded before and extended. Nothing else stays, also after Ctrl-C.\n"
              "Exits with COMMAND's status; if that is 0, with 1 if a model is not equivalent.\n\n"
              "Example:\n  spexctl learn -- make test\n",
          .options = {{.name = "specs-dir",
                       .value_name = "DIR",
                       .text = "Where the specifications are (default SPEX_SPECS_DIR, else ./spex_specs)."},
                      {.name = "impl-models-dir",
                       .value_name = "DIR",
                       .text = "Where the models go (default SPEX_IMPL_MODELS_DIR, else ./spex_impl_models)."}},
          .takes_rest = true,
          .run = run_learn};
}

}  // namespace spex::ctl
