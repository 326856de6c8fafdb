#include "binlog/server_error.hpp"

namespace tidewire::binlog {

namespace {

struct meaning {
  failure_kind kind;
  const char* code;
  const char* hint;
};

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

/// One number for everything that can be wrong with a dump; only the text tells.
meaning of_dump(std::string_view text) {
  using enum failure_kind;
  if (has(text, "same server_uuid") || has(text, "same server_id"))
    return {refused, "TW-MY-CLASH",
            "another replica or tidewire uses this server id; give one with --server-id"};
  // What the client is ahead of is told before what it is behind: some texts speak of both.
  if (has(text, "more GTIDs than") || has(text, "diverged") || has(text, "is missing the GTID") ||
      has(text, "not in the master's binlog"))
    return {refused, "TW-MY-HISTORY",
            "this server does not have what was read before: it is another one, or was restored or reset; "
            "compare "
            "the data and start anew"};
  if (has(text, "purged") || has(text, "Could not find first log file name") ||
      has(text, "Could not find GTID state"))
    return {refused, "TW-MY-PURGED",
            "changes are lost to us: start anew, and keep binlogs longer (binlog_expire_logs_seconds)"};
  if (has(text, "checksum"))
    return {refused, "TW-MY-CHECKSUM", "the server does not send its checksums to who did not ask for them"};
  if (has(text, "position > file size") || has(text, "impossible position") ||
      has(text, "max_allowed_packet") || has(text, "bogus data") || has(text, "error reading log event"))
    return {refused, "TW-MY-POSITION",
            "the stored position is no place between two events of that file: the binlog was reset, or has "
            "shrunk in "
            "a crash; compare the data and start anew"};
  return {refused, "TW-MY-DUMP", ""};
}

meaning of(const error_view& error) {
  using enum failure_kind;
  // MariaDB has a number of its own for it.
  if (has(error.text, "same server_uuid") || has(error.text, "same server_id")) return of_dump(error.text);
  switch (error.number) {
    case 1045:
      return {
          refused, "TW-AUTH-PASSWORD",
          "check user and password; an account that requires TLS gets the same answer without it (ssl-mode)"};
    case 1129:
    case 1130:
    case 1698: return {refused, "TW-AUTH-REJECTED", "the server does not let this user in from here"};
    case 1251:
    case 1275:
    case 1524: return {refused, "TW-AUTH-NOT-SUPPORTED", "the account's way of authentication"};
    case 1820:
    case 1862:
    case 4151: return {refused, "TW-AUTH-REJECTED", "the account is locked, or its password has expired"};
    case 3159: return {refused, "TW-TLS-REQUIRED", "ssl-mode=required or better"};
    case 1049: return {refused, "TW-MY-DATABASE", "check the database's name"};
    case 1044:
    case 1142:
    case 1143:
    case 1227:
    case 1370:
      return {refused, "TW-MY-PRIVILEGE",
              "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* (MariaDB: also BINLOG MONITOR) and SELECT"};
    case 1040:
    case 1203:
    case 1226: return {transient, "TW-MY-CONNECTIONS", "the server or the account has no connection left"};
    case 1053:
    case 1077:
    case 1079:
    case 1152:
    case 1159:
    case 1160:
    case 1161:
    case 1184:
    case 1317:
    case 1927:
    case 4031:
      return {transient, "TW-MY-UNAVAILABLE", "the server ended the connection; a reconnect may help"};
    case 1205:
    case 1213: return {transient, "TW-MY-UNAVAILABLE", "try again"};
    case 1236: return of_dump(error.text);
    default: return {refused, "TW-MY-ERROR", ""};
  }
}

/// Nothing in it that could steer a terminal.
std::string shown(std::string_view text) {
  std::string out(text.substr(0, 2000));
  for (char& c : out)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = ' ';
  return out;
}

std::string whole(const std::string& doing, const error_view& error) {
  std::string text = doing.empty() ? "" : doing + ": ";
  text += shown(error.text) + " (" + std::to_string(error.number);
  if (!error.state.empty()) text += ", SQLSTATE " + shown(error.state);
  return text + ")";
}

}  // namespace

server_failure::server_failure(const std::string& doing, const error_view& error)
    : failure(of(error).kind, of(error).code, whole(doing, error), of(error).hint), number(error.number) {}

void throw_server_error(const std::string& doing, byte_view payload) {
  throw server_failure(doing, well_formed(decode_error_packet(payload), "error"));
}

void malformed(std::string_view packet, const decode_error& error) {
  throw failure{failure_kind::refused, "TW-MY-MALFORMED",
                "the server's " + std::string(packet) +
                    " packet can't be decoded: " + std::string(to_string(error.code)) + " at offset " +
                    std::to_string(error.offset) + " (" + error.field + ")",
                "is this a MySQL or MariaDB server, and nothing between it and here?"};
}

}  // namespace tidewire::binlog
