#include "binlog/charset.hpp"

#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <string>

#include "tests/pgoutput/codec_case.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using pgoutput::testing::bytes;
using pgoutput::testing::hex;

namespace {

/// "illegal" for what is not legal in the set.
std::string converted(std::string_view set, byte_view text) {
  const text_conversion* how = conversion_of(set);
  REQUIRE(how);
  // Exactly the room that is asked for, on the heap: a byte beyond either end is seen.
  bytes from(text.begin(), text.end());
  std::size_t room = text.size() * worst_utf8_growth;
  auto out = std::make_unique<char[]>(room);
  char* end = put_as_utf8(out.get(), *how, from);
  if (!end) return "illegal";
  REQUIRE(end <= out.get() + room);
  return {out.get(), end};
}
std::string converted(std::string_view set, std::string_view text) {
  return converted(set, hex(text));
}

struct pair {
  std::string_view text;
  std::string_view is;
};

void check(std::string_view set, std::initializer_list<pair> pairs) {
  for (const pair& each : pairs) {
    INFO(set << " " << each.text);
    CHECK(converted(set, each.text) == each.is);
    if (each.is == "illegal") continue;
    // Among others, and cut anywhere within.
    bytes whole = hex(each.text);
    bytes among = hex("41" + std::string(each.text) + "42");
    CHECK(converted(set, among) == "A" + std::string(each.is) + "B");
    for (std::size_t size = 1; size < whole.size(); ++size)
      CHECK(converted(set, byte_view(whole).first(size)) == "illegal");
  }
}

}  // namespace

TEST_CASE("binlog: Chinese character sets") {
  check("gb2312", {{"a1a1", "\u3000"},
                   {"a1aa", "―"},
                   {"a1a4", "・"},
                   {"b0a1", "啊"},
                   {"f7fe", "齄"},
                   {"8140", "illegal"},
                   {"f8a1", "illegal"},
                   {"d7fa", "illegal"},
                   {"a1a0", "illegal"},
                   {"a1ff", "illegal"},
                   {"a141", "illegal"},
                   {"80", "illegal"},
                   {"ff", "illegal"}});
  check("gbk", {{"8140", "丂"},
                {"a1aa", "—"},
                {"a1a4", "·"},
                {"d6d0", "中"},
                {"fe4f", "﨩"},
                {"bb5c", "籠"},
                {"fe50", "illegal"},
                {"817f", "illegal"},
                {"81ff", "illegal"},
                {"8130", "illegal"},
                {"81308130", "illegal"},
                {"80", "illegal"},
                {"ff40", "illegal"},
                {"a2a1", "ⅰ"},
                {"aaa1", "illegal"}});
  check("big5", {{"a140", "\u3000"},
                 {"a4a4", "中"},
                 {"a55c", "功"},
                 {"f9d5", "龘"},
                 {"f9dc", "嫺"},
                 {"f9dd", "illegal"},
                 {"a15a", "illegal"},
                 {"a13f", "illegal"},
                 {"a17f", "illegal"},
                 {"a1a0", "illegal"},
                 {"a0a1", "illegal"},
                 {"80", "illegal"},
                 {"ff", "illegal"}});
}

TEST_CASE("binlog: gb18030 has all of Unicode") {
  check("gb18030", {{"d6d0", "中"},
                    {"fefe", "\ue4c5"},
                    {"fe50", "⺁"},
                    {"a2e3", "€"},
                    {"817f", "illegal"},
                    {"81ff", "illegal"},
                    {"80", "illegal"},
                    {"ff", "illegal"},
                    {"8e30", "illegal"}});
  check("gb18030", {{"81308130", "\xc2\x80"},
                    {"8130fe39", "\xd8\x89"},
                    {"8135f437", "\ue7c7"},
                    {"8431a437", "\ufffd"},
                    {"8431a439", "\uffff"},
                    {"90308130", "\U00010000"},
                    {"9439fc36", "😀"},
                    {"e3329a35", "\U0010ffff"}});
  check("gb18030", {{"8431a530", "illegal"},
                    {"8f39fe39", "illegal"},
                    {"e3329a36", "illegal"},
                    {"fe39fe39", "illegal"},
                    {"81308030", "illegal"},
                    {"8130ff30", "illegal"},
                    {"8130813a", "illegal"},
                    {"8130812f", "illegal"},
                    {"812f8130", "illegal"},
                    {"813a8130", "illegal"},
                    {"ff308130", "illegal"},
                    {"80308130", "illegal"}});
}

TEST_CASE("binlog: Japanese character sets") {
  for (std::string_view set : {"sjis", "cp932"})
    check(set, {{"8140", "\u3000"},
                {"93fa", "日"},
                {"955c", "表"},
                {"eaa4", "熙"},
                {"a1", "｡"},
                {"df", "ﾟ"},
                {"b1", "ｱ"},
                {"5c", "\\"},
                {"7e", "~"},
                {"80", "illegal"},
                {"a0", "illegal"},
                {"fd", "illegal"},
                {"ff", "illegal"},
                {"813f", "illegal"},
                {"817f", "illegal"},
                {"81fd", "illegal"},
                {"8540", "illegal"},
                {"b1b280", "illegal"}});
  check("sjis", {{"8160", "〜"}, {"817c", "−"}, {"815f", "\\"}, {"8740", "illegal"}, {"f040", "illegal"}});
  check("cp932", {{"8160", "～"},
                  {"817c", "－"},
                  {"815f", "＼"},
                  {"8740", "①"},
                  {"f040", "\ue000"},
                  {"fc4b", "黑"},
                  {"fc4c", "illegal"}});
  for (std::string_view set : {"ujis", "eucjpms"})
    check(set, {{"a1a1", "\u3000"},    {"c6fc", "日"},        {"8eb1", "ｱ"},         {"8ea1", "｡"},
                {"8edf", "ﾟ"},         {"8fb0a1", "丂"},      {"8ffefe", "\ue757"},  {"fefe", "\ue3ab"},
                {"8ee0", "illegal"},   {"8f", "illegal"},     {"8f20a1", "illegal"}, {"8fb0a0", "illegal"},
                {"8fb07f", "illegal"}, {"8fa1a1", "illegal"}, {"a1a0", "illegal"},   {"a1ff", "illegal"},
                {"a141", "illegal"},   {"80", "illegal"},     {"a0a1", "illegal"},   {"ff", "illegal"}});
  check("ujis", {{"a1c1", "〜"}, {"8fa2b7", "~"}, {"ada1", "illegal"}});
  check("eucjpms", {{"a1c1", "～"}, {"8fa2b7", "～"}, {"ada1", "①"}});
}

TEST_CASE("binlog: euckr and swe7") {
  check("euckr", {{"8141", "갂"},
                  {"b0a1", "가"},
                  {"c8fe", "힝"},
                  {"c6c3", "팅"},
                  {"a2e6", "€"},
                  {"fdfe", "詰"},
                  {"8140", "illegal"},
                  {"815b", "illegal"},
                  {"8160", "illegal"},
                  {"81ff", "illegal"},
                  {"c9a1", "illegal"},
                  {"fea1", "illegal"},
                  {"80", "illegal"},
                  {"ff", "illegal"}});
  check("swe7", {{"40", "É"},
                 {"5b", "Ä"},
                 {"5c", "Ö"},
                 {"5d", "Å"},
                 {"5e", "Ü"},
                 {"60", "é"},
                 {"7b", "ä"},
                 {"7c", "ö"},
                 {"7d", "å"},
                 {"7e", "ü"},
                 {"24", "$"},
                 {"7f", "illegal"},
                 {"80", "illegal"}});
  CHECK_FALSE(conversion_of("swe7")->keeps_ascii());
  CHECK_FALSE(conversion_of("utf16")->keeps_ascii());
  CHECK(conversion_of("sjis")->keeps_ascii());
}

TEST_CASE("binlog: every pair of bytes stays within its table") {
  for (std::string_view set :
       {"big5", "cp932", "eucjpms", "euckr", "gb18030", "gb2312", "gbk", "sjis", "ujis", "swe7", "latin1"}) {
    INFO(set);
    if (conversion_of(set)->keeps_ascii()) {
      std::string ascii;
      for (char c = 0; c >= 0 && c < 127; ++c) ascii += c;
      CHECK(converted(set, as_bytes(ascii)) == ascii);
    }
    CHECK(converted(set, "") == "");
    std::size_t legal = 0;
    for (int first = 0; first < 256; ++first)
      for (int second = 0; second < 256; ++second) {
        std::uint8_t text[]{0x8f, static_cast<std::uint8_t>(first), static_cast<std::uint8_t>(second)};
        legal += converted(set, byte_view(text).subspan(1)) != "illegal";
        converted(set, text);
      }
    CHECK(legal >= std::size_t{127} * 127);
  }
}
