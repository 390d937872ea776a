// docs/protocol.md against the code: every hex example is executed, every table
// compared, and an operation or a reason without its place there fails.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <sstream>

#include "base/hash.h"
#include "common/protocol/bytes.h"
#include "common/protocol/samples.h"
#include "protocol/arguments.h"
#include "protocol/codec.h"
#include "protocol/filter.h"
#include "protocol/identifier.h"
#include "protocol/json.h"
#include "protocol/replies.h"
#include "protocol/requests.h"

using namespace spex::protocol;
using spex::base::Outcome;
using spex::base::Reason;

namespace {

struct Block {
  std::string language;  // "hex", "json", …
  std::string name;
  std::string text;
};

std::vector<std::string> document_lines() {
  std::ifstream file(SPEX_SOURCE_DIR "/docs/protocol.md");
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  REQUIRE(lines.size() > 100);
  return lines;
}

std::vector<Block> document_blocks() {
  std::vector<Block> blocks;
  bool is_open = false;
  for (const std::string& line : document_lines()) {
    if (!line.starts_with("```")) {
      if (is_open) blocks.back().text += line + "\n";
      continue;
    }
    is_open = !is_open;
    if (!is_open) continue;
    const std::size_t blank = std::min(line.find(' '), line.size());
    blocks.push_back({line.substr(3, blank - 3), blank < line.size() ? line.substr(blank + 1) : "", ""});
  }
  REQUIRE_FALSE(is_open);
  return blocks;
}

// The cells of all table rows with `columns` cells, without backquotes.
std::vector<std::vector<std::string>> rows(std::size_t columns) {
  std::vector<std::vector<std::string>> all;
  for (const std::string& line : document_lines()) {
    if (!line.starts_with("| ")) continue;
    std::vector<std::string> cells;
    std::size_t at = 2;
    for (std::size_t end; (end = line.find(" |", at)) != std::string::npos; at = end + 3) {
      std::string cell = line.substr(at, end - at);
      if (cell.size() > 2 && cell.front() == '`' && cell.back() == '`') cell = cell.substr(1, cell.size() - 2);
      cells.push_back(cell);
      if (end + 3 > line.size()) break;
    }
    if (cells.size() == columns) all.push_back(cells);
  }
  return all;
}

const char* route_name(Route route) {
  switch (route) {
    case Route::keyed:
      return "keyed";
    case Route::paged:
      return "paged";
    case Route::scatter_sum:
      return "scatter_sum";
    case Route::merge_one:
      return "merge_one";
    case Route::merge_all:
      return "merge_all";
    case Route::any_shard:
      return "any_shard";
    case Route::local:
      return "local";
    case Route::supervisor:
      return "supervisor";
  }
  return "";
}

const char* outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::not_executed:
      return "not executed";
    case Outcome::executed:
      return "final";
    case Outcome::unknown:
      return "unknown";
  }
  return "";
}

template <typename Arguments>
std::string encoded_again(std::string_view bytes) {
  Arguments arguments;
  REQUIRE(decode(bytes, arguments).ok());
  std::string out;
  encode(arguments, out);
  return out;
}

// The arguments through their typed form.
std::string encoded_again(Operation operation, std::string_view bytes) {
  switch (operation) {
    case Operation::init_instance:
    case Operation::init_instance_async:
      return encoded_again<InitArguments>(bytes);
    case Operation::transition:
    case Operation::transition_async:
      return encoded_again<TransitionArguments>(bytes);
    case Operation::mock_instance:
      return encoded_again<MockArguments>(bytes);
    case Operation::get_instance:
      return encoded_again<GetArguments>(bytes);
    case Operation::all_instances:
      return encoded_again<AllInstancesArguments>(bytes);
    case Operation::read_events:
      return encoded_again<ReadEventsArguments>(bytes);
    case Operation::delete_instances:
      return encoded_again<DeleteInstancesArguments>(bytes);
    case Operation::set_learning_mode:
      return encoded_again<SetLearningModeArguments>(bytes);
    case Operation::import_impl_model:
    case Operation::define_specification:
    case Operation::control:
      return encoded_again<TextArguments>(bytes);
    case Operation::remove_specification:
      return encoded_again<RemoveSpecificationArguments>(bytes);
    case Operation::show_specification:
      return encoded_again<SpecificationArguments>(bytes);
    case Operation::check_impl_model:
      return encoded_again<CheckArguments>(bytes);
    case Operation::delete_instance:
    case Operation::all_impl_models:
    case Operation::export_impl_models:
    case Operation::list_specifications:
    case Operation::ping:
    case Operation::shard_map:
      CHECK(bytes.empty());
      return {};
  }
  return {};
}

void execute_request(const std::string& operation, std::string_view message) {
  RequestMessageReader reader;
  REQUIRE(reader.read(message).ok());
  REQUIRE(reader.requests().size() == 1);
  const RequestHeader& header = reader.requests().front();
  REQUIRE_FALSE(header.fault);
  CHECK(header.operation->name == operation);
  const std::string arguments = encoded_again(header.operation->operation, header.arguments);
  std::uint64_t id = header.async_number();
  RequestMessageWriter writer(reader.client());
  writer.add(id, header.operation->operation, header.identifier, arguments, header.key, header.timeout_ms);
  CHECK(to_hex(writer.message()) == to_hex(message));
  if (header.operation->operation == Operation::all_instances) {
    AllInstancesArguments all;
    REQUIRE(decode(header.arguments, all).ok());
    CHECK(Filter::decode(all.filter).ok());
  }
}

void execute_server_message(std::string_view message) {
  ServerMessage read;
  REQUIRE(read_server_message(message, read).ok());
  for (const ReplyView& view : read.replies) {
    const auto reply = decode_reply(view);
    REQUIRE(reply.ok());
    if (reply->error) CHECK(reply->error->known());
    for (const ErrorBody& error : reply->reported) CHECK(error.known());
  }
  if (read.type == MessageType::notice) CHECK(decode_error(read.error)->known());
}

}  // namespace

TEST_CASE("every hex example of the protocol document is executed", "[docs]") {
  const std::vector<Block> blocks = document_blocks();
  int executed = 0;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    if (blocks[i].language != "hex") continue;
    const Block& block = blocks[i];
    CAPTURE(block.name);
    const std::string message = from_hex(block.text);
    const auto value = decode_value(message);
    REQUIRE(value.ok());
    CHECK(to_hex(encode_value(*value)) == to_hex(message));
    REQUIRE(i + 1 < blocks.size());
    REQUIRE(blocks[i + 1].language == "json");
    CHECK(to_json(*value) + "\n" == blocks[i + 1].text);
    if (block.name.starts_with("request ")) {
      execute_request(block.name.substr(8), message);
    } else {
      execute_server_message(message);
    }
    ++executed;
  }
  CHECK(executed > 40);
}

TEST_CASE("every message that the library writes is an example in the document", "[docs]") {
  std::map<std::string, std::string> examples;
  for (const Block& block : document_blocks()) {
    if (block.language == "hex") CHECK(examples.emplace(block.name, to_hex(from_hex(block.text))).second);
  }
  for (const Sample& sample : samples()) {
    CAPTURE(sample.name);
    CHECK(examples[sample.name] == to_hex(sample.message));
  }
  for (const OperationInfo& info : all_operations()) {
    CAPTURE(info.name);
    CHECK(examples.count("request " + std::string(info.name)) == 1);
  }
}

TEST_CASE("the document's table of operations is the code's", "[docs]") {
  std::map<std::string, std::vector<std::string>> documented;
  for (const auto& row : rows(5)) {
    if (find_operation(row[1]) != nullptr) documented[row[1]] = row;
  }
  CHECK(documented.size() == all_operations().size());
  for (const OperationInfo& info : all_operations()) {
    CAPTURE(info.name);
    const auto& row = documented[std::string(info.name)];
    REQUIRE(row.size() == 5);
    CHECK(row[0] == std::to_string(static_cast<int>(info.operation)));
    CHECK(row[2] == route_name(info.route));
    CHECK(row[3] == (info.mutates ? "yes" : "no"));
    CHECK(row[4] == (info.is_async ? "yes" : "no"));
  }
}

TEST_CASE("every reason has its row with what may be concluded from it", "[docs]") {
  std::map<std::string, std::string> documented;
  for (const auto& row : rows(4)) {
    if (row[0].ends_with("Error")) documented[row[0] + " " + row[1]] = row[2];
  }
  CHECK(documented.size() == spex::base::all_reasons().size());
  for (const Reason reason : spex::base::all_reasons()) {
    const std::string name =
        std::string(spex::base::class_name(reason)) + " " + std::string(spex::base::reason_name(reason));
    CAPTURE(name);
    CHECK(documented[name] == outcome_name(spex::base::outcome_of(reason)));
  }
}

TEST_CASE("the test vectors of identifiers hold", "[docs]") {
  int checked = 0;
  for (const auto& row : rows(4)) {
    if (row[2].size() != 16 || row[2].find_first_not_of("0123456789abcdef") != std::string::npos) continue;
    CAPTURE(row[0]);
    const std::string encoded = encode_value(*parse_json(row[0]));
    std::string scratch;
    const std::string canonical(*canonicalise(encoded, scratch));
    CHECK(to_hex(canonical) == row[1]);
    CHECK(spex::base::hash64(canonical) == std::stoull(row[2], nullptr, 16));
    CHECK(std::to_string(slot_of(canonical)) == row[3]);
    ++checked;
  }
  CHECK(checked >= 10);
}

TEST_CASE("the examples of canonical encoding hold", "[docs]") {
  int checked = 0;
  for (const auto& row : rows(2)) {
    if (row[0].find_first_not_of("0123456789abcdef") != std::string::npos) continue;
    CAPTURE(row[0]);
    const std::string sent = from_hex(row[0]);
    std::string scratch;
    CHECK(to_hex(*canonicalise(sent, scratch)) == row[1]);
    ++checked;
  }
  CHECK(checked >= 6);
}

TEST_CASE("the document's limits are the code's", "[docs]") {
  std::map<std::string, std::string> documented;
  for (const auto& row : rows(2)) documented[row[0]] = row[1];
  const auto is = [&](const char* what, std::uint64_t limit) {
    CAPTURE(what);
    CHECK(documented[what] == std::to_string(limit));
  };
  is("requests in a message", kRequestsPerMessageMax);
  is("request id, bytes encoded", kRequestIdBytesMax);
  is("identifier, bytes in canonical form", kIdentifierBytesMax);
  is("meta, bytes encoded", kMetaBytesMax);
  is("depth of containers in identifier, meta, filter", kDepthMax);
  is("records in a page of `get_instance` or `read_events`", kPageRecordsMax);
  is("instances in a page of `all_instances`", kPageInstancesMax);
  is("filter, bytes", kFilterBytesMax);
  is("filter, parts", kFilterNodesMax);
  is("timeout_ms", kTimeoutMillisecondsMax);
}

TEST_CASE("the Python client is about thirty lines", "[docs]") {
  int clients = 0;
  for (const Block& block : document_blocks()) {
    if (block.language != "python" || block.name != "client") continue;
    ++clients;
    CHECK(std::count(block.text.begin(), block.text.end(), '\n') <= 40);
  }
  CHECK(clients == 1);
}
