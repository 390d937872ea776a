#include "dataops/salvaged_past.h"

#include <algorithm>
#include <cstring>

namespace spex::dataops {
namespace {

using store::Address;
using store::as_bytes;
using store::ChunkKind;
using store::LogRecord;
using store::RecordKind;

template <typename Element, typename Each>
void for_each_element(const std::string& body, const Each& each) {
  for (std::size_t at = 4, i = 0; at + sizeof(Element) <= body.size(); at += sizeof(Element), ++i) {
    Element element;
    std::memcpy(static_cast<void*>(&element), &body[at], sizeof element);
    each(i, element);
  }
}

}  // namespace

SalvagedPast::SalvagedPast(const SalvagedShard& shard, RebuildReport& report) : shard_(shard), report_(report) {
  read_snapshots();
  read_log();
}

void SalvagedPast::read_snapshots() {
  for (const auto& [chunk_row, row] : shard_.table("snapshot")) {
    const store::ChunkId chunk = store::ChunkId::of_row(chunk_row);
    const std::string body = text(row, 2);
    const auto saved = static_cast<std::uint64_t>(integer(row, 1));
    if (chunk.kind == ChunkKind::states) {
      for_each_element<store::State>(body, [&](std::size_t i, const store::State& state) {
        states_[static_cast<std::uint32_t>(chunk.index * store::StateTable::kPerChunk + i)] = {saved, state};
      });
    } else if (chunk.kind == ChunkKind::keys) {
      for_each_element<store::KeyEntry>(body, [&](std::size_t i, const store::KeyEntry& entry) {
        if (entry.address) keys_[chunk.index * store::KeyTable::kKeysPerChunk + i] = entry;
      });
    } else {
      for_each_element<store::KeyClient>(body, [&](std::size_t i, const store::KeyClient& client) {
        clients_[static_cast<std::uint32_t>(chunk.index * store::KeyTable::kClientsPerChunk + i)] = client;
      });
    }
  }
}

void SalvagedPast::read_log() {
  const auto& tail = shard_.table("tail");
  first_row_ = tail.empty() ? 0 : static_cast<std::uint64_t>(integer(tail.begin()->second, 1));
  segment_end_ = tail.empty() ? 0 : static_cast<std::uint64_t>(integer(tail.begin()->second, 2));
  cursor_ = tail.empty() ? 0 : static_cast<std::uint32_t>(integer(tail.begin()->second, 3));
  for (const auto& [damaged, pages] : shard_.damaged_pages) {
    report_.sentences.push_back("damaged in the table " + damaged + ": " + std::to_string(pages) + " pages");
  }
  if (!shard_.cut_log.empty()) {
    report_.sentences.push_back("what was committed behind the damage is lost: " + shard_.cut_log);
    report_.keys_may_be_missing = true;
  }
  if (shard_.damaged_pages.contains("log")) {
    report_.sentences.push_back(
        "instances that were changed last in what is lost of the log are older than acknowledged");
  }
  std::uint64_t expected = 0;
  for (const auto& [n, row] : shard_.table("log")) {
    const auto number = static_cast<std::uint64_t>(n);
    if (expected && number != expected) lose_rows(expected, number - 1);
    expected = number + 1;
    const std::string body = text(row, 1);
    store::RowReader reader(number, as_bytes(body));
    if (!reader.is_sound()) {
      lose_rows(number, number);
      if (!reader.has_header()) continue;
    }
    read_row(reader);
  }
  if (expected == 0 && !shard_.table("instances").empty()) report_.sentences.push_back("nothing of the log is left");
}

void SalvagedPast::lose_rows(std::uint64_t from, std::uint64_t to) {
  report_.sentences.push_back("log rows " + std::to_string(from) + " to " + std::to_string(to) + " are lost");
  report_.keys_may_be_missing = true;
}

void SalvagedPast::read_row(store::RowReader& reader) {
  const store::RowHeader header = reader.header();
  key_tail_ = std::max(key_tail_, header.key_tail);
  floor_of_all_ = std::max(floor_of_all_, header.floor_of_all);
  std::uint64_t position = header.key_position;
  while (!reader.at_end()) {
    const Address address = reader.position();
    const auto record = reader.next();
    if (!record) return;
    if (record->keyed) keys_[position++] = store::key_entry_of(*record, address);
    take(*record, address);
  }
}

void SalvagedPast::take(const LogRecord& record, Address address) {
  if (record.kind == RecordKind::client_assigned) clients_[record.number] = {record.client, record.key_number, 0};
  if (record.kind == RecordKind::floor_raised) clients_[record.number].floor = record.key_number;
  if (record.kind >= RecordKind::client_assigned || record.kind == RecordKind::remembered) return;
  Story& story = stories_[record.number];
  if (record.kind == RecordKind::timeout_reported) {
    story.timeout_reported = true;
    return;
  }
  if (record.kind != RecordKind::transition) {
    story = Story();
    if (record.kind == RecordKind::removal) return;
    story.born = address;
    story.made_here = true;
    if (record.kind == RecordKind::mock) return;
  } else {
    const Address before = record.back ? address - record.back : 0;
    if (story.records.empty()) story.first = before;
    const Address expected = story.records.empty() ? (story.made_here ? 0 : before) : story.head;
    story.broken = story.broken || before != expected;
  }
  story.timeout_reported = false;
  story.head = address;
  story.records.push_back({address, {record.action, record.state, record.at, record.occurred_at}});
}

// The archived records, oldest first, as far as they have no gap.
std::vector<store::ArchivedRecord> SalvagedPast::archived(std::uint32_t number, bool& gap) const {
  std::vector<store::ArchivedRecord> records;
  for (auto row = shard_.archive.lower_bound({number, 0}); row != shard_.archive.end() && row->first.first == number;
       ++row) {
    const auto sequence = static_cast<std::uint32_t>(row->first.second);
    const auto part = store::decode_archive_body(number, sequence, as_bytes(row->second));
    if (!part || records.size() + part->size() != sequence) {
      gap = true;
      return records;
    }
    records.insert(records.end(), part->rbegin(), part->rend());
  }
  return records;
}

Address SalvagedPast::boundary(std::uint32_t number) const {
  return (number < cursor_ ? segment_end_ : first_row_) << store::kOffsetBits;
}

std::string SalvagedPast::history(std::uint32_t number, std::vector<store::ArchivedRecord>& records) const {
  bool gap = false;
  records = archived(number, gap);
  if (gap) return "its archived records have a gap";
  static const Story kNone;
  const auto found = stories_.find(number);
  const Story& story = found == stories_.end() ? kNone : found->second;
  if (story.broken) return "records in the middle of its history are lost";
  std::size_t in_log = 0;
  for (const auto& [address, record] : story.records) {
    if (address < boundary(number)) continue;
    if (in_log++ == 0 && !story.made_here && story.first != 0 && story.first >= boundary(number)) {
      return "records in the middle of its history are lost";
    }
    records.push_back(record);
  }
  return against_snapshot(number, story, records);
}

std::string SalvagedPast::against_snapshot(std::uint32_t number, const Story& story,
                                           const std::vector<store::ArchivedRecord>& records) const {
  const auto found = states_.find(number);
  if (found == states_.end()) {
    return story.made_here || !records.empty() ? "" : "neither its state nor its records are left";
  }
  const auto& [saved, state] = found->second;
  if (!state.is_living()) return story.made_here ? "" : "its records are lost";
  if (story.made_here && store::row_of(story.born) > saved) return "";  // a later instance of that number
  std::size_t later = 0;
  for (const auto& [address, record] : story.records) later += store::row_of(address) > saved ? 1 : 0;
  return state.sequence + later == records.size() ? "" : "records at the begin or end of its history are lost";
}

// Removed after its state was saved.
bool SalvagedPast::is_gone(std::uint32_t number) const {
  const auto found = stories_.find(number);
  return found != stories_.end() && found->second.born == 0 && found->second.head == 0;
}

bool SalvagedPast::timeout_reported(std::uint32_t number) const {
  const auto story = stories_.find(number);
  if (story != stories_.end() && (story->second.timeout_reported || !story->second.records.empty())) {
    return story->second.timeout_reported;
  }
  const auto state = states_.find(number);
  return state != states_.end() && state->second.second.timeout_reported();
}

std::set<std::uint32_t> SalvagedPast::living() const {
  std::set<std::uint32_t> numbers;
  for (const auto& [number, state] : states_) {
    if (state.second.is_living() && !is_gone(number)) numbers.insert(number);
  }
  for (const auto& [number, story] : stories_) {
    if (story.born != 0 || story.head != 0) numbers.insert(number);
  }
  return numbers;
}

bool SalvagedPast::is_of_present_owner(const store::KeyEntry& entry) const {
  const auto story = stories_.find(entry.instance);
  return story == stories_.end() || story->second.born <= entry.address;
}

}  // namespace spex::dataops
