#include "tidewire/binlog_list.hpp"

#include <fmt/format.h>

#include "binlog/binlog.hpp"
#include "core/failure.hpp"
#include "core/utc_time.hpp"

namespace tidewire {

namespace {

using namespace binlog;

/// One line's worth of a text that may be anything.
std::string shown(std::string_view text) {
  constexpr std::size_t most = 100;
  std::string out;
  for (unsigned char c : text.substr(0, most)) {
    if (c < 0x20 || c == 0x7f)
      out += ' ';
    else
      out += static_cast<char>(c);
  }
  return text.size() > most ? out + "…" : out;
}

std::string rows_of(const event_view& event, const format_description& format) {
  auto m = decode_rows(event, format);
  if (!m) return "";
  return fmt::format("table id {}{}", m->table_id, m->ends_statement() ? ", ends the statement" : "");
}

std::string gtid_text(const gtid_event& m) {
  if (m.anonymous) return "anonymous";
  gtid_set one;
  one.add(m.id);
  return one.text();
}

/// Empty where there is nothing to say, or it can't be decoded: the event itself is listed all the same.
std::string detail_of(const event_view& event, const format_description& format) {
  switch (event.header.type) {
    case event_type::format_description:
      return fmt::format("{}, checksums {}", shown(format.server_version()),
                         format.checksum == checksum_algorithm::crc32 ? "CRC32" : "none");
    case event_type::rotate:
      if (auto m = decode_rotate(event)) return fmt::format("{}:{}", shown(m->file), m->position);
      break;
    case event_type::query:
      if (auto m = decode_query(event, format)) return shown(m->sql);
      break;
    case event_type::gtid:
    case event_type::gtid_tagged:
    case event_type::anonymous_gtid:
      if (auto m = decode_gtid(event)) return gtid_text(*m);
      break;
    case event_type::previous_gtids:
      if (auto m = decode_previous_gtids(event)) return m->text(",");
      break;
    case event_type::mariadb_gtid:
      if (auto m = decode_mariadb_gtid(event)) {
        char text[mariadb_gtid_text_size];
        return {text, put_mariadb_gtid(text, m->id)};
      }
      break;
    case event_type::gtid_list:
      if (auto m = decode_gtid_list(event)) return mariadb_gtid_position::behind(*m).text();
      break;
    case event_type::table_map:
      if (auto m = decode_table_map(event, format))
        return fmt::format("{}.{}, table id {}", shown(m->schema), shown(m->table), m->table_id);
      break;
    case event_type::rows_query:
      if (auto m = decode_rows_query(event)) return shown(*m);
      break;
    case event_type::annotate_rows:
      if (auto m = decode_annotate_rows(event)) return shown(*m);
      break;
    case event_type::xid:
      if (auto m = decode_xid(event)) return std::to_string(*m);
      break;
    case event_type::xa_prepare:
      if (auto m = decode_xa_prepare(event)) {
        char text[xa_text_size];
        return std::string(text, put_xa_id(text, m->id)) + (m->one_phase ? " one phase" : "");
      }
      break;
    case event_type::incident:
      if (auto m = decode_incident(event)) return shown(m->message);
      break;
    case event_type::transaction_payload:
      if (auto m = decode_transaction_payload(event)) return fmt::format("{} bytes inside", m->plain_size);
      break;
    default:
      if (is_rows(event.header.type)) return rows_of(event, format);
  }
  return "";
}

std::string line_of(const event_view& event, const std::string& offset, const format_description& format) {
  char time[utc_text_size];
  auto us = std::int64_t{event.header.timestamp} * 1'000'000;
  std::string_view whole{time, static_cast<std::size_t>(put_utc(time, us) - time)};
  const char* name = name_of(event.header.type);
  std::string type = name ? name : fmt::format("code {}", static_cast<int>(event.header.type));
  return fmt::format("{:>12} {:>10} {} {:>6} {:<22} {}\n", offset, event.header.event_size,
                     whole.substr(0, 19), event.header.server_id, type, detail_of(event, format));
}

}  // namespace

std::string binlog_list::head() {
  return fmt::format("{:>12} {:>10} {:<19} {:>6} {:<22} {}\n", "offset", "size", "time (UTC)", "server",
                     "event", "");
}

void binlog_list::add(std::string& out, const event_view& event, std::uint64_t offset,
                      const format_description& format) {
  out += line_of(event, std::to_string(offset), format);
  if (event.header.type != event_type::transaction_payload) return;
  auto fail = [&](const decode_error& error) {
    throw failure{failure_kind::refused, "TW-MY-DECODE",
                  fmt::format("the payload at offset {} can't be decoded: {} at offset {} ({})", offset,
                              to_string(error.code), error.offset, error.field),
                  "keep the file for a report"};
  };
  auto view = decode_transaction_payload(event);
  if (!view) fail(view.error());
  if (auto begun = payload_.begin(*view); !begun) fail(begun.error());
  for (;;) {
    auto inner = payload_.next();
    if (!inner) fail(inner.error());
    if (!*inner) return;
    out += line_of(**inner, "·", format);
  }
}

}  // namespace tidewire
