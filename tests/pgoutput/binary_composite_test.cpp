#include <utility>

#include "tests/pgoutput/binary_case.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::pgoutput::testing;

namespace {

const user_types types{
    {50000, {binary_form::text}},               // mood, an enumeration
    {50001, {binary_form::array}},              // mood[]
    {50002, {binary_form::domain, 23}},         // positive
    {50003, {binary_form::domain, 50002}},      // far, a domain over positive
    {50004, {binary_form::array}},              // far[]
    {50005, {binary_form::domain, 1009}},       // words, a domain over text[]
    {50006, {binary_form::composite}},          // pair (int, text)
    {50007, {binary_form::array}},              // pair[]
    {50008, {binary_form::composite}},          // nothing ()
    {50009, {binary_form::composite}},          // mixed (pair, words, float8, timestamptz, mood, far)
    {50010, {binary_form::composite}},          // deep (mixed[], hstore, box[])
    {50011, {binary_form::array}},              // deep[]
    {50012, {binary_form::range, 25}},          // textrange
    {50013, {binary_form::array}},              // textrange[]
    {50014, {binary_form::multirange, 50012}},  // textmultirange
    {50016, {binary_form::range, 50006}},       // pairrange
    {50017, {binary_form::composite}},          // a table's row
    {50018, {binary_form::hstore}},
    {50019, {binary_form::array}},          // hstore[]
    {50050, {binary_form::range, 2205}},    // a range of regclass
    {50051, {binary_form::domain, 50052}},  // two domains in a circle
    {50052, {binary_form::domain, 50051}},
    {50053, {binary_form::range, 50053}},  // a range of itself
    {50054, {binary_form::multirange, 50050}},
    {50055, {binary_form::domain, 4242}}};

constexpr golden goldens[] = {
    // int4range
    {3904, "01", "empty"},
    {3904, "0200000004000000010000000400000005", "[1,5)"},
    {3904, "18", "(,)"},
    {3904, "080000000400000004", "(,4)"},
    {3904, "1200000004fffffff8", "[-8,)"},
    {3904, "02000000040000000200000004000000cb", "[2,203)"},
    // int8range
    {3926, "0200000008fffffffffffcdb0f000000080000000000000010", "[-206065,16)"},
    {3926, "0200000008fffffffffffffb4800000008000000468f332796", "[-1208,303050205078)"},
    // numrange
    {3906, "060000000c0002000000000002000113880000000c000200000000000100021388", "[1.50,2.5]"},
    {3906, "020000000e00030000400000051b8a00001b580000000c000200000000000120691b58", "[-7050.00007,8297.7)"},
    {3906, "060000000a000100000000000000040000001a000900080000000000160f210f09263a206a05ed1f9c10e8125f",
     "[4,2238733849978682981517809243284703]"},
    // daterange
    {3912, "0c000000047fffffff", "(,infinity]"},
    {3912, "0200000004248cb9ca000000042dd5d84e", "[1680891-02-01,2107421-02-02)"},
    {3912, "020000000400006eb200000004178cf8b8", "[2077-08-02,1083787-04-02)"},
    // tsrange
    {3908, "06000000088000000000000000000000087fffffffffffffff", "[-infinity,infinity]"},
    {3908, "04000000080381ee0d66709c200000000869762138252ecd00",
     "(\"10009-02-28 23:37:10.1\",\"242812-03-01 08:11:00\"]"},
    {3908, "0200000008038022cb938f5f200000000872bd08a940dfc241",
     "[\"9993-02-28 13:21:22.1\",\"263995-04-30 20:45:53.000001\")"},
    // tstzrange
    {3910, "12000000080002b0d5d4e94000", "[\"2024-01-01 00:00:00+00\",)"},
    {3910, "1200000008ff1f703177758000", "[\"0004-01-01 00:00:00+00 BC\",)"},
    // int4range[]
    {3905,
     "000000060000000100000f400000000100000001000000020000000100000001000000010000000100000001000000010000000"
     "10000000100000001000000110200000004ffdcc8d700000004000011a0ffffffff",
     "{{{{{{\"[-2307881,4512)\"}}}},{{{{NULL}}}}}}"},
    {3905,
     "000000010000000100000f400000000300000007ffffffff000000110200000004ffff469300000004000029560000001102000"
     "000040000001200000004004487a1",
     "[7:9]={NULL,\"[-47469,10582)\",\"[18,4491169)\"}"},
    // textrange
    {50012, "060000000000000003612062", "[\"\",\"a b\"]"},
    {50012, "0000000001280000000161", "(\"(\",a)"},
    {50012, "0c000000070dc2856e7b227d", "(,\"\r\u0085n{\"\"}\"]"},
    {50012, "00000000022829000000023027", "(\"()\",0')"},
    // textrange[]
    {50013,
     "00000001000000010000c35c0000000400000001000000100400000004260d7530000000035c0b0dffffffff000000010100000"
     "018020000000a3b7fe380807d2961225d000000054e554c4c73",
     "{\"(\\\"&\ru0\\\",\\\"\\\\\\\\\v\r\\\"]\",NULL,empty,\"[\\\";\177\u3000})a\\\"\\\"]\\\",NULLs)\"}"},
    {50013,
     "00000001000000000000c35c0000000200000001000000120400000000000000090c2ac2a0f09f90982d0000001604000000097"
     "57b4e26c285c2a00b00000004c2a07b62",
     "{\"(\\\"\\\",\\\"\f*\u00a0🐘-\\\"]\",\"(\\\"u{N&\u0085\u00a0\v\\\",\u00a0{b]\"}"},
    // pairrange
    {50016,
     "0600000019000000020000001700000004000000010000001900000001610000001b00000002000000170000000400000002000"
     "0001900000003622063",
     "[\"(1,a)\",\"(2,\"\"b c\"\")\"]"},
    {50016,
     "06000000180000000200000017000000040000000100000019ffffffff000000140000000200000017ffffffff00000019fffff"
     "fff",
     "[\"(1,)\",\"(,)\"]"},
    // int4multirange
    {4451, "00000000", "{}"},
    {4451, "00000002000000110200000004000000010000000400000003000000110200000004000000050000000400000007",
     "{[1,3),[5,7)}"},
    {4451, "00000002000000090800000004fffffffd00000011020000000400000016000000040004c787",
     "{(,-3),[22,313223)}"},
    {4451, "00000001000000110200000004ffca7143000000040035a9eb", "{[-3509949,3516907)}"},
    // nummultirange
    {4532,
     "00000001000000370200000020000c000b0000000009ed02420ebb1dfd0299178f022f0314105b120e0a0313040000000e00030"
     "00d0000000000090bfa186d",
     "{[254105783771767706656031055907884187462225634868,"
     "93066625300000000000000000000000000000000000000000000)}"},
    {4532, "00000000", "{}"},
    // tsmultirange
    {4533, "000000010000001902000000080003a4ad7af0544000000008655a9d768e502781",
     "{[\"2032-06-30 02:18:49\",\"233433-02-01 23:30:54.000001\")}"},
    {4533, "00000001000000190000000008ff20e874bff5429900000008fff7b85e123394b8",
     "{(\"0010-02-10 06:09:11.185049\",\"1926-02-23 22:03:01.411\")}"},
    // textmultirange
    {50014, "000000020000000b00000000000000000228290000000d10000000082c5561c3a9613028",
     "{(\"\",\"()\"),(\",Uaéa0(\",)}"},
    {50014, "000000010000000118", "{(,)}"},
    // int8multirange[]
    {6157,
     "0000000100000001000011b800000004000000010000000400000000ffffffff00000015000000010000000d1200000008ffffc"
     "544112c25580000000400000000",
     "{\"{}\",NULL,\"{[-64578840156840,)}\",\"{}\"}"},
    {6157, "0000000100000001000011b800000001fffffffdffffffff", "[-3:-3]={NULL}"},
    // mood[]
    {50001,
     "00000004000000000000c3500000000200000001000000010000000100000002000000010000000100000001000000044e554c4"
     "c000000096974277320226f6b2200000003736164000000096974277320226f6b22",
     "{{{{\"NULL\"},{\"it's \\\"ok\\\"\"}}},{{{sad},{\"it's \\\"ok\\\"\"}}}}"},
    {50001,
     "00000005000000010000c3500000000200000001000000010000000100000001000000010000000100000001000000010000000"
     "1ffffffff00000003736164",
     "{{{{{NULL}}}},{{{{sad}}}}}"},
    // positive
    {50002, "00000007", "7"},
    // far
    {50003, "0000004d", "77"},
    // far[]
    {50004, "00000001000000010000c3530000000200000001000000040000004dffffffff", "{77,NULL}"},
    // words
    {50005, "0000000100000001000000190000000300000001000000016100000003622063ffffffff", "{a,\"b c\",NULL}"},
    {50005, "00000001000000000000001900000003000000010000000a30297f204e7dc285c2a00000000000000000",
     "{\"0)\177 N}\u0085\u00a0\",\"\",\"\"}"},
    {50005,
     "0000000600000000000000190000000200000001000000010000000100000001000000010000000100000001000000010000000"
     "10000000100000001000000040a626221000000046e556c4c",
     "{{{{{{\"\nbb!\"}}}}},{{{{{\"nUlL\"}}}}}}"},
    // pair
    {50006, "0000000200000017ffffffff00000019ffffffff", "(,)"},
    {50006, "000000020000001700000004000000010000001900000000", "(1,\"\")"},
    {50006, "0000000200000017ffffffff000000190000000178", "(,x)"},
    {50006, "000000020000001700000004fff0bc1700000019000000027b7d", "(-1000425,{})"},
    {50006, "00000002000000170000000400524a6600000019000000054c21093a4e", "(5392998,\"L!\t:N\")"},
    // pair[]
    {50007, "00000001000000010000c3560000000100000001ffffffff", "{NULL}"},
    {50007,
     "00000001000000000000c35600000003000000010000001800000002000000170000000400000be900000019000000000000001"
     "f0000000200000017000000040100f784000000190000000775750b4c4e2a300000001a00000002000000170000000400034e8c"
     "00000019000000027f7f",
     "{\"(3049,\\\"\\\")\",\"(16840580,\\\"uu\vLN*0\\\")\",\"(216716,\177\177)\"}"},
    // nothing
    {50008, "00000000", "()"},
    // dropped
    {50017, "00000002000000170000000400000001000000190000000178", "(1,x)"},
    // hstore[]
    {50019,
     "00000001000000000000c36200000002000000010000002800000003000000032a6c2cffffffff000000044e554c4cffffffff0"
     "000000562262d7b4cffffffff0000000400000000",
     "{\"\\\"*l,\\\"=>NULL, \\\"NULL\\\"=>NULL, \\\"b&-{L\\\"=>NULL\",\"\"}"},
    {50019,
     "00000002000000000000c362000000010000000100000001000000010000002200000002000000032c7c2c00000006304c6e297"
     "528000000054e2d3d2d0bffffffff",
     "{{\"\\\",|,\\\"=>\\\"0Ln)u(\\\", \\\"N-=-\v\\\"=>NULL\"}}"},
    // mixed
    {50009,
     "000000060000c35600000019000000020000001700000004fffe858d0000001900000001010000c3550000001b0000000100000"
     "000000000190000000100000001000000033b0c6c000002bdffffffff000004a000000008ff1f55e06de71b400000c350000000"
     "03612c620000c353000000040000000d",
     "(\"(-96883,\001)\",\"{\"\";\fl\"\"}\",,\"0005-02-01 02:24:05+00 BC\",\"a,b\",13)"},
    {50009,
     "000000060000c356ffffffff0000c3550000002200000001000000000000001900000001000000010000000a3df09f9098f09f9"
     "0984e000002bd000000083cb9f0d3ef0faf29000004a000000008fffb23dee53ae1ff0000c35000000003612c620000c353ffff"
     "ffff",
     "(,{=🐘🐘N},3.6e-16,\"1956-08-26 10:09:11.999999+00\",\"a,b\",)"},
    // deep
    {50010, "0000000300004c8affffffff0000c362ffffffff000003fc0000000c00000000000000000000025b", "(,,{})"},
    {50010, "0000000300004c8affffffff0000c3620000000400000000000003fcffffffff", "(,\"\",)"},
    // deep[]
    {50011, "00000001000000010000c35a0000000200000001ffffffffffffffff", "{NULL,NULL}"},
    {50011, "00000002000000010000c35a00000001000000010000000100000001ffffffff", "{{NULL}}"},
};

/// `inner` as the only field, of that type, of a composite value.
bytes in_composite(std::uint32_t type, const bytes& inner) {
  return encoded([&](encoder& out) {
    out.be(std::int32_t{1});
    out.be(type);
    out.be(static_cast<std::int32_t>(inner.size()));
    out.bytes(inner);
  });
}

/// `count` times `inner` as an array.
bytes in_array(std::uint32_t type, const bytes& inner, std::int32_t count = 1) {
  return encoded([&](encoder& out) {
    out.be(std::int32_t{1});
    out.be(std::int32_t{0});
    out.be(type);
    out.be(count);
    out.be(std::int32_t{1});
    for (std::int32_t i = 0; i < count; ++i) {
      out.be(static_cast<std::int32_t>(inner.size()));
      out.bytes(inner);
    }
  });
}

}  // namespace

TEST_CASE("binary ranges, composites, domains, enumerations as text") {
  for (const golden& each : goldens)
    check_golden(each, each.type == 50000 ? extent::open : extent::whole, types);
}

TEST_CASE("no text: a type that nobody knows, or that needs the catalogue, alone or within") {
  const std::pair<std::uint32_t, bytes> unknown[] = {
      {2205, hex("000004eb")},  // regclass
      {1033, hex("00")},        // aclitem
      {4242, hex("00")},        // no type at all
      {0, {}},
      {~std::uint32_t{0}, {}},
      {50051, hex("00")},
      {50055, hex("00")},
      {2210, in_array(2205, hex("000004eb"))},  // regclass[]
      {50001, in_array(4242, hex("00"))},
      {1009, in_array(50051, hex("00"))},
      {50006, in_composite(2205, hex("000004eb"))},
      {50006, in_composite(1009, in_array(2205, hex("000004eb")))},
      {50007, in_array(50006, in_composite(4242, {}))},
      {50050, hex("01")},
      {50050, hex("08 00000004 000004eb")},
      {50054, hex("00000001 00000001 01")},
      // Bytes that could not be: they were not looked at.
      {2205, hex("00")},
  };
  for (const auto& [type, binary] : unknown) {
    CAPTURE(type);
    std::string out = "before ";
    auto appended = append_binary_text(type, binary, types, out);
    REQUIRE(appended.has_value());
    CHECK(!*appended);
    CHECK(out == "before ");
  }
  // Without a value of it there is a text: the server's, too.
  CHECK(text_of(2210, hex("00000000 00000000 0000089d"), types) == "{}");
  CHECK(text_of(50006, hex("00000001 0000089d ffffffff"), types) == "()");
}

TEST_CASE("quotes and backslashes double with every level") {
  bytes value = hex("22 5c");
  CHECK(text_of(25, value) == R"~("\)~");
  value = in_composite(25, value);
  CHECK(text_of(2249, value) == R"~(("""\\"))~");
  value = in_array(2249, value);
  CHECK(text_of(2287, value) == R"~({"(\"\"\"\\\\\")"})~");
  value = in_composite(2287, value);
  CHECK(text_of(2249, value) == R"~(("{""(\\""\\""\\""\\\\\\\\\\"")""}"))~");
}

TEST_CASE("values within values: 32 levels, not one more") {
  bytes plain = hex("00000007");
  for (bool arrays : {false, true}) {
    bytes value = plain;
    std::uint32_t type = 23;
    for (int depth = 1; depth <= 34; ++depth) {
      bool array = arrays && depth % 2 == 0;
      value = array ? in_array(type, value) : in_composite(type, value);
      type = array ? 2287 : 2249;
      if (depth % 10 != 0 && depth < 32) continue;
      CAPTURE(arrays, depth);
      std::string out;
      auto appended = append_binary_text(type, value, no_types{}, out);
      // From about 26 on the text, which doubles with each level, is too long.
      if (depth <= 20) {
        REQUIRE(appended.has_value());
        CHECK(*appended);
      } else if (!appended) {
        CHECK(appended.error().code == decode_errc::limit_exceeded);
        CHECK(std::string_view(appended.error().field) == (depth <= 32 ? "size of text" : "depth of values"));
        CHECK(out.empty());
      } else {
        CHECK(depth <= 32);
      }
    }
  }
  // A range whose subtype it is itself.
  bytes range = hex("01");
  for (int depth = 1; depth < 40; ++depth) {
    range = encoded([&](encoder& out) {
      out.u8(16);
      out.be(static_cast<std::int32_t>(range.size()));
      out.bytes(range);
    });
  }
  std::string out;
  auto appended = append_binary_text(50053, range, types, out);
  REQUIRE(!appended.has_value());
  CHECK(appended.error().code == decode_errc::limit_exceeded);
}

TEST_CASE(
    "a text that doubles too often, and one of too many digits, are refused before they fill the memory") {
  bytes value(64, '"');
  std::uint32_t type = 25;
  for (int depth = 1; depth <= 30; ++depth) value = in_composite(std::exchange(type, 2249), value);
  std::string out;
  auto appended = append_binary_text(2249, value, no_types{}, out);
  REQUIRE(!appended.has_value());
  CHECK(appended.error().code == decode_errc::limit_exceeded);
  CHECK(std::string_view(appended.error().field) == "size of text");
  CHECK(out.capacity() <= 2 * (max_binary_text_bytes + 16 * value.size() + 200'000));

  bytes million = hex("0001 7fff 0000 0000 03e8");  // 1e131071
  CHECK(text_of(1231, in_array(1700, million, 400)).size() == 400 * 131'073 + 1);
  out.clear();
  appended = append_binary_text(1231, in_array(1700, million, 600), no_types{}, out);
  REQUIRE(!appended.has_value());
  CHECK(appended.error().code == decode_errc::limit_exceeded);
}

TEST_CASE("binary arrays, ranges and composites: malformed") {
  check_malformed_values(
      {
          {1007, "ffffffff 00000000 00000017", {decode_errc::bad_length, 0, "array dimensions"}},
          {1007, "00000007 00000000 00000017", {decode_errc::bad_length, 0, "array dimensions"}},
          {1007, "00000001 00000002 00000017 00000000 00000001", {decode_errc::bad_value, 4, "array flags"}},
          {1007,
           "00000001 00000000 00000017 ffffffff 00000001",
           {decode_errc::bad_length, 12, "array dimension"}},
          {1007,
           "00000001 00000000 00000017 00000002 00000001 ffffffff",
           {decode_errc::truncated, 20, "array elements"}},
          {1007,
           "00000001 00000000 00000017 7fffffff 00000001 ffffffff",
           {decode_errc::truncated, 20, "array elements"}},
          {1007,
           "00000003 00000000 00000017 7fffffff 00000001 7fffffff 00000001 7fffffff 00000001 ffffffff",
           {decode_errc::truncated, 36, "array elements"}},
          {1007,
           "00000001 00000000 00000017 00000001 00000001 fffffffe",
           {decode_errc::bad_length, 20, "array element"}},
          {1007,
           "00000001 00000000 00000017 00000001 00000001 00000005 00000000",
           {decode_errc::truncated, 24, "array element"}},
          {1007,
           "00000001 00000000 00000017 00000001 00000001 00000003 000000",
           {decode_errc::truncated, 24, "int4"}},
          {1007,
           "00000001 00000000 00000017 00000001 00000001 00000005 0000000000",
           {decode_errc::trailing_bytes, 28, "end of message"}},
          {1007, "00000000 00000000 00000017 00", {decode_errc::trailing_bytes, 12, "end of message"}},
          {22,
           "00000001 00000001 00000015 00000001 00000000 ffffffff",
           {decode_errc::bad_value, 20, "array element length"}},
          {3904, "", {decode_errc::truncated, 0, "range flags"}},
          {3904, "01 00", {decode_errc::trailing_bytes, 1, "end of message"}},
          {3904, "08 ffffffff", {decode_errc::bad_length, 1, "range upper bound"}},
          {3904, "00 00000004 00000001 00000003 000000", {decode_errc::truncated, 13, "int4"}},
          {3904, "10 7fffffff 00", {decode_errc::truncated, 5, "range lower bound"}},
          {4451, "ffffffff", {decode_errc::bad_length, 0, "multirange count"}},
          {4451, "00000002 00000001 01", {decode_errc::truncated, 4, "multirange count"}},
          {4451, "00000001 00000001 01 00", {decode_errc::trailing_bytes, 9, "end of message"}},
          {4451, "00000001 00000002 0101", {decode_errc::trailing_bytes, 9, "end of message"}},
          {4451, "00000001 ffffffff 01", {decode_errc::bad_length, 4, "range"}},
          {2249, "ffffffff", {decode_errc::bad_length, 0, "field count"}},
          {2249, "00000681", {decode_errc::bad_length, 0, "field count"}},
          {2249, "00000001 00000017", {decode_errc::truncated, 4, "field count"}},
          {2249, "00000001 00000017 fffffffe", {decode_errc::bad_length, 8, "field"}},
          {2249,
           "00000002 00000017 ffffffff 00000010 00000002 0000",
           {decode_errc::trailing_bytes, 21, "end of message"}},
          {50006, "00000001 0000c353 00000003 000001", {decode_errc::truncated, 12, "int4"}},
          // The offset counts from the outermost value's begin.
          {2287,
           "00000001 00000000 000008c9 00000001 00000001 00000010 00000001 00000010 00000002 0101 0000",
           {decode_errc::trailing_bytes, 37, "end of message"}},
      },
      types);
}
