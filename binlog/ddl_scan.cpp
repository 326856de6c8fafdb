#include "binlog/ddl_scan.hpp"

#include "binlog/compressed_event.hpp"
#include "binlog/event_framer.hpp"
#include "binlog/file_events.hpp"
#include "binlog/follow.hpp"
#include "binlog/row_changes.hpp"
#include "binlog/statement_text.hpp"

namespace tidewire::binlog {

namespace {

constexpr std::uint8_t event_head = 0x00;
constexpr std::size_t most_found = 100'000;

class scanner {
 public:
  scanner(const server_facts& server, const position& from)
      : kind_(server.kind), places_(server.kind, from), framer_(framing(server)) {
    name_.file = from.file;
  }

  void take(byte_view bytes) {
    event_view event = checked(framer_.accept(bytes));
    event_place place = places_.of(event.header);
    if (event.header.type == event_type::rotate) {
      rotate_view m = checked(decode_rotate(event));
      name_.file = m.file;
      places_.rotated(m.position, event.artificial());
      return;
    }
    if (event.header.type == event_type::transaction_payload) {
      checked(payload_.begin(checked(decode_transaction_payload(event))));
      while (auto inner = checked(payload_.next())) one(*inner, place);
      return;
    }
    one(event, place);
  }

  std::vector<found_ddl> found;

 private:
  static event_framer::options framing(const server_facts& server) {
    event_framer::options with;
    if (server.checksums) with.before_format = checksum_algorithm::crc32;
    return with;
  }

  template <class T>
  static T checked(decoded<T> result) {
    if (!result)
      throw failure{failure_kind::refused, "TW-MY-DECODE",
                    "looking for statements, an event can't be decoded: " +
                        std::string(to_string(result.error().code)) + " at offset " +
                        std::to_string(result.error().offset),
                    "keep the server's binlog for a report"};
    if constexpr (!std::is_void_v<T>) return std::move(*result);
  }

  void begins(const event_place& place) {
    std::string file = std::move(name_.file);
    name_ = {};
    name_.file = std::move(file);
    name_.offset = place.begin;
  }

  void one(const event_view& event, const event_place& place) {
    switch (event.header.type) {
      case event_type::gtid:
      case event_type::gtid_tagged:
      case event_type::anonymous_gtid: {
        gtid_event m = checked(decode_gtid(event));
        begins(place);
        name_.has_gtid = !m.anonymous;
        name_.id = m.id;
        return;
      }
      case event_type::mariadb_gtid:
        begins(place);
        name_.has_mariadb_gtid = true;
        name_.mariadb_id = checked(decode_mariadb_gtid(event)).id;
        return;
      case event_type::query: return query(event);
      case event_type::query_compressed: return query(checked(decompressor_.decompress(event, format())));
      default: return;
    }
  }

  const format_description& format() const { return framer_.format(); }

  void query(const event_view& event) {
    query_view m = checked(decode_query(event, format()));
    query_kind kind = classify_query(m.sql);
    if (kind != query_kind::ddl && kind != query_kind::create_and_begin) return;
    ddl_tables tables = tables_of_statement(m);
    if (tables.none()) return;
    if (found.size() >= most_found)
      throw failure{failure_kind::refused, "TW-MY-RESULT-LIMIT",
                    "more than 100,000 statements that change tables are still to be read",
                    "binlog_row_metadata=FULL, or begin anew"};
    found.push_back({mark_of(name_, kind_), std::move(tables)});
  }

  position_kind kind_;
  place_tracker places_;
  event_framer framer_;
  event_decompressor decompressor_;
  payload_reader payload_;
  transaction_name name_;
};

}  // namespace

conversation<std::vector<found_ddl>> scan_ddl(session& with, server_facts server, position from,
                                              dump_settings settings) {
  settings.to_the_end = true;
  co_await start_dump(with, server, from, settings);
  scanner work(server, from);
  for (;;) {
    byte_view payload = co_await with.receive();
    if (payload[0] == error_head) throw_server_error("looking for statements", payload);
    if (is_eof(payload)) break;
    if (payload[0] != event_head) malformed("dump", {decode_errc::unknown_tag, 0, "head"});
    work.take(payload.subspan(1));
  }
  std::vector<found_ddl> found = std::move(work.found);
  co_return found;
}

}  // namespace tidewire::binlog
