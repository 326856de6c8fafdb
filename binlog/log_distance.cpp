#include "binlog/log_distance.hpp"

#include <algorithm>
#include <charconv>

#include "binlog/check_ask_tables.hpp"
#include "binlog/sql_text.hpp"

namespace tidewire::binlog {
namespace {

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

conversation<std::vector<log_file>> list_files(session& with) {
  text_result listed = co_await text_query(with, "SHOW BINARY LOGS", "listing binlogs");
  std::vector<log_file> files;
  for (const auto& row : listed.rows) files.push_back({text_of(row, 0), number_of(text_of(row, 1))});
  co_return files;
}

/// `[0-1-100,0-2-7]`: of each domain the last entry is the most recent.
mariadb_gtid_position position_in(std::string_view list) {
  mariadb_gtid_position out;
  if (list.starts_with('[')) list.remove_prefix(1);
  if (list.ends_with(']')) list.remove_suffix(1);
  while (!list.empty()) {
    std::size_t comma = list.find(',');
    out.set(well_formed(parse_mariadb_gtid(list.substr(0, comma)), "Gtid_list"));
    list.remove_prefix(comma == list.npos ? list.size() : comma + 1);
  }
  return out;
}

/// What is in the files before this one, as its first events tell.
conversation<asked<position>> start_of(session& with, position_kind kind, std::string file) {
  answer events = co_await ask(with, "SHOW BINLOG EVENTS IN " + sql_text(file) + " LIMIT 4",
                               "reading the beginning of " + file);
  asked<position> start;
  start.missing = events ? file + " does not say what is before it" : events.missing;
  if (!events) co_return start;
  for (const auto& row : events->rows) {
    std::string type = text_of(row, 2);
    position at;
    at.kind = kind;
    if (kind == position_kind::gtid_set && type == "Previous_gtids")
      at.executed = well_formed(gtid_set::parse(text_of(row, 5)), "Previous_gtids");
    else if (kind == position_kind::domains && type == "Gtid_list")
      at.domains = position_in(text_of(row, 5));
    else
      continue;
    start.value = std::move(at);
    break;
  }
  co_return start;
}

asked<std::uint64_t> transactions_between(const server_facts& server, const position& from) {
  asked<std::uint64_t> count;
  count.missing = "a file's position does not count them";
  if (server.kind == position_kind::gtid_set) {
    gtid_set missing = server.now.executed;
    missing.subtract(from.executed);
    count.value = missing.count();
  } else if (server.kind == position_kind::domains) {
    count.value = 0;
    for (const mariadb_gtid& each : server.now.domains.gtids()) {
      const mariadb_gtid* ours = from.domains.find(each.domain);
      std::uint64_t read = ours ? ours->sequence : 0;
      if (each.sequence > read) *count.value += each.sequence - read;
    }
  }
  return count;
}

std::uint64_t bytes_from(const std::vector<log_file>& files, std::size_t first) {
  std::uint64_t bytes = 0;
  for (; first < files.size(); ++first) bytes += files[first].bytes;
  return bytes;
}

/// Where in its list the file of a position is; nothing if it is not there.
std::optional<std::size_t> place_of(const log_distance& distance, const std::string& file) {
  auto at = std::ranges::find(distance.files, file, &log_file::name);
  if (at == distance.files.end()) return {};
  return static_cast<std::size_t>(at - distance.files.begin());
}

asked<std::uint64_t> bytes_of_file_position(const log_distance& distance, const position& from) {
  asked<std::uint64_t> bytes;
  bytes.missing = "the server does not have " + from.file;
  if (auto at = place_of(distance, from.file)) {
    std::uint64_t all = bytes_from(distance.files, *at);
    bytes.value = all - std::min(all, from.offset);
  }
  return bytes;
}

/// The last file that begins at or before the position is the one where reading goes on.
conversation<> search(session& with, position_kind kind, const position& from, log_distance& into) {
  std::size_t low = 0, high = into.files.size();  // what begins before high or at low is behind us
  into.bytes.missing = "the server no longer has the file of the position";
  while (low < high) {
    // The oldest first: whether it is there at all.
    std::size_t middle = low == 0 ? 0 : low + (high - low) / 2;
    asked<position> start = co_await start_of(with, kind, into.files[middle].name);
    if (!start) {
      into.bytes.value.reset();
      into.bytes.missing = start.missing;
      co_return;
    }
    if (middle == 0 && kind == position_kind::domains) into.purged = start->domains;
    if (contains(from, *start)) {
      into.bytes.value = bytes_from(into.files, middle);
      low = middle + 1;
    } else {
      high = middle;
    }
  }
}

}  // namespace

std::uint64_t log_distance::kept_bytes() const {
  return bytes_from(files, 0);
}

conversation<log_distance> measure(session& with, server_facts server, std::optional<position> from) {
  log_distance distance;
  distance.files = co_await list_files(with);
  if (!from || from->kind != server.kind) co_return distance;
  distance.transactions = transactions_between(server, *from);
  if (server.kind == position_kind::file) {
    distance.bytes = bytes_of_file_position(distance, *from);
    co_return distance;
  }
  co_await search(with, server.kind, *from, distance);
  if (distance.transactions && *distance.transactions == 0 && distance.bytes) distance.bytes.value = 0;
  co_return distance;
}

void check_distance(const server_facts& server, const position& from, const log_distance& distance) {
  check_position(server, from);
  if (server.kind == position_kind::domains && distance.purged && !from.domains.contains(*distance.purged)) {
    mariadb_gtid_position lost = *distance.purged;
    lost.subtract(from.domains);
    throw failure{
        failure_kind::refused, "TW-MY-PURGED",
        "the server has removed transactions that were not read, up to " + lost.text().substr(0, 300),
        "changes are lost to us: start anew, and keep binlogs longer (binlog_expire_logs_seconds)"};
  }
  if (server.kind != position_kind::file) return;
  auto at = place_of(distance, from.file);
  if (!at)
    throw failure{failure_kind::refused, "TW-MY-PURGED", "the server does not have " + from.file,
                  "changes are lost to us: start anew, and keep binlogs longer (binlog_expire_logs_seconds)"};
  if (from.offset > distance.files[*at].bytes)
    throw failure{failure_kind::refused, "TW-MY-POSITION",
                  from.file + " has " + std::to_string(distance.files[*at].bytes) +
                      " bytes, and was read up to " + std::to_string(from.offset),
                  "the binlog was reset, or has shrunk in a crash; compare the data and start anew"};
}

}  // namespace tidewire::binlog
