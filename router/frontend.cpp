#include "router/frontend.h"

#include <sys/stat.h>

#include <array>
#include <utility>

namespace spex::router {
namespace {

constexpr int kClientMessagesPerTurnMax = 256;
constexpr std::string_view kIpc = "ipc://";

transport::SocketOptions options_of(const config::Config& config) {
  transport::SocketOptions options;
  options.message_bytes_max = static_cast<std::int64_t>(config.message_bytes_max);
  // Few, because a message may hold thousands of requests or replies: what the
  // kernel and the tables of the router hold comes on top.
  options.receive_hwm = 256;
  options.send_hwm = 256;
  options.linger = std::chrono::milliseconds(500);
  options.heartbeat = std::chrono::seconds(5);
  return options;
}

}  // namespace

using base::Result;

Result<Frontend> Frontend::open(transport::Context& context, const config::Config& config) {
  SPEX_TRY_ASSIGN(auto socket, transport::Socket::open(context, transport::SocketType::router, options_of(config)));
  Frontend frontend(std::move(socket));
  std::vector<std::string> endpoints = config.endpoints;
  if (endpoints.empty()) endpoints.push_back("ipc://" + config.run_dir + "/frontend.sock");
  for (const std::string& endpoint : endpoints) SPEX_TRY(frontend.bind(endpoint));
  return frontend;
}

Result<void> Frontend::bind(const std::string& endpoint) {
  SPEX_TRY(socket_.bind(endpoint));
  if (!endpoint.starts_with(kIpc)) return {};
  BoundPath bound{endpoint.substr(kIpc.size()), 0, 0};
  struct stat status = {};
  if (::stat(bound.path.c_str(), &status) != 0) return {};  // an abstract name: nobody can unlink it
  bound.device = status.st_dev;
  bound.inode = status.st_ino;
  paths_.push_back(std::move(bound));
  return {};
}

std::string Frontend::lost_path() const {
  for (const BoundPath& bound : paths_) {
    struct stat status = {};
    const bool is_there = ::stat(bound.path.c_str(), &status) == 0;
    if (!is_there || status.st_dev != bound.device || status.st_ino != bound.inode) return bound.path;
  }
  return {};
}

bool Frontend::on_ready(Dispatcher& dispatcher, base::MonotonicTime now) {
  const auto send_now = [this](std::string_view to, bool is_delimited, std::string_view message) {
    return send(to, is_delimited, message);
  };
  bool did = false;
  for (int i = 0; i < kClientMessagesPerTurnMax && socket_.receive(message_); ++i) {
    did = true;
    const std::size_t frames = message_.size();
    const bool is_delimited = frames >= 2 && message_.frame(1).empty();
    const std::size_t payload = is_delimited ? 2 : 1;
    const bool is_sound = frames == payload + 1 && !message_.truncated();
    dispatcher.on_client_message(message_.frame(0), is_delimited && frames > 2, is_sound,
                                 is_sound ? message_.frame(payload) : std::string_view(), send_now, now);
  }
  dispatcher.peers().retry(send_now, now);
  return did;
}

void Frontend::flush(Dispatcher& dispatcher, base::MonotonicTime now) {
  dispatcher.peers().flush([this](std::string_view to, bool is_delimited,
                                  std::string_view message) { return send(to, is_delimited, message); },
                           now);
}

transport::SendOutcome Frontend::send(std::string_view routing_id, bool is_delimited, std::string_view message) {
  if (is_delimited) return socket_.send(std::array<std::string_view, 3>{routing_id, {}, message});
  return socket_.send(std::array<std::string_view, 2>{routing_id, message});
}

}  // namespace spex::router
