// A table as the row changes refer to it, whatever the source.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tidewire {

/// How a column's text is written as JSON. Whatever does not fit its form (a NaN in a number column) is a
/// string.
enum class json_form : std::uint8_t { string, integer, number, boolean, json };

struct column {
  std::string name;
  std::uint32_t type_id = 0;  // the source's own type number (Postgres: OID)
  std::int32_t type_modifier = -1;
  bool key = false;  // part of the replica identity
  json_form form = json_form::string;
  std::string type{};         // the source's own name of it; empty where it tells none
  std::string type_schema{};  // of a type that is not built in (Postgres)
};

struct table {
  std::uint32_t id = 0;  // the source's own number of the table (Postgres: OID)
  std::string schema;
  std::string name;
  std::string identity;  // which columns an old row carries: default, nothing, full, index
  std::vector<column> columns;
};

}  // namespace tidewire
