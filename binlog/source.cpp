#include "binlog/source.hpp"

#include <charconv>
#include <unistd.h>

#include "binlog/dump_request.hpp"
#include "binlog/format_description.hpp"

namespace tidewire::binlog {

namespace {

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// The server's own answer, so a fault of it.
gtid_set set_of(std::string_view text) {
  return well_formed(gtid_set::parse(text), "GTID set");
}

[[noreturn]] void wrong_setting(const std::string& text, const std::string& hint) {
  throw failure{failure_kind::refused, "TW-MY-SETTING", text, hint};
}

conversation<std::string> variable(session& with, std::string name) {
  text_result result =
      co_await text_query(with, "SHOW GLOBAL VARIABLES LIKE '" + name + "'", "reading " + name);
  std::string value(result.first(1));
  co_return value;
}

conversation<position> file_now(session& with, bool new_words) {
  text_result status = co_await text_query(with, new_words ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS",
                                           "reading the binlog's place");
  position out;
  out.kind = position_kind::file;
  out.file = status.first(0);
  out.offset = number_of(status.first(1));
  co_return out;
}

}  // namespace

conversation<server_facts> ask_server(session& with) {
  server_facts facts;
  facts.mariadb = with.mariadb;
  facts.version = with.server_version;
  facts.number = version_number(facts.version);
  if (facts.number < (facts.mariadb ? 100500u : 50700u))
    throw failure{failure_kind::refused, "TW-MY-VERSION",
                  "the server is " + std::string(facts.mariadb ? "MariaDB " : "MySQL ") + facts.version,
                  "changes are read from MySQL 5.7 and MariaDB 10.5 on"};
  co_await text_query(with, "SET NAMES utf8mb4, time_zone='+00:00', sql_mode=''", "settings");
  std::string log_bin = co_await variable(with, "log_bin");
  if (log_bin != "ON") wrong_setting("the server has no binlog", "start it with --log-bin and a server_id");
  std::string format = co_await variable(with, "binlog_format");
  // MySQL ≥ 9.x may have no such variable: then there is only ROW.
  if (!format.empty() && format != "ROW")
    wrong_setting("binlog_format is " + format,
                  "set it to ROW: SET GLOBAL binlog_format=ROW, and new sessions");
  std::string checksum = co_await variable(with, "binlog_checksum");
  facts.checksums = checksum == "CRC32";
  facts.row_metadata = co_await variable(with, "binlog_row_metadata");
  facts.row_image = co_await variable(with, "binlog_row_image");
  std::string id = co_await variable(with, "server_id");
  facts.server_id = static_cast<std::uint32_t>(number_of(id));
  if (facts.server_id == 0)
    wrong_setting("server_id is 0: the server sends no binlog", "give it another one");
  text_result logs = co_await text_query(with, "SHOW BINARY LOGS", "listing binlogs");
  facts.first_file = logs.first(0);
  if (!facts.mariadb) {
    facts.uuid = co_await variable(with, "server_uuid");
    std::string mode = co_await variable(with, "gtid_mode");
    if (mode != "ON") facts.kind = position_kind::file;
  } else {
    facts.kind = position_kind::domains;
  }
  co_await read_now(with, facts);
  co_return facts;
}

conversation<> read_now(session& with, server_facts& of) {
  of.now.kind = of.kind;
  if (of.kind == position_kind::domains) {
    text_result at = co_await text_query(with, "SELECT @@GLOBAL.gtid_binlog_pos", "reading gtid_binlog_pos");
    of.now.domains = well_formed(mariadb_gtid_position::parse(at.first()), "GTID position");
  } else if (of.kind == position_kind::file) {
    of.now = co_await file_now(with, of.number >= 80200);
  } else {
    text_result sets =
        co_await text_query(with, "SELECT @@GLOBAL.gtid_executed, @@GLOBAL.gtid_purged", "reading GTIDs");
    of.now.executed = set_of(sets.first(0));
    of.purged = set_of(sets.first(1));
  }
}

void check_position(const server_facts& server, const position& from) {
  if (from.kind != server.kind)
    throw failure{
        failure_kind::refused, "TW-MY-HISTORY",
        "the stored position " + to_string(from).substr(0, 60) + " is of another kind than the server's",
        "gtid_mode was changed, or it is another kind of server: start anew"};
  if (server.kind == position_kind::domains) {
    // The server itself takes a domain that it does not know for an empty one.
    for (const mariadb_gtid& each : from.domains.gtids()) {
      if (server.now.domains.contains(each)) continue;
      char text[mariadb_gtid_text_size];
      throw failure{failure_kind::refused, "TW-MY-HISTORY",
                    "the server does not have " + std::string(text, put_mariadb_gtid(text, each)) +
                        ", which was read before; it is at " + server.now.domains.text(),
                    "it is another server, or was restored or reset: compare the data and start anew"};
    }
    return;
  }
  if (server.kind != position_kind::gtid_set) return;
  if (!server.now.executed.contains(from.executed)) {
    gtid_set foreign = from.executed;
    foreign.subtract(server.now.executed);
    throw failure{
        failure_kind::refused, "TW-MY-HISTORY",
        "the server does not have transactions that were read before: " + foreign.text(",").substr(0, 300),
        "it is another server, or was restored or reset: compare the data and start anew"};
  }
  if (!from.executed.contains(server.purged)) {
    gtid_set lost = server.purged;
    lost.subtract(from.executed);
    throw failure{failure_kind::refused, "TW-MY-PURGED",
                  "the server has removed transactions that were not read: " + lost.text(",").substr(0, 300),
                  "changes are lost to us: start anew, and keep binlogs longer (binlog_expire_logs_seconds)"};
  }
}

conversation<> start_dump(session& with, const server_facts& server, const position& from,
                          dump_settings settings) {
  std::string checksum = server.checksums ? "CRC32" : "NONE";
  std::string beat = std::to_string(settings.heartbeat.count() * 1'000'000);
  // Both names: servers before MySQL 8.0.26 and MariaDB know the older ones only.
  std::string set = "SET @master_binlog_checksum='" + checksum + "', @source_binlog_checksum='" + checksum +
                    "', @master_heartbeat_period=" + beat + ", @source_heartbeat_period=" + beat +
                    ", @slave_uuid='" + settings.uuid + "', @replica_uuid='" + settings.uuid + "'";
  if (server.mariadb)
    set += ", @mariadb_slave_capability=4, @slave_connect_state='" + from.domains.text() +
           "', @slave_gtid_strict_mode=1, @slave_gtid_ignore_duplicates=0";
  co_await text_query(with, std::move(set), "preparing the dump");
  std::vector<std::uint8_t> request;
  encoder registering(request);
  char host[64] = "tidewire";
  if (::gethostname(host, sizeof host - 1) != 0) host[0] = 0;
  encode_register(registering, settings.server_id, host);
  co_await with.command(std::move(request));
  byte_view payload = co_await with.receive();
  if (payload[0] == error_head) throw_server_error("registering as a replica", payload);
  std::vector<std::uint8_t> dump;
  encoder out(dump);
  std::uint16_t flags = settings.to_the_end ? dump_flag::non_blocking : std::uint16_t{0};
  switch (server.kind) {
    case position_kind::gtid_set: encode_dump_gtid(out, settings.server_id, flags, from.executed); break;
    case position_kind::domains: encode_dump(out, settings.server_id, flags, "", 4); break;
    case position_kind::file: encode_dump(out, settings.server_id, flags, from.file, from.offset); break;
  }
  if (!out.ok())
    throw failure{
        failure_kind::refused, "TW-MY-POSITION",
        "the offset " + std::to_string(from.offset) + " does not fit into the server's protocol (32 bits)",
        "use GTIDs (gtid_mode=ON), or smaller binlog files (max_binlog_size)"};
  co_await with.command(std::move(dump));
}

}  // namespace tidewire::binlog
