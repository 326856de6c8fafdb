#include "tests/pgoutput/binary_case.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::pgoutput::testing;

namespace {

constexpr golden geometric[] = {
    // point
    {600, "7ff8000000000000fff0000000000000", "(NaN,-Infinity)"},
    {600, "8000000000000000430c6bf526340000", "(-0,1e+15)"},
    {600, "3fb999999999999a7e37e43c8800759c", "(0.1,1e+300)"},
    {600, "c0c0c04ff393a04ac020000000000000", "(-8576.62462086989,-8)"},
    {600, "c01000000000000040bd8d9a94bd23e0", "(-4,7565.603832074412)"},
    // line
    {628, "3ff000000000000040000000000000004008000000000000", "{1,2,3}"},
    {628, "bff000000000000000000000000000000000000000000000", "{-1,0,0}"},
    {628, "3ff0000000000000425ac688be0000003bf79ca10c924223", "{1,460000000000,8e-20}"},
    {628, "3ff0000000000000bff0000000000000c0b1252f3b5e2b99", "{1,-1,-4389.184499631542}"},
    // lseg
    {601, "000000000000000000000000000000003ff00000000000003ff0000000000000", "[(0,0),(1,1)]"},
    {601, "401c0000000000003cb70ef54646d4973d713d87131365633eaedebd6525c993",
     "[(7,3.2e-16),(9.8e-13,9.2e-07)]"},
    {601, "42ab48eb57e000004127318000000000401c000000000000c0b488024aba2735",
     "[(15000000000000,760000),(7,-5256.008952745983)]"},
    // box
    {603, "3ff00000000000003ff000000000000000000000000000000000000000000000", "(1,1),(0,0)"},
    {603, "4262a05f2000000043706e69ba1610003e65798ee2308c3ac0805f9ff0a766c0",
     "(640000000000,7.4e+16),(4e-08,-523.9530957296593)"},
    {603, "401ccccccccccccd40de460000000000c0bedfe6c2b8c98840dc520000000000",
     "(7.2,31000),(-7903.901408719255,29000)"},
    // path
    {602, "010000000100000000000000000000000000000000", "((0,0))"},
    {602, "000000000100000000000000000000000000000000", "[(0,0)]"},
    {602, "000000000140bee160f149bea040c25c0000000000", "[(7905.3786817636865,9400)]"},
    {602, "00000000014010000000000000c083440c94731140", "[(4,-616.5061425199165)]"},
    // polygon
    {604, "0000000100000000000000000000000000000000", "((0,0))"},
    {604,
     "00000004c01000000000000040220000000000003f489374bc6a7efa43b36dcc951d8c0040c12c50cf0cfe6a402200000000000"
     "042d64859cc0800004020000000000000",
     "((-4,9),(0.00075,1.4e+18),(8792.631318687654,9),(98000000000000,8))"},
    {604, "00000001c0c0c8c8c7c3400e4010000000000000", "((-8593.568596273686,4))"},
    // circle
    {718, "000000000000000000000000000000000000000000000000", "<(0,0),0>"},
    {718, "40100000000000003dda1d07dbc027713e64f01e82ef5585", "<(4,9.5e-11),3.9e-08>"},
    {718, "40b4cec1788510723eac2f8b88dfb80c401c000000000000", "<(5326.755745235934,8.4e-07),7>"},
};

constexpr golden searching[] = {
    // tsvector
    {3614, "00000000", ""},
    {3614, "00000002636174000001c0036661740000010002", "'cat':3A 'fat':2"},
    {3614, "0000000222632200000061202762000000", "'\"c\"' 'a ''b'"},
    {3614, "0000000120000002c2d913b7", "' ':729A,5047"},
    {3614, "000000013b0d5d2820f09f9098550000021353e10d", "';\r]( 🐘U':4947,8461A"},
    // tsquery
    {3615, "00000000", ""},
    {3615, "00000004020202010100007261740001000066617400", "'fat' & !'rat'"},
    {3615, "0000000502030202010000630001000062000100006100", "'a' | 'b' & 'c'"},
    {3615, "0000000502020100006300020301000062000100006100", "( 'a' | 'b' ) & 'c'"},
    {3615, "000000050204000102040001010000630001000062000100006100", "'a' <-> ( 'b' <-> 'c' )"},
    {3615, "000000050204000101000063000204000101000062000100006100", "'a' <-> 'b' <-> 'c'"},
    {3615, "000000040201020201000062000100006100", "!( 'a' & 'b' )"},
    {3615, "00000003020102010100006100", "!!'a'"},
    {3615, "000000010100016100", "'a':*"},
    {3615, "000000010109016100", "'a':*AD"},
    {3615, "00000001010500297c4c00", "')|L':BD"},
    {3615, "0000000302030100012d7bc3a9557d2100010901e380803d7f2800", "'\u3000=\177(':*AD | '-{éU}!':*"},
};

constexpr golden of_extensions[] = {
    // hstore
    {50018, "00000000", ""},
    {50018, "0000000300000000000000000000000161ffffffff000000016200000003782079",
     "\"\"=>\"\", \"a\"=>NULL, \"b\"=>\"x y\""},
    {50018, "00000001000000010bffffffff", "\"\v\"=>NULL"},
    {50018, "0000000100000003292a4effffffff", "\")*N\"=>NULL"},
    // cube
    {50024, "800000023ff00000000000004000000000000000", "(1, 2)"},
    {50024, "800000010000000000000000", "(0)"},
    {50024, "80000000", "()"},
    {50024,
     "000000043ff000000000000000000000000000003e3fc862d3e17360c0c26bd5f2b5e0090000000000000000c01400000000000"
     "000000000000000003ff0000000000000",
     "(1, 0, 7.4e-09, -9431.671469435112),(0, -5, 0, 1)"},
    {50024, "80000004401800000000000000000000000000003ff0000000000000401e000000000000", "(6, 0, 1, 7.5)"},
};

const user_types types{{50018, {binary_form::hstore}},
                       {50024, {binary_form::cube}},
                       {50040, {binary_form::vector}},
                       {50041, {binary_form::halfvec}},
                       {50042, {binary_form::sparsevec}}};

/// A value as tsquery's binary form has it.
constexpr const char* value_x = "01 00 00 'x' 00";

std::string repeated(int count, std::string_view what) {
  std::string out;
  for (int i = 0; i < count; ++i) out += what;
  return out;
}

bytes tsquery(std::uint32_t items, const std::string& of) {
  bytes out = encoded([&](encoder& to) { to.be(items); });
  bytes rest = hex(of);
  out.insert(out.end(), rest.begin(), rest.end());
  return out;
}

}  // namespace

TEST_CASE("binary geometry as text") {
  for (const golden& each : geometric) check_golden(each);
}

TEST_CASE("binary tsvector and tsquery as text") {
  for (const golden& each : searching) check_golden(each);
}

TEST_CASE("binary values of extensions as text") {
  for (const golden& each : of_extensions) check_golden(each, extent::whole, types);
  check_golden({50040, "0003 0000 3f800000 bfc00000 3dcccccd", "[1,-1.5,0.1]"}, extent::whole, types);
  check_golden(
      {50041, "0006 0000 3c00 be00 0001 7bff 7c00 2e66", "[1,-1.5,5.9604645e-08,65504,Infinity,0.099975586]"},
      extent::whole, types);
  check_golden({50042, "00000005 00000002 00000000 00000000 00000004 3f800000 40000000", "{1:1,5:2}/5"},
               extent::whole, types);
}

TEST_CASE("tsquery: as long as it likes, but not as deep") {
  // x & x & x …: the left operand comes last
  std::string chain = repeated(20'000, std::string("02 02 ") + value_x) + value_x;
  CHECK(text_of(3615, tsquery(40'001, chain)) == "'x'" + repeated(20'000, " & 'x'"));
  auto right = [](int depth) { return repeated(depth, "02 02") + repeated(depth + 1, value_x); };
  CHECK(text_of(3615, tsquery(1999, right(999))) == "'x'" + repeated(999, " & 'x'"));
  std::string out;
  auto deep = append_binary_text(3615, tsquery(2001, right(1000)), no_types{}, out);
  REQUIRE(!deep.has_value());
  CHECK(deep.error() == decode_error{decode_errc::limit_exceeded, 2004, "tsquery depth"});
  CHECK(text_of(3615, tsquery(1000, repeated(999, "02 01") + value_x)) == repeated(999, "!") + "'x'");
  deep = append_binary_text(3615, tsquery(1001, repeated(1000, "02 01") + value_x), no_types{}, out);
  REQUIRE(!deep.has_value());
  CHECK(deep.error().code == decode_errc::limit_exceeded);
}

TEST_CASE("binary geometry, text search and extensions: malformed") {
  check_malformed_values(
      {
          {602, "02 00000001 0000000000000000 0000000000000000", {decode_errc::bad_value, 0, "path closed"}},
          {602, "01 00000000", {decode_errc::bad_length, 1, "point count"}},
          {604, "ffffffff", {decode_errc::bad_length, 0, "point count"}},
          {604, "7fffffff 0000000000000000 0000000000000000", {decode_errc::truncated, 4, "points"}},
          {718, "0000000000000000", {decode_errc::truncated, 8, "float8"}},
          {3614, "ffffffff", {decode_errc::bad_length, 0, "tsvector lexeme count"}},
          {3614, "00000002 'x' 00 0000", {decode_errc::truncated, 4, "tsvector lexeme count"}},
          {3614, "00000001 'xyz'", {decode_errc::unterminated_string, 4, "tsvector lexeme"}},
          {3614, "00000001 'x' 00 ffff 0001", {decode_errc::truncated, 10, "tsvector position"}},
          {3615, "ffffffff", {decode_errc::bad_length, 0, "tsquery item count"}},
          {3615, "00000009 0100", {decode_errc::truncated, 4, "tsquery item count"}},
          {3615, "00000001 03 00 00 'x' 00", {decode_errc::unknown_tag, 4, "tsquery item"}},
          {3615, "00000001 02 05 00 'x' 00", {decode_errc::unknown_tag, 5, "tsquery operator"}},
          {3615, "00000001 01 10 00 'x' 00", {decode_errc::bad_value, 5, "tsquery weights"}},
          {3615, "00000001 02 01 01 00 00 'x' 00", {decode_errc::bad_value, 6, "tsquery item count"}},
          {3615, "00000002 01 00 00 'x' 00", {decode_errc::bad_value, 0, "tsquery item count"}},
          {50018, "ffffffff", {decode_errc::bad_length, 0, "hstore pair count"}},
          {50018, "7fffffff 00000001 'a' ffffffff", {decode_errc::truncated, 13, "hstore key"}},
          {50018, "00000001 ffffffff 00000000", {decode_errc::bad_length, 4, "hstore key"}},
          {50018, "00000001 00000000 fffffffe", {decode_errc::bad_length, 8, "hstore value"}},
          {50024, "00000065", {decode_errc::bad_length, 0, "cube header"}},
          {50024, "7fffffff", {decode_errc::bad_length, 0, "cube header"}},
          {50040, "ffff 0000 00000000", {decode_errc::truncated, 4, "vector element"}},
          {50042, "00000001 ffffffff 00000000", {decode_errc::bad_length, 4, "sparsevec count"}},
          {50042, "00000001 7fffffff 00000000 00", {decode_errc::truncated, 12, "sparsevec indices"}},
      },
      types);
}
