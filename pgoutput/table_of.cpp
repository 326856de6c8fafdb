#include "pgoutput/table_of.hpp"

#include "core/failure.hpp"
#include "core/json.hpp"
#include "pgoutput/builtin_types.hpp"

namespace tidewire::pgoutput {
namespace {

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

void check_names(const table& of) {
  for (std::size_t i = 0; i < of.columns.size(); ++i)
    if (!json::is_utf8(of.columns[i].name))
      throw failure{failure_kind::refused, "TW-PG-COLUMN-NAME",
                    "the name of column " + std::to_string(i + 1) + " of the table with oid " +
                        std::to_string(of.id) + " is not UTF-8: JSON can't have it as a key",
                    "rename the column, or leave it out of the publication (a column list, 15+)"};
}

table table_of(const relation& from, const type_names& types) {
  table made;
  made.id = from.oid;
  made.schema = from.schema;
  made.name = from.name;
  made.identity = name_of(from.identity);
  for (const relation_column& each : from.columns) {
    column as{each.name, each.type_id, each.type_modifier, each.key(), json_form_of(each.type_id)};
    as.type = builtin_type_name(each.type_id);
    if (const type_names::name* announced = types.find(each.type_id)) {
      as.type = announced->type;
      if (announced->schema != "pg_catalog") as.type_schema = announced->schema;
    }
    made.columns.push_back(std::move(as));
  }
  return made;
}

}  // namespace tidewire::pgoutput
