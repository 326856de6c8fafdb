#include "binlog/ddl_tables.hpp"

#include <algorithm>

#include "binlog/sql_name.hpp"

namespace tidewire::binlog {

namespace {

constexpr std::size_t most_names = 10'000;
/// What is read behind a word that may stand anywhere: else a long comment would be read for each one in it.
constexpr std::size_t most_read = 1'000;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

bool same_name(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// Case beyond ASCII is the server's affair.
bool is_plain(std::string_view name) {
  return !name.empty() && std::ranges::none_of(name, [](char c) { return (c & 0x80) != 0; });
}

class reader {
 public:
  reader(std::string_view sql, std::string_view database) : sql_(sql), left_(sql), database_(database) {}

  ddl_tables read() {
    if (!statement() || found_.tables.size() + found_.schemas.size() > most_names) return {true, {}, {}};
    return std::move(found_);
  }

 private:
  /// Takes the next word if it is one of these; what a word is, is up to word_reader.
  bool take(std::initializer_list<std::string_view> words) {
    detail::word_reader next(left_);
    std::string_view word = next.next();
    if (std::ranges::find(words, word) == words.end()) return false;
    std::string_view rest = next.raw_rest();
    // Not the beginning of a name.
    if (!rest.empty() && detail::is_name_character(rest[0])) return false;
    left_ = next.rest();
    return true;
  }
  bool take(char symbol) {
    left_ = detail::word_reader(left_).rest();
    if (!left_.starts_with(symbol)) return false;
    left_.remove_prefix(1);
    return true;
  }

  /// A table's name, with or without its schema.
  bool table() {
    std::string schema(database_);
    std::string name = detail::take_identifier(left_);
    if (take('.')) {
      schema = std::move(name);
      name = detail::take_identifier(left_);
    }
    if (!is_plain(schema) || !is_plain(name)) return false;
    found_.tables.emplace_back(std::move(schema), std::move(name));
    return true;
  }

  void if_exists() {
    if (!take({"IF"})) return;
    take({"NOT"});
    take({"EXISTS"});
  }

  bool list() {
    if_exists();
    do
      if (!table()) return false;
    while (take(','));
    return true;
  }

  bool rename() {
    if_exists();
    do {
      if (!table()) return false;
      if (take({"WAIT"})) detail::take_identifier(left_);
      take({"NOWAIT"});
      if (!take({"TO"}) || !table()) return false;
    } while (take(','));
    return true;
  }

  /// Moves behind the next place where a word stands; what stands in a string or a comment counts too.
  bool seek(std::size_t& place, std::string_view word) {
    auto from = sql_.begin() + static_cast<std::ptrdiff_t>(place);
    auto at =
        std::search(from, sql_.end(), word.begin(), word.end(), [](char a, char b) { return lower(a) == b; });
    if (at == sql_.end()) return false;
    ++places_;
    place = static_cast<std::size_t>(at - sql_.begin()) + word.size();
    left_ = sql_.substr(place, most_read);
    return true;
  }
  /// What was read may go on where most_read ends.
  bool is_cut(std::size_t place) const { return left_.size() < 4 && sql_.size() - place > most_read; }

  /// ALTER TABLE may make a partition a table, or the other way round.
  bool moves_partition() {
    std::size_t place = 0;
    if (seek(place, "exchange")) return true;
    place = 0;
    while (seek(place, "convert"))
      if (places_ > most_names || !take({"TO"})) return true;  // TO: a character set
    return false;
  }

  /// Wherever ALTER TABLE may give a table another name: one name too many does no harm.
  bool renamed() {
    std::size_t place = 0;
    for (;;) {
      if (!seek(place, "rename")) return true;
      if (!take({"COLUMN", "INDEX", "KEY"})) {
        take({"TO", "AS"});
        take('=');
        if (!table()) return false;
      }
      if (is_cut(place) || places_ > most_names) return false;
    }
  }

  bool alter() {
    while (take({"ONLINE", "OFFLINE", "IGNORE"})) {
    }
    if (take({"TABLE", "SEQUENCE"})) {
      if_exists();
      return table() && !moves_partition() && renamed();
    }
    return no_table();
  }

  bool create() {
    if (take({"OR"})) take({"REPLACE"});
    if (take({"TEMPORARY"})) return true;
    if (take({"TABLE", "SEQUENCE"})) {
      if_exists();
      return table();
    }
    // A new index is no column, and a primary key is not made so.
    return take({"UNIQUE", "FULLTEXT", "SPATIAL", "INDEX"}) || no_table();
  }

  bool drop() {
    if (take({"TEMPORARY"})) return true;
    if (take({"TABLE", "TABLES", "SEQUENCE"})) return list();
    if (take({"DATABASE", "SCHEMA"})) {
      if_exists();
      std::string name = detail::take_identifier(left_);
      if (!is_plain(name)) return false;
      found_.schemas.push_back(std::move(name));
      return true;
    }
    if (take({"INDEX"})) {  // perhaps `PRIMARY`
      if_exists();
      detail::take_identifier(left_);
      return take({"ON"}) && table();
    }
    return no_table();
  }

  /// What has to do with no table's columns.
  bool no_table() {
    return take({"DATABASE", "SCHEMA", "VIEW", "FUNCTION", "PROCEDURE", "TRIGGER", "EVENT", "DEFINER",
                 "ALGORITHM", "SQL", "AGGREGATE"});
  }

  bool statement() {
    if (take({"SET"})) {  // MariaDB: SET STATEMENT variable=value FOR statement
      if (!take({"STATEMENT"})) return true;
      detail::word_reader words(left_);
      words.skip_variables();
      left_ = words.rest();
    }
    if (take({"ALTER"})) return alter();
    if (take({"CREATE"})) return create();
    if (take({"DROP"})) return drop();
    if (take({"RENAME"})) return take({"TABLE", "TABLES"}) && rename();
    return false;
  }

  std::string_view sql_;
  std::string_view left_;
  std::string_view database_;
  std::size_t places_ = 0;
  ddl_tables found_;
};

}  // namespace

bool ddl_tables::covers(std::string_view schema, std::string_view table) const {
  if (all) return true;
  for (const std::string& each : schemas)
    if (same_name(each, schema)) return true;
  for (const auto& [in, name] : tables)
    if (same_name(in, schema) && same_name(name, table)) return true;
  return false;
}

ddl_tables tables_of_ddl(std::string_view sql, std::string_view database) {
  return reader(sql, database).read();
}

}  // namespace tidewire::binlog
