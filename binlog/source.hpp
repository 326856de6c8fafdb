// What a server is and has, asked once for each connection; whether changes can be read from a place; and the
// beginning of the dump.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "binlog/event.hpp"
#include "binlog/position.hpp"
#include "binlog/text_query.hpp"

namespace tidewire::binlog {

struct server_facts {
  std::string version;
  bool mariadb = false;
  std::uint32_t number = 0;  // 80033
  std::uint32_t server_id = 0;
  std::string uuid;  // MySQL
  position_kind kind = position_kind::gtid_set;
  position now;            // everything that is committed now ends at or before it
  gtid_set purged;         // MySQL: what it has no more
  std::string first_file;  // of those that it still has
  bool checksums = false;
  std::string row_metadata;
  std::string row_image;
};

struct dump_settings {
  std::uint32_t server_id = 0;
  std::string uuid;  // ours, new for each process
  std::chrono::milliseconds heartbeat{10'000};
  bool to_the_end = false;  // then the server ends it
};

/// Also pins the session's settings. Throws failures TW-MY-VERSION, TW-MY-SETTING (no binlog, not in ROW
/// format), TW-MY-PRIVILEGE.
conversation<server_facts> ask_server(session& with);

/// Again, of a server that was asked: `now` and what is purged.
conversation<> read_now(session& with, server_facts& of);

/// Throws failure TW-MY-PURGED or TW-MY-HISTORY if the changes behind `from` can't be had from this server.
void check_position(const server_facts& server, const position& from);

/// Then events come. Throws what the server refuses.
conversation<> start_dump(session& with, const server_facts& server, const position& from,
                          dump_settings settings);

}  // namespace tidewire::binlog
