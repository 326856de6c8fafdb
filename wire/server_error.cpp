#include "wire/server_error.hpp"

#include <algorithm>
#include <array>

namespace tidewire::wire {
namespace {

struct reaction {
  std::string_view sqlstate;  // or the beginning of one
  failure_kind kind;
  const char* code;
  const char* hint;
};

// The first that fits.
constexpr std::array reactions{
    reaction{"28P01", failure_kind::refused, "TW-AUTH-PASSWORD",
             "check user and password: PGPASSWORD, ~/.pgpass or the connection string"},
    reaction{"28", failure_kind::refused, "TW-AUTH-REJECTED",
             "the server does not let this user in from here: check user, database, pg_hba.conf (or the "
             "hoster's access list), sslmode and client certificate"},
    reaction{"3D000", failure_kind::refused, "TW-PG-DATABASE", "check the database's name"},
    reaction{"42501", failure_kind::refused, "TW-PG-PRIVILEGE",
             "the role needs the REPLICATION attribute (ALTER ROLE … REPLICATION; at hosters a role such as "
             "rds_replication), and rights on what it reads; tidewire check says which"},
    reaction{"42704", failure_kind::refused, "TW-PG-MISSING", "check the names of slot and publications"},
    reaction{"53300", failure_kind::transient, "TW-PG-CONNECTIONS",
             "the server has no connection left: raise max_connections or max_wal_senders, or close others"},
    reaction{"53400", failure_kind::refused, "TW-PG-NO-FREE-SLOT",
             "drop a slot that nobody uses, or raise max_replication_slots and restart the server"},
    reaction{"55006", failure_kind::transient, "TW-PG-SLOT-ACTIVE",
             "another connection uses the slot: stop it, or use another slot"},
    reaction{"55P03", failure_kind::transient, "TW-PG-LOCK-TIMEOUT",
             "something was locked for too long: try again, or raise --lock-timeout"},
    reaction{"57P0", failure_kind::transient, "TW-PG-UNAVAILABLE",
             "the server is starting, stopping, or ended the connection; a reconnect may help"},
    reaction{"08", failure_kind::transient, "TW-PG-UNAVAILABLE", "a reconnect may help"},
    reaction{"53", failure_kind::transient, "TW-PG-RESOURCES",
             "the server is short of memory, disk or slots"},
    reaction{"58", failure_kind::transient, "TW-PG-UNAVAILABLE", "the server's log says more"},
    reaction{"40", failure_kind::transient, "TW-PG-UNAVAILABLE", "a retry may help"},
    reaction{"", failure_kind::refused, "TW-PG-ERROR", "the server's log says more"},
};

const reaction& reaction_to(std::string_view sqlstate) {
  return *std::ranges::find_if(reactions,
                               [&](const reaction& r) { return sqlstate.starts_with(r.sqlstate); });
}

/// Line breaks and what else could steer a terminal become spaces; UTF-8 stays.
std::string printable(std::string_view text) {
  std::string plain(text);
  std::ranges::replace_if(
      plain, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return plain;
}

constexpr const char* name_of_field(char code) {
  switch (code) {
    case 'D': return "detail";
    case 'H': return "hint";
    case 'P': return "position";
    case 'p': return "internal position";
    case 'q': return "internal query";
    case 'W': return "where";
    case 's': return "schema";
    case 't': return "table";
    case 'c': return "column";
    case 'd': return "data type";
    case 'n': return "constraint";
    case 'F': return "file";
    case 'L': return "line";
    case 'R': return "routine";
    default: return nullptr;
  }
}

}  // namespace

std::string_view error_details::field(char code) const {
  auto at = std::ranges::find(fields, code, &std::pair<char, std::string>::first);
  return at == fields.end() ? std::string_view{} : std::string_view{at->second};
}

std::string error_details::whole() const {
  std::string text(severity());
  text += ' ';
  text += sqlstate();
  text += ": ";
  text += message();
  for (const auto& [code, value] : fields) {
    if (std::string_view("SVCM").find(code) != std::string_view::npos) continue;
    const char* name = name_of_field(code);
    text += "; ";
    text += name ? std::string(name) : "field " + printable({&code, 1});
    text += ": " + value;
  }
  return text;
}

error_details details_of(const error_view& from) {
  error_details details;
  error_field_reader reader(from);
  char code = 0;
  for (std::string_view text; reader.next(code, text);) details.fields.emplace_back(code, printable(text));
  return details;
}

server_failure::server_failure(const std::string& doing, error_details of)
    : failure(reaction_to(of.sqlstate()).kind, reaction_to(of.sqlstate()).code,
              (doing.empty() ? "" : doing + ": ") + of.whole(), reaction_to(of.sqlstate()).hint),
      details(std::move(of)) {}

}  // namespace tidewire::wire
