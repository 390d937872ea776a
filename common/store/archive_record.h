// The body of an archive row: some records of one instance, consecutive, newest
// first, with a checksum. Small enough to stay in its b-tree page.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "store/record.h"

namespace spex::store {

struct ArchivedRecord {
  std::uint32_t action = 0;
  std::uint32_t state = 0;
  std::int64_t at = 0;
  std::optional<std::int64_t> occurred_at;
};

inline constexpr std::size_t kArchiveBodyMax = 900;
inline constexpr std::size_t kArchivedRecordMax = 1 + 5 + 5 + 10 + 10;

// `newest_first` must fit; see kArchiveBodyMax. The number and the newest record's
// sequence, the row's key, are part of the checksum.
std::vector<std::uint8_t> encode_archive_body(std::uint32_t number, std::uint32_t sequence,
                                              const std::vector<ArchivedRecord>& newest_first);
// Nothing if the body is damaged.
std::optional<std::vector<ArchivedRecord>> decode_archive_body(std::uint32_t number, std::uint32_t sequence,
                                                               Bytes body);

}  // namespace spex::store
