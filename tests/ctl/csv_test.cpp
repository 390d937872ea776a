#include "ctl/csv.h"

#include <catch2/catch.hpp>

namespace spex::ctl {
namespace {

using Record = std::vector<std::string>;

std::vector<Record> read(std::string_view text) {
  CsvReader reader(text);
  std::vector<Record> records;
  Record fields;
  for (;;) {
    const auto more = reader.next(fields);
    INFO((more.ok() ? "" : more.error().message));
    REQUIRE(more.ok());
    if (!*more) return records;
    records.push_back(fields);
  }
}

std::string failure_of(std::string_view text) {
  CsvReader reader(text);
  Record fields;
  for (int i = 0; i < 100; ++i) {
    const auto more = reader.next(fields);
    if (!more.ok()) return more.error().message;
    if (!*more) return "";
  }
  return "endless";
}

TEST_CASE("records end with LF, CRLF or the file", "[csv]") {
  CHECK(read("a,b\nc,d\n") == std::vector<Record>{{"a", "b"}, {"c", "d"}});
  CHECK(read("a,b\r\nc,d\r\n") == std::vector<Record>{{"a", "b"}, {"c", "d"}});
  CHECK(read("a,b\nc,d") == std::vector<Record>{{"a", "b"}, {"c", "d"}});
  CHECK(read("").empty());
}

TEST_CASE("quoted fields hold commas, quotes and ends of lines", "[csv]") {
  CHECK(read("\"a,b\",\"c\"\"d\",\"e\nf\"\r\ng,\"\",h\n") ==
        std::vector<Record>{{"a,b", "c\"d", "e\nf"}, {"g", "", "h"}});
}

TEST_CASE("empty fields are fields, also the last; empty lines are none", "[csv]") {
  CHECK(read("a,,b\n\n,\r\n\r\n") == std::vector<Record>{{"a", "", "b"}, {"", ""}});
  CHECK(read("a,") == std::vector<Record>{{"a", ""}});
}

TEST_CASE("a byte order mark is no part of the first field", "[csv]") {
  CHECK(read("\xef\xbb\xbf"
             "a,b\n") == std::vector<Record>{{"a", "b"}});
}

TEST_CASE("what RFC 4180 does not allow is named with its line", "[csv]") {
  CHECK(failure_of("a,b\nc,d\"e\n") == "line 2: a quote inside a field that is not in quotes");
  CHECK(failure_of("a\n\"b\"c\n") == "line 2: text after a closing quote");
  CHECK(failure_of("a\n\"b\nc") == "line 3: a quote is not closed");
}

TEST_CASE("the line of a record is that on which it begins", "[csv]") {
  CsvReader reader("a\n\"b\nc\"\nd\n");
  Record fields;
  std::vector<std::size_t> lines;
  while (*reader.next(fields)) lines.push_back(reader.line());
  CHECK(lines == std::vector<std::size_t>{1, 2, 4});
}

}  // namespace
}  // namespace spex::ctl
