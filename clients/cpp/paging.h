// Paging: operations whose answer comes in pages, put together. Each returns a
// Continuation for Client::submit_paged; `done` gets one answer as if there
// had been one page. Bounded by what is there: collect only what fits in memory.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "clients/cpp/client.h"

namespace spex::client {

// The whole history of an instance, newest first; `before` as in get_instance.
struct Paged {
  Request first;
  Continuation on_page;
};
Paged whole_history(const protocol::Value& identifier, std::uint32_t before, Callback done);

// Instances that match, at most `limit` of them, a page at a time; what `visit` leaves is dropped, so that no more
// than a page is in memory. The body of the answer that `done` gets is [] or [cursor].
Paged each_page(const protocol::Value& filter, std::optional<std::uint64_t> limit, const protocol::Value& cursor,
                std::function<void(protocol::Array& instances)> visit, Callback done);

// The same, put together. The body of the answer is [instances, cursor?].
Paged collect_instances(const protocol::Value& filter, std::optional<std::uint64_t> limit,
                        const protocol::Value& cursor, Callback done);

}  // namespace spex::client
