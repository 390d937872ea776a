#include "lts/aut_format.h"

#include <unistd.h>
#include <zlib.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "lts/line_source.h"

using namespace spex::lts;
using spex::base::Reason;

namespace {

std::string label_of(const std::string& transition) {
  const auto lts = parse_aut("des (0,1,2)\n" + transition);
  REQUIRE(lts.ok());
  return std::string(lts->action_name(lts->outgoing(0)[0].action));
}

struct BadRow {
  const char* what;
  std::string text;
  const char* line;
  Reason reason = Reason::malformed;
};

}  // namespace

TEST_CASE("a well-formed .aut is read whatever its blanks and line ends", "[lts]") {
  const char* texts[] = {"des (1,2,3)\n(1,\"a\",0)\n(0,tau,2)\n", "des(1,2,3)\r\n(1,a,0)\r\n(0,\"tau\",2)\r\n",
                         "\n  des ( 1 , 2 , 3 )  \n\n ( 1 , a , 0 ) \n\t(0, tau ,2)"};
  for (const char* text : texts) {
    INFO(text);
    const auto lts = parse_aut(text);
    REQUIRE(lts.ok());
    CHECK(lts->initial_state() == 1);
    CHECK(lts->state_count() == 3);
    CHECK(lts->action_name(lts->outgoing(1)[0].action) == "a");
    CHECK(lts->outgoing(0)[0] == Transition{kTau, 2});
  }
}

TEST_CASE("labels are opaque bytes", "[lts]") {
  CHECK(label_of("(0,\"a(1,2) b\",1)") == "a(1,2) b");
  CHECK(label_of("(0,\" a \",1)") == " a ");
  CHECK(label_of("(0, a b\t,1)") == "ab");
  CHECK(label_of("(0,\"\",1)").empty());
  CHECK(label_of("(0,,1)").empty());
  CHECK(label_of("(0,\"a\\\",1)") == "a\\");
  CHECK(label_of("(0,\"b|a\",1)") == "b|a");
  CHECK(label_of("(0,a\"b,1)") == "a\"b");
  CHECK(label_of("(0,\"two\nlines\",1)") == "two\nlines");
}

TEST_CASE("only the named labels are internal", "[lts]") {
  const std::string text = "des (0,4,1)\n(0,tau,0)\n(0,i,0)\n(0,TAU,0)\n(0,,0)\n";
  CHECK(parse_aut(text)->action_count() == 4);
  const auto two = parse_aut(text, {{"i", "TAU"}});
  REQUIRE(two.ok());
  CHECK(two->action_count() == 3);
  CHECK(two->outgoing(0)[1].action == kTau);
  CHECK(two->outgoing(0)[2].action == kTau);
  CHECK(two->action_name(kTau) == "i");
}

TEST_CASE("bad .aut is refused with its line", "[lts]") {
  const std::string deep = "des (0,1,2)\n(0," + std::string(LineSource::kLineBytesMax + (1U << 21U), '(') + "\n";
  const BadRow rows[] = {
      {"empty", "", "1"},
      {"only blanks", "\n \n", "3"},
      {"no header", "(0,a,1)\n", "1"},
      {"header cut off", "des (0,1\n", "1"},
      {"header with more", "des (0,0,1) x\n", "1"},
      {"no states", "des (0,0,0)\n", "1"},
      {"initial state out of range", "des (2,0,2)\n", "1"},
      {"negative", "des (0,-1,2)\n", "1"},
      {"too few transitions", "des (0,2,2)\n(0,a,1)\n", "3"},
      {"too many transitions", "des (0,1,2)\n(0,a,1)\n(0,a,1)\n", "3"},
      {"source out of range", "des (0,1,2)\n(2,a,1)\n", "2"},
      {"target out of range", "des (0,1,2)\n(0,a,2)\n", "2"},
      {"text after", "des (0,1,2)\n(0,a,1) x\n", "2"},
      {"no closing quote", "des (0,1,2)\n(0,\"a,1)\n", "2"},
      {"text after the quote", "des (0,1,2)\n(0,\"a\"b,1)\n", "2"},
      {"no target", "des (0,1,2)\n(0,a,)\n", "2"},
      {"no label", "des (0,1,2)\n(0)\n", "2"},
      {"no bracket", "des (0,1,2)\n0,a,1\n", "2"},
      {"huge count", "des (0,0,4294967295)\n", "1", Reason::too_large},
      {"huger count", "des (0,99999999999999999999999999,1)\n", "1", Reason::too_large},
      {"huge state", "des (0,1,2)\n\n(18446744073709551616,a,1)\n", "3", Reason::too_large},
      {"sparse states", "des (0,1,4294967294)\n(4294967293,a,1)\n", "3", Reason::too_large},
      {"endless line", deep, "2", Reason::too_large},
  };
  for (const BadRow& row : rows) {
    INFO(row.what);
    const auto lts = parse_aut(row.text);
    REQUIRE_FALSE(lts.ok());
    CHECK(lts.error().reason == row.reason);
    REQUIRE(lts.error().context.size() == 1);
    CHECK(lts.error().context[0].second == row.line);
    CHECK(lts.error().message.find(std::string("line ") + row.line) != std::string::npos);
  }
}

TEST_CASE("states beyond the last transition cost nothing", "[lts]") {
  const auto lts = parse_aut("des (4000000000,1,4294967294)\n(0,a,4294967293)\n");
  REQUIRE(lts.ok());
  CHECK(lts->outgoing(lts->initial_state()).empty());
}

TEST_CASE("what is written reads back the same", "[lts]") {
  const char* text = "des (1,3,3)\n(0,\"a, b\",2)\n(1,\"tau\",0)\n(1,x\"y,0)\n";
  const auto lts = parse_aut(text);
  REQUIRE(lts.ok());
  CHECK(*format_aut(*lts) == text);
  CHECK(format_aut(*lts, "i")->find("(1,\"i\",0)") != std::string::npos);
  CHECK_FALSE(format_aut(*lts, "a, b").ok());
  CHECK_FALSE(format_aut(*parse_aut("des (0,2,1)\n(0,tau,0)\n(0,i,0)\n"), "i").ok());
}

TEST_CASE("files are read plain and compressed, and a cut-off one is refused", "[lts]") {
  std::string path = "/tmp/aut_format_test.XXXXXX";
  close(mkstemp(path.data()));
  std::string text = "des (0,20000,20001)\n";
  for (int i = 0; i < 20000; ++i) text.append("(").append(std::to_string(i)).append(",a,20000)\n");
  gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  CHECK(read_aut_file(path)->transition_count() == 20000);

  FILE* raw = std::fopen(path.c_str(), "rb+");
  std::string bytes(1U << 20U, '\0');
  bytes.resize(std::fread(bytes.data(), 1, bytes.size(), raw));
  std::fclose(raw);
  raw = std::fopen(path.c_str(), "wb");
  std::fwrite(bytes.data(), 1, bytes.size() / 2, raw);
  std::fclose(raw);
  CHECK_FALSE(read_aut_file(path).ok());
  raw = std::fopen(path.c_str(), "wb");
  std::fwrite(text.data(), 1, text.size(), raw);
  std::fclose(raw);
  CHECK(read_aut_file(path)->transition_count() == 20000);
  std::remove(path.c_str());
  CHECK(read_aut_file(path).error().reason == Reason::storage_open);
}

TEST_CASE("the quick way through usual lines reads what the thorough one does", "[lts]") {
  // Labels that share their first eight bytes, that hold what ends a line or a label, and none at all.
  const std::string labels[] = {"\"a\"",
                                "b",
                                "\"request(1)\"",
                                "\"request(2)\"",
                                "\"12345678\"",
                                "\"a,)b(\"",
                                "\"x \ty\"",
                                "\"two\nlines\"",
                                "\"\"",
                                "tau",
                                "\"tau\"",
                                "i",
                                "a\"b",
                                "\"123456789\"",
                                "\"\\\"",
                                "\"\xC3\xA9t\"",
                                std::string("\"\0zero\"", 7)};
  constexpr std::uint32_t kStates = 1000;
  std::string usual;
  std::string blanks;
  std::uint32_t lines = 0;
  // More than one buffer, so that lines are cut at its end.
  for (; usual.size() < 700'000; ++lines) {
    const std::string from = std::to_string(lines * 7 % kStates);
    const std::string to = std::to_string(lines * 13 % kStates);
    const std::string& label = labels[lines % std::size(labels)];
    usual += "(" + from + "," + label + "," + to + ")\n";
    blanks += "( " + from + " , " + label + " , " + to + " ) \n";
  }
  const std::string head = "des (0," + std::to_string(lines) + "," + std::to_string(kStates) + ")\n";
  const auto quick = parse_aut(head + usual);
  const auto thorough = parse_aut(head + blanks);
  REQUIRE(quick.ok());
  REQUIRE(thorough.ok());
  CHECK(quick->transition_count() == lines);
  CHECK(quick->action_count() == thorough->action_count());
  CHECK(*format_aut(*quick) == *format_aut(*thorough));
}

TEST_CASE("a bad line among usual ones is refused with its number", "[lts]") {
  const std::string good = "(0,\"a\",1)\n";
  for (const char* bad : {"(0,\"a\",2)\n", "(2,\"a\",0)\n", "(0,\"a\",1) x\n", "(0,\"a\",1\n",
                          "(0,\"a\",12345678901)\n", "(0,\"a\"1)\n", "0,\"a\",1)\n"}) {
    INFO(bad);
    const auto lts = parse_aut("des (0,4,2)\n" + good + good + bad + good);
    REQUIRE_FALSE(lts.ok());
    CHECK(lts.error().context.at(0).second == "4");
  }
  const auto too_many = parse_aut("des (0,1,2)\n" + good + good);
  REQUIRE_FALSE(too_many.ok());
  CHECK(too_many.error().context.at(0).second == "3");
  CHECK_FALSE(parse_aut("des (0,3,2)\n" + good + good).ok());
  CHECK(parse_aut("des (0,2,2)\n" + good + "(0,\"a\",1)").ok());
}
