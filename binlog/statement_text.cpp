#include "binlog/statement_text.hpp"

#include <algorithm>

#include "binlog/charset.hpp"

namespace tidewire::binlog {

namespace {

std::string_view client_charset(const query_view& m) {
  auto vars = decode_status_vars(m);
  return vars && vars->has_charset ? charset_name(vars->client_collation) : std::string_view{};
}

}  // namespace

std::string statement_text(const query_view& m) {
  const text_conversion* how = conversion_of(client_charset(m));
  std::string text(how ? m.sql.size() * worst_utf8_growth : 0, '\0');
  char* end = how ? put_as_utf8(text.data(), *how, as_bytes(m.sql)) : nullptr;
  if (!end) return std::string(m.sql);
  text.resize(static_cast<std::size_t>(end - text.data()));
  return text;
}

ddl_tables tables_of_statement(const query_view& m) {
  std::string_view set = client_charset(m);
  bool known = set.empty() || set == "utf8mb4" || set == "utf8mb3" || set == "ascii" || set == "binary" ||
               conversion_of(set);
  auto beyond = [](char c) { return (c & 0x80) != 0; };
  // In other sets a quote may be half of a character.
  if (!known && std::ranges::any_of(m.sql, beyond)) return {true, {}, {}};
  return tables_of_ddl(statement_text(m), m.database);
}

}  // namespace tidewire::binlog
