#include "pgoutput/builtin_types.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace tidewire;
using namespace tidewire::pgoutput;

TEST_CASE("built-in types by OID") {
  CHECK(builtin_type_name(23) == "int4");
  CHECK(builtin_type_name(1007) == "_int4");
  CHECK(builtin_type_name(18) == "char");
  CHECK(builtin_type_name(6157) == "_int8multirange");
  for (std::uint32_t oid : {0u, 15u, 31u, 6154u, 6158u, 9999u, 16384u, 4294967295u}) {
    CHECK(find_builtin_type(oid) == nullptr);
    CHECK(builtin_type_name(oid).empty());
  }
  for (const builtin_type& each : builtin_types) CHECK(find_builtin_type(each.oid) == &each);
}

TEST_CASE("the table of built-in types fits together") {
  for (const builtin_type& each : builtin_types) {
    CAPTURE(each.oid, each.name);
    if (each.name.starts_with('_')) {
      CHECK(each.form == binary_form::array);
      REQUIRE(find_builtin_type(each.element));
      CHECK("_" + std::string(builtin_type_name(each.element)) == each.name);
      CHECK(find_builtin_type(each.element)->delimiter == each.delimiter);
    }
    if (each.form == binary_form::range || each.form == binary_form::multirange) {
      REQUIRE(find_builtin_type(each.element));
      CHECK(each.category == 'R');
    }
    if (each.form == binary_form::multirange)
      CHECK(find_builtin_type(each.element)->form == binary_form::range);
    CHECK((each.delimiter == ';') == (each.name == "box" || each.name == "_box"));
    CHECK(each.form != binary_form::domain);
  }
}

TEST_CASE("the JSON form of built-in types") {
  for (const builtin_type& each : builtin_types) {
    CAPTURE(each.name);
    json_form wanted = json_form::string;
    if (each.name == "int2" || each.name == "int4" || each.name == "int8" || each.name == "oid")
      wanted = json_form::integer;
    if (each.name == "float4" || each.name == "float8") wanted = json_form::number;
    if (each.name == "bool") wanted = json_form::boolean;
    if (each.name == "json" || each.name == "jsonb") wanted = json_form::json;
    CHECK(json_form_of(each.oid) == wanted);
  }
  CHECK(json_form_of(16384) == json_form::string);
}

TEST_CASE("forms by send function and by name") {
  CHECK(form_of_send_function("enum_send") == binary_form::text);
  CHECK(form_of_send_function("record_send") == binary_form::composite);
  CHECK(form_of_send_function("hstore_send") == binary_form::hstore);
  CHECK(form_of_send_function("seg_send") == binary_form::none);
  // Built-in ones may belong to any type, whose text they do not tell.
  CHECK(form_of_send_function("textsend") == binary_form::none);
  CHECK(form_of_send_function("") == binary_form::none);
  CHECK(form_of_extension_type("citext") == binary_form::text);
  CHECK(form_of_extension_type("_citext") == binary_form::array);
  CHECK(form_of_extension_type("_mood") == binary_form::none);
  CHECK(form_of_extension_type("geometry") == binary_form::hex_text);
  CHECK(form_of_extension_type("") == binary_form::none);
}
