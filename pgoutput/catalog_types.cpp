#include "pgoutput/catalog_types.hpp"

#include <algorithm>
#include <charconv>

#include "pgoutput/builtin_types.hpp"

namespace tidewire::pgoutput {
namespace {

enum column : std::size_t { oid, send, base, subtype, range, delimiter, columns };

std::uint32_t number_of(const std::optional<std::string>& text) {
  std::uint32_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

type_info info_of(const std::vector<std::optional<std::string>>& row) {
  type_info info;
  if (row[delimiter] && row[delimiter]->size() == 1) info.delimiter = row[delimiter]->front();
  if (std::uint32_t of = number_of(row[base])) {
    info.form = binary_form::domain;
    info.element = of;
    return info;
  }
  info.form = form_of_send_function(row[send].value_or(""));
  info.element = number_of(info.form == binary_form::multirange ? row[range] : row[subtype]);
  return info;
}

}  // namespace

std::string types_sql() {
  // pg_range has the range types that were made by users too.
  return "SELECT t.oid, p.proname, t.typbasetype, r.rngsubtype, m.rngtypid, t.typdelim FROM "
         "pg_catalog.pg_type t "
         "LEFT JOIN pg_catalog.pg_proc p ON p.oid = t.typsend "
         "LEFT JOIN pg_catalog.pg_range r ON r.rngtypid = t.oid "
         "LEFT JOIN pg_catalog.pg_range m ON m.rngmultitypid = t.oid WHERE t.oid >= " +
         std::to_string(first_own_type);
}

catalog_types::catalog_types(const wire::result_set& found) {
  for (const auto& row : found.rows)
    if (row.size() == columns)
      if (std::uint32_t id = number_of(row[oid])) types_.insert_or_assign(id, info_of(row));
}

std::optional<type_info> known_types::find(std::uint32_t oid) const {
  if (const type_info* found = catalog_.find(oid)) return *found;
  const type_names::name* announced = announced_.find(oid);
  if (!announced || announced->schema != "pg_catalog") return std::nullopt;
  auto of = std::ranges::find(builtin_types, announced->type, &builtin_type::name);
  if (of == builtin_types.end()) return std::nullopt;
  return type_info{binary_form::domain, of->oid, ','};
}

}  // namespace tidewire::pgoutput
