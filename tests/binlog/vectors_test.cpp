// Real binlogs of servers that are not to be had any more, decoded row by row against what the servers' own
// tools printed of them.
#include <catch2/catch_test_macros.hpp>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <zlib.h>

#include "binlog/binlog.hpp"
#include "tests/paths.hpp"

using namespace tidewire;
using namespace tidewire::binlog;

namespace {

std::filesystem::path vectors() {
  return testing::vectors_folder() / "mysql";
}

std::string unzipped(const std::filesystem::path& file) {
  gzFile in = gzopen(file.c_str(), "rb");
  REQUIRE(in);
  std::string text;
  char block[65536];
  for (int got; (got = gzread(in, block, sizeof block)) > 0;)
    text.append(block, static_cast<std::size_t>(got));
  gzclose(in);
  return text;
}

/// One row as mysqlbinlog -vv prints it: images of "@1=…" lines without the comment behind the value.
struct printed_row {
  std::string op, table;
  std::vector<std::string> before, after;
};

struct printed_event {
  std::uint64_t offset = 0;
  std::string kind;  // the rest of the line after the checksum
  std::vector<printed_row> rows;
};

/// Reads the text output.
std::vector<printed_event> read_printed(const std::string& text) {
  std::vector<printed_event> events;
  printed_row* row = nullptr;
  bool after = false;
  std::size_t at = 0;
  bool want_kind = false;
  while (at < text.size()) {
    std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line(text.data() + at, end - at);
    at = end + 1;
    if (line.starts_with("# at ")) {
      std::uint64_t offset = 0;
      std::from_chars(line.data() + 5, line.data() + line.size(), offset);
      events.push_back({offset, "", {}});
      row = nullptr;
      want_kind = true;
      continue;
    }
    if (want_kind && line.starts_with("#")) {
      std::size_t tab = line.find('\t');
      if (tab != line.npos) events.back().kind = line.substr(tab + 1);
      want_kind = false;
      continue;
    }
    if (!line.starts_with("### ") || events.empty()) continue;
    line.remove_prefix(4);
    if (line.starts_with("  @")) {
      REQUIRE(row);
      std::size_t equals = line.find('=');
      std::size_t comment = line.rfind(" /* ");
      std::string value(line.substr(equals + 1, comment == line.npos ? line.npos : comment - equals - 1));
      (after ? row->after : row->before).push_back(value);
    } else if (line == "SET") {
      after = true;
    } else if (line == "WHERE") {
      after = false;
    } else {
      std::size_t space = line.find(' ');
      // INSERT INTO `a`.`b`, UPDATE `a`.`b`, DELETE FROM `a`.`b`
      events.back().rows.push_back(
          {std::string(line.substr(0, space)), std::string(line.substr(line.find('`'))), {}, {}});
      row = &events.back().rows.back();
    }
  }
  return events;
}

/// Undoes the tool's quoting of strings: \xNN, \' and \\.
std::string unquoted(std::string_view text) {
  std::string out;
  text = text.substr(1, text.size() - 2);
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    ++i;
    if (text[i] == 'x') {
      int value = 0;
      std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
      out += static_cast<char>(value);
      i += 2;
    } else {
      constexpr std::string_view from = "0nrtbZ", to = std::string_view("\0\n\r\t\b\x1a", 6);
      std::size_t known = from.find(text[i]);
      out += known == from.npos ? text[i] : to[known];
    }
  }
  return out;
}

/// Whether the tool's text of a value means ours. The tools have their own way with several types.
bool same(const column_definition& column, const cell& from, const value& ours, std::string_view theirs) {
  if (theirs == "NULL") return ours.kind == value_kind::null;
  if (ours.kind != value_kind::text && ours.kind != value_kind::binary) return false;
  std::string_view text = ours.bytes();
  switch (column.type) {
    case column_type::timestamp:
    case column_type::timestamp_old: {
      // Seconds, with the fraction behind a point.
      auto seconds = column.type == column_type::timestamp ? load_be<std::uint32_t>(from.data)
                                                           : load_le<std::uint32_t>(from.data);
      return theirs.substr(0, theirs.find('.')) == std::to_string(seconds);
    }
    case column_type::float32: {
      // Six digits, and more in brackets or none at all.
      float mine = 0, printed = 0;
      std::from_chars(text.data(), text.data() + text.size(), mine);
      std::from_chars(theirs.data(), theirs.data() + theirs.size(), printed);
      return std::abs(mine - printed) <= std::abs(mine) * 1e-5f;
    }
    case column_type::float64: {
      double mine = 0, printed = 0;
      std::from_chars(text.data(), text.data() + text.size(), mine);
      std::from_chars(theirs.data(), theirs.data() + theirs.size(), printed);
      return std::abs(mine - printed) <= std::abs(mine) * 1e-12;
    }
    case column_type::bit: {
      std::string bits;
      for (std::uint32_t i = column.length; i-- > 0;)
        bits += from.data[from.size - 1 - i / 8] >> (i % 8) & 1 ? '1' : '0';
      std::uint64_t number = 0;
      for (char c : bits) number = number * 2 + (c == '1');
      return theirs == "b'" + bits + "'" && text == std::to_string(number);
    }
    case column_type::set: {
      // b'…' of all its bits.
      std::uint64_t number = 0;
      for (char c : theirs.substr(2)) number = c == '\'' ? number : number * 2 + (c == '1');
      return text == std::to_string(number);
    }
    case column_type::date:
    case column_type::new_date: {
      // 2024:02:29
      std::string dashed(theirs);
      std::replace(dashed.begin(), dashed.end(), ':', '-');
      return text == (dashed.starts_with('\'') ? unquoted(dashed) : dashed);
    }
    case column_type::json: return text == unquoted(theirs);
    default: break;
  }
  if (theirs.starts_with('\'')) return text == unquoted(theirs);
  // -1 (255): a number without metadata, as signed and as unsigned.
  std::string_view number = theirs.substr(0, theirs.find(' '));
  return text == number;
}

struct tally {
  std::size_t events = 0, rows = 0, values = 0;
};

class comparison {
 public:
  explicit comparison(const std::vector<printed_event>& printed) : printed_(printed) {}

  void event(const event_view& event, std::uint64_t offset, const format_description& format) {
    ++sums.events;
    while (next_ < printed_.size() && printed_[next_].offset < offset) ++next_;
    const printed_event* told =
        next_ < printed_.size() && printed_[next_].offset == offset ? &printed_[next_] : nullptr;
    if (event.header.type == event_type::format_description) return tables_.clear();
    if (event.header.type == event_type::table_map) {
      auto table = tables_.add(event, format);
      REQUIRE(table.has_value());
      return;
    }
    if (event.header.type == event_type::query) {
      auto query = decode_query(event, format);
      REQUIRE(query.has_value());
      REQUIRE(decode_status_vars(*query).has_value());
      if (told) CHECK(told->kind.find("thread_id=" + std::to_string(query->thread_id)) != std::string::npos);
    }
    if (event.header.type == event_type::xid && told) {
      std::string expected = "Xid = " + std::to_string(decode_xid(event).value());
      CHECK(told->kind == expected);
    }
    if (is_rows(event.header.type)) rows(event, format, told);
  }

  tally sums;

 private:
  void rows(const event_view& event, const format_description& format, const printed_event* told) {
    auto m = decode_rows(event, format);
    REQUIRE(m.has_value());
    const table_definition* table = tables_.find(m->table_id);
    REQUIRE(table);
    std::vector<cell> before(table->columns.size()), after(table->columns.size());
    rows_reader reader(*m, *table, before, after);
    for (;;) {
      auto more = reader.next();
      REQUIRE(more.has_value());
      if (!*more) break;
      ++sums.rows;
      row_text before_text, after_text;
      auto before_values = before_text.render(*m, *table, reader.before());
      auto after_values = after_text.render(*m, *table, reader.after(), reader.before());
      REQUIRE(before_values.has_value());
      REQUIRE(after_values.has_value());
      // The tool prints the rows of several events with the last of them.
      pending_.push_back({m->kind, table, {}});
      pending_.back().texts = {image(*table, reader.before(), *before_values),
                               image(*table, reader.after(), *after_values)};
    }
    if (m->ends_statement()) tables_.end_statement();
    if (!told || told->rows.empty()) return;
    // Compare what is pending with what was told, in order.
    REQUIRE(told->rows.size() == pending_.size());
    for (std::size_t i = 0; i < pending_.size(); ++i) {
      const printed_row& row = told->rows[i];
      const pending& mine = pending_[i];
      constexpr const char* ops[] = {"INSERT", "UPDATE", "DELETE"};
      CHECK(row.op == ops[static_cast<int>(mine.kind)]);
      compare(mine.texts[0], row.before);
      compare(mine.texts[1], row.after);
    }
    pending_.clear();
  }

  struct kept_value {
    column_definition column;
    std::string raw, text;
    value_kind kind;
  };
  struct pending {
    change_kind kind;
    const table_definition* table;
    std::array<std::vector<kept_value>, 2> texts;
  };

  static std::vector<kept_value> image(const table_definition& table, std::span<const cell> cells,
                                       std::span<const value> values) {
    std::vector<kept_value> out;
    for (std::size_t i = 0; i < values.size(); ++i)
      out.push_back({table.columns[i], std::string(as_text(cells[i].bytes())), std::string(values[i].bytes()),
                     values[i].kind});
    return out;
  }

  void compare(const std::vector<kept_value>& mine, const std::vector<std::string>& theirs) {
    REQUIRE(mine.size() == theirs.size());
    for (std::size_t i = 0; i < mine.size(); ++i) {
      const kept_value& each = mine[i];
      cell raw{reinterpret_cast<const std::uint8_t*>(each.raw.data()),
               static_cast<std::uint32_t>(each.raw.size()), cell_kind::present};
      value ours{each.text.data(), static_cast<std::uint32_t>(each.text.size()), each.kind};
      ++sums.values;
      if (same(each.column, raw, ours, theirs[i])) continue;
      CAPTURE(i, each.text, theirs[i], static_cast<int>(each.column.type));
      CHECK(false);
    }
  }

  const std::vector<printed_event>& printed_;
  std::size_t next_ = 0;
  table_cache tables_;
  std::vector<pending> pending_;
};

tally compare_file(const std::string& name, const std::string& tool) {
  std::filesystem::path file = vectors() / name;
  std::ifstream in(file, std::ios::binary);
  std::vector<char> data((std::istreambuf_iterator<char>(in)), {});
  data.resize(data.size() + 64);
  byte_view whole = as_bytes(std::string_view(data.data(), data.size() - 64));
  std::vector<printed_event> printed = read_printed(unzipped(file.string() + "." + tool + ".txt.gz"));
  CHECK(printed.size() > 5);
  comparison compare(printed);
  event_reader reader(whole);
  for (;;) {
    auto event = reader.next();
    REQUIRE(event.has_value());
    if (!*event) break;
    compare.event(**event, reader.event_offset(), reader.format());
  }
  CHECK(reader.unread_bytes() == 0);
  return compare.sums;
}

}  // namespace

TEST_CASE("binlog: files of old servers against their own tools' output") {
  if (!std::filesystem::exists(vectors())) SKIP("no test vectors at " << vectors().string());
  struct {
    const char *file, *tool;
    std::size_t events, rows, values;
  } cases[] = {
      {"alibaba_canal/mysql-bin.000002.2", "mysqlbinlog-9.7", 38, 1, 3},
      {"alibaba_canal/mysql-bin.000002.2", "mariadb-binlog-11.8", 38, 1, 3},
      {"alibaba_canal/mysql-bin.000003", "mysqlbinlog-9.7", 131, 21, 127},
      {"alibaba_canal/mysql-bin.000003", "mariadb-binlog-11.8", 131, 21, 127},
      {"osheroff_mysql-binlog-connector-java/mysql-bin.checksum-crc32", "mysqlbinlog-9.7", 303, 63, 1202},
      {"osheroff_mysql-binlog-connector-java/mysql-bin.checksum-crc32", "mariadb-binlog-11.8", 303, 63, 1202},
      // mysqlbinlog 9.7 gives up at the first rows event of this version: its rows are decoded, but not
      // compared.
      {"osheroff_mysql-binlog-connector-java/mysql-bin.sakila", "mysqlbinlog-9.7", 1462, 47273, 0},
      {"rusuly_MySqlCdc/mysql-bin.000001", "mysqlbinlog-9.7", 21, 3, 66},
      {"zalora_binlog-parser/mysql-bin.07", "mariadb-binlog-11.8", 11, 2, 4},
  };
  for (const auto& each : cases) {
    CAPTURE(each.file, each.tool);
    tally sums = compare_file(each.file, each.tool);
    CHECK(sums.events == each.events);
    CHECK(sums.rows == each.rows);
    CHECK(sums.values == each.values);
  }
}
