// Every event code that MySQL and MariaDB have ever written, and what we do about it.
#pragma once

#include <cstdint>
#include <string_view>

namespace tidewire::binlog {

enum class event_type : std::uint8_t {
  unknown = 0,
  start_v3 = 1,
  query = 2,
  stop = 3,
  rotate = 4,
  intvar = 5,
  load = 6,
  slave = 7,
  create_file = 8,
  append_block = 9,
  exec_load = 10,
  delete_file = 11,
  new_load = 12,
  rand = 13,
  user_var = 14,
  format_description = 15,
  xid = 16,
  begin_load_query = 17,
  execute_load_query = 18,
  table_map = 19,
  write_rows_v0 = 20,
  update_rows_v0 = 21,
  delete_rows_v0 = 22,
  write_rows_v1 = 23,
  update_rows_v1 = 24,
  delete_rows_v1 = 25,
  incident = 26,
  heartbeat = 27,
  ignorable = 28,
  rows_query = 29,
  write_rows_v2 = 30,
  update_rows_v2 = 31,
  delete_rows_v2 = 32,
  gtid = 33,
  anonymous_gtid = 34,
  previous_gtids = 35,
  transaction_context = 36,
  view_change = 37,
  xa_prepare = 38,
  partial_update_rows = 39,
  transaction_payload = 40,
  heartbeat_v2 = 41,
  gtid_tagged = 42,
  // MariaDB's own
  annotate_rows = 160,
  binlog_checkpoint = 161,
  mariadb_gtid = 162,
  gtid_list = 163,
  start_encryption = 164,
  query_compressed = 165,
  write_rows_compressed_v1 = 166,
  update_rows_compressed_v1 = 167,
  delete_rows_compressed_v1 = 168,
  write_rows_compressed_v2 = 169,
  update_rows_compressed_v2 = 170,
  delete_rows_compressed_v2 = 171,
};

/// The name that the servers' own tools use; null for a code that none of them has.
constexpr const char* name_of(event_type type) {
  switch (type) {
    case event_type::unknown: break;
    case event_type::start_v3: return "Start_v3";
    case event_type::query: return "Query";
    case event_type::stop: return "Stop";
    case event_type::rotate: return "Rotate";
    case event_type::intvar: return "Intvar";
    case event_type::load: return "Load";
    case event_type::slave: return "Slave";
    case event_type::create_file: return "Create_file";
    case event_type::append_block: return "Append_block";
    case event_type::exec_load: return "Exec_load";
    case event_type::delete_file: return "Delete_file";
    case event_type::new_load: return "New_load";
    case event_type::rand: return "RAND";
    case event_type::user_var: return "User_var";
    case event_type::format_description: return "Format_desc";
    case event_type::xid: return "Xid";
    case event_type::begin_load_query: return "Begin_load_query";
    case event_type::execute_load_query: return "Execute_load_query";
    case event_type::table_map: return "Table_map";
    case event_type::write_rows_v0: return "Write_rows_v0";
    case event_type::update_rows_v0: return "Update_rows_v0";
    case event_type::delete_rows_v0: return "Delete_rows_v0";
    case event_type::write_rows_v1: return "Write_rows_v1";
    case event_type::update_rows_v1: return "Update_rows_v1";
    case event_type::delete_rows_v1: return "Delete_rows_v1";
    case event_type::incident: return "Incident";
    case event_type::heartbeat: return "Heartbeat";
    case event_type::ignorable: return "Ignorable";
    case event_type::rows_query: return "Rows_query";
    case event_type::write_rows_v2: return "Write_rows";
    case event_type::update_rows_v2: return "Update_rows";
    case event_type::delete_rows_v2: return "Delete_rows";
    case event_type::gtid: return "Gtid";
    case event_type::anonymous_gtid: return "Anonymous_Gtid";
    case event_type::previous_gtids: return "Previous_gtids";
    case event_type::transaction_context: return "Transaction_context";
    case event_type::view_change: return "View_change";
    case event_type::xa_prepare: return "XA_prepare";
    case event_type::partial_update_rows: return "Update_rows_partial";
    case event_type::transaction_payload: return "Transaction_payload";
    case event_type::heartbeat_v2: return "Heartbeat_v2";
    case event_type::gtid_tagged: return "Gtid_tagged";
    case event_type::annotate_rows: return "Annotate_rows";
    case event_type::binlog_checkpoint: return "Binlog_checkpoint";
    case event_type::mariadb_gtid: return "Gtid (MariaDB)";
    case event_type::gtid_list: return "Gtid_list";
    case event_type::start_encryption: return "Start_encryption";
    case event_type::query_compressed: return "Query_compressed";
    case event_type::write_rows_compressed_v1: return "Write_rows_compressed_v1";
    case event_type::update_rows_compressed_v1: return "Update_rows_compressed_v1";
    case event_type::delete_rows_compressed_v1: return "Delete_rows_compressed_v1";
    case event_type::write_rows_compressed_v2: return "Write_rows_compressed";
    case event_type::update_rows_compressed_v2: return "Update_rows_compressed";
    case event_type::delete_rows_compressed_v2: return "Delete_rows_compressed";
  }
  return nullptr;
}

/// Events of MySQL 5.1's development and older servers. Their layout is not in any manual, so they are
/// refused by name.
constexpr bool is_too_old(event_type type) {
  switch (type) {
    case event_type::start_v3:
    case event_type::load:
    case event_type::slave:
    case event_type::create_file:
    case event_type::exec_load:
    case event_type::new_load:
    case event_type::write_rows_v0:
    case event_type::update_rows_v0:
    case event_type::delete_rows_v0: return true;
    default: return false;
  }
}

constexpr bool is_compressed(event_type type) {
  return type >= event_type::query_compressed && type <= event_type::delete_rows_compressed_v2;
}

/// What a compressed event of MariaDB is once it is decompressed; every other type is itself.
constexpr event_type decompressed_type(event_type type) {
  switch (type) {
    case event_type::query_compressed: return event_type::query;
    case event_type::write_rows_compressed_v1: return event_type::write_rows_v1;
    case event_type::update_rows_compressed_v1: return event_type::update_rows_v1;
    case event_type::delete_rows_compressed_v1: return event_type::delete_rows_v1;
    case event_type::write_rows_compressed_v2: return event_type::write_rows_v2;
    case event_type::update_rows_compressed_v2: return event_type::update_rows_v2;
    case event_type::delete_rows_compressed_v2: return event_type::delete_rows_v2;
    default: return type;
  }
}

}  // namespace tidewire::binlog
