#include "binlog/statement_text.hpp"

#include <algorithm>
#include <optional>

#include "binlog/charset.hpp"

namespace tidewire::binlog {

namespace {

std::string_view client_charset(const query_view& m) {
  auto vars = decode_status_vars(m);
  return vars && vars->has_charset ? charset_name(vars->client_collation) : std::string_view{};
}

/// Nothing where it has what is no text in the client's set, or where that set's letters lie where ASCII has
/// quotes, as in swe7: a server reads it as if they were quotes.
std::optional<std::string> converted(const query_view& m, const text_conversion& how) {
  if (!how.keeps_ascii()) return {};
  std::string text(m.sql.size() * worst_utf8_growth, '\0');
  char* end = put_as_utf8(text.data(), how, as_bytes(m.sql));
  if (!end) return {};
  text.resize(static_cast<std::size_t>(end - text.data()));
  return text;
}

}  // namespace

std::string statement_text(const query_view& m) {
  const text_conversion* how = conversion_of(client_charset(m));
  std::optional<std::string> text = how ? converted(m, *how) : std::nullopt;
  return text ? *std::move(text) : std::string(m.sql);
}

ddl_tables tables_of_statement(const query_view& m) {
  std::string_view set = client_charset(m);
  if (set.empty() || set == "utf8mb4" || set == "utf8mb3" || set == "ascii" || set == "binary")
    return tables_of_ddl(m.sql, m.database);
  const text_conversion* how = conversion_of(set);
  if (how)
    if (auto text = converted(m, *how)) return tables_of_ddl(*text, m.database);
  // As it is, a quote may be half of a character.
  auto as_it_seems = [&](char c) {
    bool letter = how && how->lower && c != '`' && !(c & 0x80) &&
                  (*how->lower)[static_cast<std::uint8_t>(c)] != static_cast<std::uint8_t>(c);
    return !(c & 0x80) && !letter;
  };
  if (!std::ranges::all_of(m.sql, as_it_seems)) return {true, {}, {}};
  return tables_of_ddl(m.sql, m.database);
}

}  // namespace tidewire::binlog
