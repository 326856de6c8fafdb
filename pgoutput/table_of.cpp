#include "pgoutput/table_of.hpp"

#include <algorithm>
#include <array>

namespace tidewire::pgoutput {
namespace {

struct formed_type {
  std::uint32_t oid;
  std::string_view name;
  json_form form;
};

/// The types that JSON has a form of its own for; everything else is a string.
constexpr std::array formed_types{
    formed_type{16, "bool", json_form::boolean},   formed_type{20, "int8", json_form::integer},
    formed_type{21, "int2", json_form::integer},   formed_type{23, "int4", json_form::integer},
    formed_type{26, "oid", json_form::integer},    formed_type{114, "json", json_form::json},
    formed_type{700, "float4", json_form::number}, formed_type{701, "float8", json_form::number},
    formed_type{3802, "jsonb", json_form::json},
};

json_form form_of(std::uint32_t oid, const type_names& types) {
  auto at = std::ranges::find(formed_types, oid, &formed_type::oid);
  if (at != formed_types.end()) return at->form;
  // A domain is announced under its own oid with the name of the type below it.
  const type_names::name* announced = types.find(oid);
  if (!announced || announced->schema != "pg_catalog") return json_form::string;
  at = std::ranges::find(formed_types, announced->type, &formed_type::name);
  return at != formed_types.end() ? at->form : json_form::string;
}

const char* name_of(replica_identity identity) {
  switch (identity) {
    case replica_identity::primary_key: return "default";
    case replica_identity::nothing: return "nothing";
    case replica_identity::full: return "full";
    case replica_identity::index: return "index";
  }
  return "default";
}

}  // namespace

table table_of(const relation& from, const type_names& types) {
  table made;
  made.id = from.oid;
  made.schema = from.schema;
  made.name = from.name;
  made.identity = name_of(from.identity);
  for (const relation_column& each : from.columns)
    made.columns.push_back(
        {each.name, each.type_id, each.type_modifier, each.key(), form_of(each.type_id, types)});
  return made;
}

}  // namespace tidewire::pgoutput
