#include "pgoutput/copy_columns.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace tidewire::pgoutput;

namespace {

copy_form form(std::string_view name, int version) {
  for (const builtin_type& each : builtin_types)
    if (each.name == name) return copy_form_of(each.oid, 'b', "", version);
  FAIL("no such type");
  return copy_form::text;
}

}  // namespace

TEST_CASE("A column is copied in binary form where its text is the same", "[copy]") {
  for (const char* name : {"text", "varchar", "bpchar", "name", "json", "unknown"})
    CHECK(form(name, 150'000) == copy_form::bytes);
  for (const char* name :
       {"int4", "numeric", "bytea", "jsonb", "timestamptz", "_int4", "_numeric", "int4range", "nummultirange",
        "_int4range", "uuid", "tsvector", "int2vector", "bool", "inet"})
    CHECK(form(name, 110'000) == copy_form::converted);
  for (const char* name : {"regclass", "_regclass", "aclitem", "xml", "_xml", "pg_type", "record", "_record"})
    CHECK(form(name, 180'000) == copy_form::text);
}

TEST_CASE("What older servers print in another way they print themselves", "[copy]") {
  struct {
    const char* type;
    int since;
  } cases[] = {{"float4", 12}, {"float8", 12}, {"_float8", 12},  {"point", 12},    {"_polygon", 12},
               {"char", 15},   {"_char", 15},  {"interval", 17}, {"_interval", 17}};
  for (const auto& each : cases) {
    CAPTURE(each.type);
    CHECK(form(each.type, (each.since - 1) * 10'000 + 5) == copy_form::text);
    CHECK(form(each.type, each.since * 10'000) == copy_form::converted);
  }
  CHECK(form("pg_lsn", 180'004) == copy_form::converted);
  CHECK(form("pg_lsn", 190'000) == copy_form::text);
  CHECK(form("_pg_lsn", 190'000) == copy_form::text);
}

TEST_CASE("Types that users make", "[copy]") {
  CHECK(copy_form_of(20'000, 'e', "enum_send", 150'000) == copy_form::bytes);
  CHECK(copy_form_of(20'000, 'b', "citextsend", 150'000) == copy_form::bytes);
  // A domain has the send function of its base type.
  CHECK(copy_form_of(20'000, 'd', "enum_send", 150'000) == copy_form::text);
  CHECK(copy_form_of(20'000, 'd', "int4send", 150'000) == copy_form::text);
  CHECK(copy_form_of(20'000, 'c', "record_send", 150'000) == copy_form::text);
  CHECK(copy_form_of(20'000, 'b', "hstore_send", 150'000) == copy_form::text);
  CHECK(copy_form_of(20'000, 'b', "", 150'000) == copy_form::text);
}

TEST_CASE("What the server is to print it prints as for the stream", "[copy]") {
  CHECK(copy_expression("\"a\"\"b\"", copy_form::converted) == "\"a\"\"b\"");
  CHECK(copy_expression("\"a\"", copy_form::bytes) == "\"a\"");
  CHECK(copy_expression("\"a\"", copy_form::text) ==
        "CASE WHEN \"a\" IS DISTINCT FROM NULL THEN pg_catalog.format('%s', \"a\") END");
}
