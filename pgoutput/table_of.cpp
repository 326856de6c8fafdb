#include "pgoutput/table_of.hpp"

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

table table_of(const relation& from) {
  table made;
  made.id = from.oid;
  made.schema = from.schema;
  made.name = from.name;
  made.identity = name_of(from.identity);
  for (const relation_column& each : from.columns)
    made.columns.push_back(
        {each.name, each.type_id, each.type_modifier, each.key(), json_form_of(each.type_id)});
  return made;
}

}  // namespace tidewire::pgoutput
