#include "binlog/charset.hpp"

#include <algorithm>
#include <array>

#include "binlog/charset_tables.hpp"
#include "binlog/multi_byte_tables.hpp"

namespace tidewire::binlog {

namespace {

struct collation_range {
  std::uint16_t first;
  std::uint16_t last;
  std::string_view name;
};

// As information_schema.collations of MySQL 9.7 and MariaDB 11.8 list them; a gap inside a range is nobody's.
constexpr collation_range ranges[] = {
    {1, 1, "big5"},        {2, 2, "latin2"},      {3, 3, "dec8"},        {4, 4, "cp850"},
    {5, 5, "latin1"},      {6, 6, "hp8"},         {7, 7, "koi8r"},       {8, 8, "latin1"},
    {9, 9, "latin2"},      {10, 10, "swe7"},      {11, 11, "ascii"},     {12, 12, "ujis"},
    {13, 13, "sjis"},      {14, 14, "cp1251"},    {15, 15, "latin1"},    {16, 16, "hebrew"},
    {18, 18, "tis620"},    {19, 19, "euckr"},     {20, 20, "latin7"},    {21, 21, "latin2"},
    {22, 22, "koi8u"},     {23, 23, "cp1251"},    {24, 24, "gb2312"},    {25, 25, "greek"},
    {26, 26, "cp1250"},    {27, 27, "latin2"},    {28, 28, "gbk"},       {29, 29, "cp1257"},
    {30, 30, "latin5"},    {31, 31, "latin1"},    {32, 32, "armscii8"},  {33, 33, "utf8mb3"},
    {34, 34, "cp1250"},    {35, 35, "ucs2"},      {36, 36, "cp866"},     {37, 37, "keybcs2"},
    {38, 38, "macce"},     {39, 39, "macroman"},  {40, 40, "cp852"},     {41, 42, "latin7"},
    {43, 43, "macce"},     {44, 44, "cp1250"},    {45, 46, "utf8mb4"},   {47, 49, "latin1"},
    {50, 52, "cp1251"},    {53, 53, "macroman"},  {54, 55, "utf16"},     {56, 56, "utf16le"},
    {57, 57, "cp1256"},    {58, 59, "cp1257"},    {60, 61, "utf32"},     {62, 62, "utf16le"},
    {63, 63, "binary"},    {64, 64, "armscii8"},  {65, 65, "ascii"},     {66, 66, "cp1250"},
    {67, 67, "cp1256"},    {68, 68, "cp866"},     {69, 69, "dec8"},      {70, 70, "greek"},
    {71, 71, "hebrew"},    {72, 72, "hp8"},       {73, 73, "keybcs2"},   {74, 74, "koi8r"},
    {75, 75, "koi8u"},     {76, 76, "utf8mb3"},   {77, 77, "latin2"},    {78, 78, "latin5"},
    {79, 79, "latin7"},    {80, 80, "cp850"},     {81, 81, "cp852"},     {82, 82, "swe7"},
    {83, 83, "utf8mb3"},   {84, 84, "big5"},      {85, 85, "euckr"},     {86, 86, "gb2312"},
    {87, 87, "gbk"},       {88, 88, "sjis"},      {89, 89, "tis620"},    {90, 90, "ucs2"},
    {91, 91, "ujis"},      {92, 93, "geostd8"},   {94, 94, "latin1"},    {95, 96, "cp932"},
    {97, 98, "eucjpms"},   {99, 99, "cp1250"},    {101, 124, "utf16"},   {128, 151, "ucs2"},
    {159, 159, "ucs2"},    {160, 183, "utf32"},   {192, 215, "utf8mb3"}, {223, 223, "utf8mb3"},
    {224, 247, "utf8mb4"}, {248, 250, "gb18030"}, {255, 323, "utf8mb4"}, {576, 579, "utf8mb3"},
    {608, 611, "utf8mb4"}, {640, 642, "ucs2"},    {672, 674, "utf16"},   {736, 738, "utf32"},
};

constexpr auto byte_conversions = [] {
  std::array<text_conversion, upper_halves.size()> made;
  for (std::size_t i = 0; i < made.size(); ++i) {
    made[i].upper = &upper_halves[i].codes;
    for (const half& each : lower_halves)
      if (each.name == upper_halves[i].name) made[i].lower = &each.codes;
  }
  return made;
}();
constexpr auto multi_byte_conversions = [] {
  std::array<text_conversion, multi_byte_set_count> made;
  for (std::size_t i = 0; i < made.size(); ++i)
    made[i] = {text_conversion::unit::multi_byte, nullptr, nullptr, &multi_byte_sets[i]};
  return made;
}();
constexpr text_conversion utf16{text_conversion::unit::utf16},
    utf16_little{text_conversion::unit::utf16_little}, utf32{text_conversion::unit::utf32};

char* put_code(char* out, std::uint32_t code) {
  if (code < 0x80) {
    *out++ = static_cast<char>(code);
    return out;
  }
  if (code < 0x800) {
    *out++ = static_cast<char>(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      *out++ = static_cast<char>(0xe0 | code >> 12);
    } else {
      *out++ = static_cast<char>(0xf0 | code >> 18);
      *out++ = static_cast<char>(0x80 | (code >> 12 & 0x3f));
    }
    *out++ = static_cast<char>(0x80 | (code >> 6 & 0x3f));
  }
  *out++ = static_cast<char>(0x80 | (code & 0x3f));
  return out;
}

bool is_surrogate(std::uint32_t code) {
  return code >= 0xd800 && code < 0xe000;
}

char* put_utf16(char* out, bool little, byte_view text) {
  if (text.size() % 2) return nullptr;
  auto unit = [&](std::size_t at) -> std::uint32_t {
    return little ? load_le<std::uint16_t>(text.data() + at) : load_be<std::uint16_t>(text.data() + at);
  };
  for (std::size_t at = 0; at < text.size(); at += 2) {
    std::uint32_t code = unit(at);
    if (is_surrogate(code)) {
      if (code >= 0xdc00 || at + 2 >= text.size()) return nullptr;
      std::uint32_t low = unit(at + 2);
      if (low < 0xdc00 || low >= 0xe000) return nullptr;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      at += 2;
    }
    out = put_code(out, code);
  }
  return out;
}

char* put_bytes(char* out, const text_conversion& how, byte_view text) {
  for (std::uint8_t byte : text) {
    std::uint32_t code = byte;
    if (byte >= 0x80)
      code = (*how.upper)[byte - 0x80];
    else if (how.lower)
      code = (*how.lower)[byte];
    if (code == 0 && byte) return nullptr;
    out = put_code(out, code);
  }
  return out;
}

struct taken {
  std::uint32_t code = 0;  // 0: no character
  std::size_t bytes = 1;
};

std::uint32_t code_in(const code_row& row, std::uint8_t last) {
  if (last < row.first || last > row.last) return 0;
  return multi_byte_codes[row.at + last - row.first];
}

taken take_four(std::span<const code_range> ranges, const std::uint8_t* from) {
  auto digit = [](std::uint8_t byte) { return byte >= 0x30 && byte <= 0x39; };
  auto high = [](std::uint8_t byte) { return byte >= 0x81 && byte <= 0xfe; };
  if (!high(from[0]) || !digit(from[1]) || !high(from[2]) || !digit(from[3])) return {};
  std::uint32_t number = (static_cast<std::uint32_t>(from[0] - 0x81) * 10 + (from[1] - 0x30u)) * 1260 +
                         (from[2] - 0x81u) * 10 + (from[3] - 0x30u);
  auto at = std::ranges::upper_bound(ranges, number, {}, [](const code_range& range) { return range.first; });
  if (at == ranges.begin()) return {};
  --at;
  if (number - at->first >= at->count) return {};
  return {at->code + (number - at->first), 4};
}

/// The character that begins with a byte beyond ASCII.
taken take_multi_byte(const multi_byte_set& set, byte_view text) {
  std::size_t lead = text[0] - 0x80u;
  if (set.singles && set.singles[lead]) return {set.singles[lead], 1};
  if (text.size() < 2) return {};
  if (set.triples && text[0] == 0x8f) {
    if (text.size() < 3 || text[1] < 0x80) return {};
    return {code_in(set.triples[text[1] - 0x80], text[2]), 3};
  }
  if (std::uint32_t code = code_in(set.rows[lead], text[1])) return {code, 2};
  if (set.fours.empty() || text.size() < 4) return {};
  return take_four(set.fours, text.data());
}

char* put_multi_byte(char* out, const multi_byte_set& set, byte_view text) {
  for (std::size_t at = 0; at < text.size();) {
    taken next{text[at], 1};
    if (text[at] >= 0x80) {
      next = take_multi_byte(set, text.subspan(at));
      if (next.code == 0) return nullptr;
    }
    out = put_code(out, next.code);
    at += next.bytes;
  }
  return out;
}

}  // namespace

std::string_view charset_name(std::uint32_t collation) {
  // MariaDB: the uca1400 collations have 256 numbers for each of these sets, and the NO PAD variants of the
  // older ones are 1024 above them.
  if (collation >= 2048) {
    constexpr std::string_view unicode[] = {"utf8mb3", "utf8mb4", "ucs2", "utf16", "utf32"};
    std::uint32_t set = (collation - 2048) / 256;
    return set < std::size(unicode) ? unicode[set] : std::string_view{};
  }
  if (collation >= 1024) collation -= 1024;
  auto at = std::lower_bound(std::begin(ranges), std::end(ranges), collation,
                             [](const collation_range& range, std::uint32_t id) { return range.last < id; });
  return at != std::end(ranges) && at->first <= collation ? at->name : std::string_view{};
}

std::uint32_t collation_of(std::string_view charset_name) {
  for (const collation_range& each : ranges)
    if (each.name == charset_name) return each.first;
  return 0;
}

charset charset_of(std::uint32_t collation) {
  std::string_view name = charset_name(collation);
  if (name.empty()) return charset::unknown;
  if (name == "utf8mb4" || name == "utf8mb3") return charset::utf8;
  if (name == "ascii") return charset::ascii;
  if (name == "binary") return charset::binary;
  return conversion_of(name) ? charset::converted : charset::other;
}

const text_conversion* conversion_of(std::string_view charset_name) {
  if (charset_name == "utf16" || charset_name == "ucs2") return &utf16;
  if (charset_name == "utf16le") return &utf16_little;
  if (charset_name == "utf32") return &utf32;
  for (std::size_t i = 0; i < upper_halves.size(); ++i)
    if (upper_halves[i].name == charset_name) return &byte_conversions[i];
  for (std::size_t i = 0; i < multi_byte_sets.size(); ++i)
    if (multi_byte_sets[i].name == charset_name) return &multi_byte_conversions[i];
  return nullptr;
}

char* put_as_utf8(char* out, const text_conversion& how, byte_view text) {
  switch (how.of) {
    case text_conversion::unit::byte: return put_bytes(out, how, text);
    case text_conversion::unit::multi_byte: return put_multi_byte(out, *how.set, text);
    case text_conversion::unit::utf16: return put_utf16(out, false, text);
    case text_conversion::unit::utf16_little: return put_utf16(out, true, text);
    case text_conversion::unit::utf32:
      if (text.size() % 4) return nullptr;
      for (std::size_t at = 0; at < text.size(); at += 4) {
        auto code = load_be<std::uint32_t>(text.data() + at);
        if (code > 0x10ffff || is_surrogate(code)) return nullptr;
        out = put_code(out, code);
      }
      return out;
  }
  return nullptr;
}

}  // namespace tidewire::binlog
