// Decodes every event of a binlog the way the program does, checksums and all, and looks at every cell.
#pragma once

#include <vector>

#include "bench/measure.hpp"
#include "binlog/event_reader.hpp"
#include "binlog/json_binary.hpp"
#include "binlog/query.hpp"
#include "binlog/rows.hpp"
#include "binlog/table_cache.hpp"

namespace tidewire::bench {

/// Decodes a file. What is done with a row image is the derived class's: image().
template <class Derived>
class binlog_pass {
 public:
  const tally& seen() const { return seen_; }

 protected:
  void read(byte_view file) {
    binlog::event_reader reader(file);
    while (auto event = checked(reader.next())) {
      ++seen_.messages;
      if (binlog::is_rows(event->header.type))
        rows(*event, reader.format());
      else if (event->header.type == binlog::event_type::table_map)
        checked(tables_.add(*event, reader.format()));
    }
  }

  void rows(const binlog::event_view& event, const binlog::format_description& format) {
    binlog::rows_view m = checked(binlog::decode_rows(event, format));
    const binlog::table_definition* table = tables_.find(m.table_id);
    if (!table) give_up({decode_errc::unknown_reference, binlog::header_bytes, "table id"});
    std::size_t columns = table->columns.size();
    if (before_.size() < columns) before_.resize(columns), after_.resize(columns);
    binlog::rows_reader reader(m, *table, before_, after_);
    while (checked(reader.next())) {
      ++seen_.rows;
      if (m.kind != binlog::change_kind::insert) derived().image(*table, reader.before());
      if (m.kind != binlog::change_kind::remove) derived().image(*table, reader.after());
    }
    if (m.ends_statement()) tables_.end_statement();
  }

  Derived& derived() { return static_cast<Derived&>(*this); }

  tally seen_;

 private:
  binlog::table_cache tables_;
  std::vector<binlog::cell> before_, after_;
};

class cell_counter : public binlog_pass<cell_counter> {
 public:
  explicit cell_counter(byte_view file) : file_(file.data()) { read(file); }

 private:
  friend class binlog_pass<cell_counter>;

  void image(const binlog::table_definition&, std::span<const binlog::cell> cells) {
    std::uint64_t missing = 0, bytes = 0, places = 0;
    for (const binlog::cell& each : cells) {
      bool present = each.kind == binlog::cell_kind::present;
      bytes += each.size;
      places += present ? reinterpret_cast<std::uintptr_t>(each.data) : 0;
      missing += !present;
    }
    std::uint64_t present = cells.size() - missing;
    ++seen_.images;
    seen_.values += present;
    seen_.missing += missing;
    seen_.value_bytes += bytes;
    seen_.places += places - present * reinterpret_cast<std::uintptr_t>(file_);
  }

  const std::uint8_t* file_;
};

/// Renders the JSON columns, and nothing else.
class json_writer : public binlog_pass<json_writer> {
 public:
  explicit json_writer(byte_view file) {
    read(file);
    if (seen_.values == 0) seen_ = {};
  }

 private:
  friend class binlog_pass<json_writer>;

  void image(const binlog::table_definition& table, std::span<const binlog::cell> cells) {
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (table.columns[i].type != binlog::column_type::json || cells[i].kind != binlog::cell_kind::present)
        continue;
      text_.clear();
      checked(binlog::put_json(text_, cells[i].bytes()));
      ++seen_.values;
      seen_.value_bytes += cells[i].size;
      seen_.output_bytes += text_.size();
    }
  }

  binlog::text_buffer text_;
};

[[gnu::noinline]] inline tally decode_pass(byte_view file) {
  return cell_counter(file).seen();
}

[[gnu::noinline]] inline tally json_pass(byte_view file) {
  return json_writer(file).seen();
}

}  // namespace tidewire::bench
