#include "binlog/charset.hpp"

#include <algorithm>
#include <array>

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

// 0x80 to 0x9f of code page 1252.
constexpr std::array<std::uint16_t, 32> c1_of_latin1 = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x008d, 0x017d, 0x008f, 0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178};

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

charset charset_of(std::uint32_t collation) {
  std::string_view name = charset_name(collation);
  if (name.empty()) return charset::unknown;
  if (name == "utf8mb4" || name == "utf8mb3") return charset::utf8;
  if (name == "latin1") return charset::latin1;
  if (name == "ascii") return charset::ascii;
  if (name == "binary") return charset::binary;
  return charset::other;
}

char* put_latin1_as_utf8(char* out, byte_view text) {
  for (std::uint8_t byte : text) {
    if (byte < 0x80) {
      *out++ = static_cast<char>(byte);
      continue;
    }
    unsigned code = byte < 0xa0 ? c1_of_latin1[byte - 0x80] : byte;
    if (code < 0x800) {
      *out++ = static_cast<char>(0xc0 | code >> 6);
    } else {
      *out++ = static_cast<char>(0xe0 | code >> 12);
      *out++ = static_cast<char>(0x80 | (code >> 6 & 0x3f));
    }
    *out++ = static_cast<char>(0x80 | (code & 0x3f));
  }
  return out;
}

}  // namespace tidewire::binlog
