// Whatever arrives on a socket: client messages, server messages, values.
#include <algorithm>
#include <filesystem>
#include <fstream>

#include "base/assert.h"
#include "common/protocol/bytes.h"
#include "fuzz_driver.h"
#include "protocol/arguments.h"
#include "protocol/backend.h"
#include "protocol/codec.h"
#include "protocol/replies.h"
#include "protocol/requests.h"

using namespace spex::protocol;

namespace {

template <typename... Arguments>
void decode_each(std::string_view bytes) {
  const auto one = [bytes](auto arguments) {
    if (!decode(bytes, arguments)) return;
    std::string again;
    encode(arguments, again);
    SPEX_ASSERT(decode(again, arguments).ok());
  };
  (one(Arguments{}), ...);
}

void as_client_message(std::string_view bytes) {
  RequestMessageReader reader;
  if (!reader.read(bytes)) return;
  for (const RequestHeader& header : reader.requests()) {
    SPEX_ASSERT(header.fault || header.operation != nullptr);
    RequestHeader alone;
    SPEX_ASSERT(read_request(header.bytes, reader.client().has_value(), alone));
    SPEX_ASSERT(alone.arguments == header.arguments && alone.identifier == header.identifier);
    decode_each<InitArguments, TransitionArguments, MockArguments, GetArguments, AllInstancesArguments,
                ReadEventsArguments, DeleteInstancesArguments, SetLearningModeArguments, TextArguments,
                RemoveSpecificationArguments, SpecificationArguments>(header.arguments);
  }
}

void as_server_message(std::string_view bytes) {
  ServerMessage message;
  if (!read_server_message(bytes, message)) return;
  for (const ReplyView& view : message.replies) {
    if (const auto reply = decode_reply(view); reply && reply->ok) (void)read_page(view.body).ok();
  }
}

void as_value(std::string_view bytes) {
  const auto value = decode_value(bytes);
  if (!value) return;
  const std::string again = encode_value(*value);
  const auto back = decode_value(again);
  SPEX_ASSERT(back && *back == *value);
}

void as_backend_frame(std::string_view bytes) {
  BackendRequestReader requests(bytes);
  while (const auto request = requests.next()) {
    RequestHeader header;
    (void)read_request(request->request, request->client != 0, header);
  }
  BackendReplyReader replies(bytes);
  while (const auto reply = replies.next()) (void)read_reply(reply->reply).ok();
  (void)decode_hello(bytes);
  (void)decode_ready(bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  as_client_message(bytes);
  as_server_message(bytes);
  as_value(bytes);
  as_backend_frame(bytes);
  return 0;
}

std::vector<std::string> fuzz_seeds(const std::string& directory) {
  std::vector<std::string> seeds;
  for (const auto& entry : std::filesystem::directory_iterator(directory + "/protocol")) {
    if (entry.path().extension() != ".hex") continue;
    std::string line;
    std::getline(std::ifstream(entry.path()), line);
    seeds.push_back(spex::protocol::from_hex(line));
  }
  std::sort(seeds.begin(), seeds.end());  // the order of a directory is not the same everywhere
  return seeds;
}
