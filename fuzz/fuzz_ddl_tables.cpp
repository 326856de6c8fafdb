// Which tables a statement may change: of any text, of a piece that comes again and again, and of statements
// that are made to be about a certain table, with comments and white space strewn in: that one is never
// missed.
//   input: a byte of the way; then the text, or the piece, or what statements are made of
#include <algorithm>

#include "binlog/ddl_tables.hpp"
#include "binlog_fuzz.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::fuzzing;

namespace {

ddl_tables check(std::string_view sql) {
  std::vector<std::uint8_t> all = exact(as_bytes(sql));
  ddl_tables of = tables_of_ddl(as_text(byte_view(all)), "now");
  require(!of.all || (of.tables.empty() && of.schemas.empty()));
  for (const auto& [schema, name] : of.tables) {
    require(!name.empty() && name.size() <= sql.size());
    require(schema == "now" || (!schema.empty() && schema.size() <= sql.size()));
  }
  if (!of.tables.empty()) require(of.covers(of.tables.back().first, of.tables.back().second));
  for (const std::string& each : of.schemas) require(of.covers(each, "any"));
  return of;
}

class maker {
 public:
  explicit maker(byte_view from) : from_(from) {}

  void statement() {
    std::uint8_t how = byte();
    set_statement(how);
    if (how & 0x40) put("/*!40000");
    switch (how % 8) {
      case 0:
        words({"ALTER", "TABLE"});
        table();
        return text();
      case 1:
        words({"ALTER", "TABLE"});
        table();
        put(" ADD c INT DEFAULT 1, RENAME");
        if (std::uint8_t to = byte() % 4) words({to == 1 ? "TO" : to == 2 ? "AS" : "="});
        return table();
      case 2:
        words({"DROP", "TABLE"});
        if (byte() & 1) words({"IF", "EXISTS"});
        return tables(",");
      case 3: words({"RENAME", "TABLE"}); return tables("TO");
      case 4:
        words({"CREATE"});
        if (byte() & 1) words({"OR", "REPLACE"});
        words({"TABLE"});
        if (byte() & 1) words({"IF", "NOT", "EXISTS"});
        table();
        return text();
      case 5:
        words({"DROP", "INDEX"});
        put(quoted("PRIMARY"));
        words({"ON"});
        return table();
      case 6:
        words({"DROP", "DATABASE"});
        space();
        names.emplace_back(name(), "any");
        return put(quoted(names.back().first));
      default:
        words({"ALTER", "ONLINE", "IGNORE", "TABLE", "IF", "EXISTS"});
        table();
        return text();
    }
  }

  std::string sql;
  std::vector<std::pair<std::string, std::string>> names;

 private:
  std::uint8_t byte() {
    if (from_.empty()) return 0;
    std::uint8_t taken = from_[0];
    from_ = from_.subspan(1);
    return taken;
  }
  void put(std::string_view text) { sql += text; }

  /// What may stand between two words.
  void space() {
    constexpr std::string_view between[] = {" ",     "\t",     "\r\n", "/**/",        "/* drop */",
                                            "/*'*/", "-- a\n", "#`\n", "/*!50000 */", " /*M!100100 */ "};
    for (int most = 3; most > 0; --most) {
      std::uint8_t which = byte();
      put(between[which % std::size(between)]);
      if (which < 128) return;
    }
  }

  void words(std::initializer_list<std::string_view> which) {
    for (std::string_view each : which) {
      space();
      std::uint8_t lower = byte() & 0x20;
      for (char c : each) sql += c == '=' ? c : static_cast<char>(c | lower);
    }
    space();
  }

  void set_statement(std::uint8_t how) {
    if (!(how & 0x80)) return;
    words({"SET", "STATEMENT"});
    put("a=" + quoted(name(), '\'') + ", b=1");
    words({"FOR"});
  }

  std::string quoted(std::string_view name, char quote = 0) {
    if (quote == 0) quote = byte() & 1 ? '"' : '`';
    std::string out(1, quote);
    for (char c : name) {
      if (c == quote || (c == '\\' && quote == '\'')) out += c;
      out += c;
    }
    return out + quote;
  }

  std::string name() {
    std::size_t size = 1 + byte() % 24;
    std::string name;
    while (name.size() < size && !from_.empty()) name += static_cast<char>(byte());
    return name.empty() ? "t" : name;
  }

  void table() {
    space();
    std::string schema = "now";
    if (byte() & 1) {
      schema = name();
      put(quoted(schema));
      space();
      put(".");
      space();
    }
    std::string last = name();
    put(quoted(last));
    names.emplace_back(std::move(schema), std::move(last));
  }

  void tables(std::string_view between) {
    table();
    for (int pairs = byte() % 3; pairs >= 0; --pairs) {
      words({between});
      table();
      if (between == "," || pairs == 0) continue;
      words({","});
      table();
    }
  }

  /// The rest, as it is, behind what ends a name.
  void text() {
    put(" (");
    put(as_text(from_));
  }

  byte_view from_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > 20'000) return 0;
  byte_view rest(data + 1, size - 1);
  if (data[0] % 4 == 0) {
    check(as_text(rest));
  } else if (data[0] % 4 == 1) {
    // What takes longer than its length says takes for ever here. The last line stands behind all.
    std::string_view text = as_text(rest);
    std::string_view first = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(first.size() + 1, text.size()));
    std::string_view piece = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(piece.size() + 1, text.size()));
    if (piece.empty()) return 0;
    std::string sql(first);
    while (sql.size() < 200'000) sql += piece;
    check(sql.append(text));
  } else {
    maker make(rest);
    make.statement();
    ddl_tables of = check(make.sql);
    for (const auto& [schema, name] : make.names) require(of.covers(schema, name));
  }
  return 0;
}
