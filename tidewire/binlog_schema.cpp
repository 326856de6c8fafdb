#include "tidewire/binlog_schema.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <fstream>
#include <iterator>
#include <sys/stat.h>

#include "binlog/ddl_scan.hpp"
#include "tidewire/log.hpp"
#include "tidewire/options.hpp"

namespace tidewire {

namespace {

constexpr std::size_t max_schema_file_bytes = std::size_t{256} << 20;

[[noreturn]] void fail_at(const std::string& path, const std::string& what, int error) {
  throw failure{failure_kind::transient, "TW-POSITION-FILE",
                "cannot " + what + " the schema file " + path + ": " + posix::error_text(error),
                posix::is_full(error) ? "make room on that disk" : "check the folder and its rights"};
}

bool touched(const std::vector<binlog::found_ddl>& found, const std::pair<std::string, std::string>& table,
             const std::string& except = {}) {
  return std::ranges::any_of(found, [&](const binlog::found_ddl& each) {
    return each.mark != except && each.tables.covers(table.first, table.second);
  });
}

}  // namespace

binlog::schema_book read_schema(const std::string& path) {
  if (path.empty()) return {};
  std::ifstream file(path, std::ios::binary);
  if (!file)
    throw failure{failure_kind::usage, "TW-MY-SCHEMA-FILE", "could not read " + path, "check the path"};
  std::string text{std::istreambuf_iterator<char>(file), {}};
  return binlog::schema_book::parse(text);
}

binlog::row_changes::settings changes_with(const std::string& spill_dir, const binlog::schema_book& schemas) {
  binlog::row_changes::settings with;
  with.spill_folder = spill_folder(spill_dir);
  if (!schemas.empty()) with.schemas = &schemas;
  with.on_warning = [](const std::string& code, const std::string& text) {
    log(log_level::warning, code, text);
  };
  return with;
}

schema_file::schema_file(const std::string& position_path) {
  if (position_path.empty()) return;
  posix::real_place place = posix::follow(position_path);
  path_ = position_path + ".schema";
  if (place.error) fail_at(path_, "find", place.error);
  name_ = place.name + ".schema";
  folder_ = posix::descriptor(::open(place.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder_) fail_at(path_, "open the folder of", errno);
}

std::optional<binlog::schema_history> schema_file::load(const binlog::position& at) const {
  if (path_.empty()) return std::nullopt;
  posix::descriptor file(::openat(folder_.get(), name_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) fail_at(path_, "open", errno);
  struct stat about{};
  if (::fstat(file.get(), &about) != 0) fail_at(path_, "read", errno);
  if (!S_ISREG(about.st_mode)) fail_at(path_, "read", EINVAL);
  if (static_cast<std::uint64_t>(about.st_size) > max_schema_file_bytes) fail_at(path_, "read", EFBIG);
  std::string bytes(static_cast<std::size_t>(about.st_size), '\0');
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    ssize_t count = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail_at(path_, "read", errno);
    if (count == 0) break;
    filled += static_cast<std::size_t>(count);
  }
  bytes.resize(filled);
  return binlog::schema_history::parse(bytes, at);
}

void schema_file::store(const binlog::schema_history& what) const {
  if (path_.empty()) return;
  std::string bytes = what.text();
  // What could not be read again must not replace what can.
  if (bytes.size() > max_schema_file_bytes) fail_at(path_, "store so much in", EFBIG);
  posix::replace_error wrong = posix::replace_file(folder_.get(), name_, bytes);
  if (wrong.error) fail_at(path_, wrong.doing, wrong.error);
}

void schema_file::remove() const {
  if (path_.empty()) return;
  if (::unlinkat(folder_.get(), name_.c_str(), 0) != 0) {
    if (errno == ENOENT) return;
    fail_at(path_, "remove", errno);
  }
  if (int error = posix::sync_folder(folder_.get())) fail_at(path_, "sync the folder of", error);
}

asio::awaitable<void> schema_keeper::begin(binlog::client& with, const binlog::server_facts& server,
                                           const binlog::position& from, bool stored) {
  history_.reset();
  if (stored) history_ = file_.load(from);
  if (!history_) history_.emplace(from);
  if (!stored) file_.remove();  // of an earlier stream
  if (server.row_metadata != "FULL") history_->want();
  // Without GTIDs it can't be told what of the log the tables show already; then each is read with its rows.
  if (server.row_metadata == "FULL" || server.kind == binlog::position_kind::file) co_return;
  std::optional<binlog::table_facts> tables = co_await with.run(binlog::read_schema(with.talk));
  if (!tables) {
    log(log_level::warning, "TW-MY-METADATA",
        "the server has more than " + std::to_string(binlog::most_schema_columns) +
            " columns: a table's are read when rows of it come",
        "binlog_row_metadata=FULL needs none of this");
    co_return;
  }
  std::erase_if(*tables,
                [&](const auto& each) { return history_->knows(each.first.first, each.first.second); });
  if (tables->empty()) co_return;
  std::unique_ptr<binlog::client> scan = co_await connect_();
  std::vector<binlog::found_ddl> found =
      co_await scan->run(binlog::scan_ddl(scan->talk, server, from, dump_));
  for (auto& [name, columns] : *tables)
    if (!touched(found, name)) history_->learned(name.first, name.second, std::move(columns));
  save(from);
}

asio::awaitable<void> schema_keeper::learn(binlog::client& with, const binlog::server_facts& server,
                                           const binlog::position& from,
                                           const binlog::schema_wanted& wanted) {
  constexpr std::size_t most_at_once = 100;
  std::pair name{wanted.schema, wanted.table};
  binlog::table_names names;
  // Rows of a table tell that no statement that changes it is still on its way. Of other tables only GTIDs
  // do.
  if (server.kind != binlog::position_kind::file) names = history_->unknown(most_at_once);
  bool only_others = wanted.table.empty();
  if (!only_others && std::ranges::count(names, name) == 0) names.push_back(name);
  binlog::table_facts tables = co_await with.run(binlog::read_schema(with.talk, names));
  // Whatever the columns show was logged before; so the log, read afterwards, has it.
  std::unique_ptr<binlog::client> scan = co_await connect_();
  std::vector<binlog::found_ddl> found =
      co_await scan->run(binlog::scan_ddl(scan->talk, server, from, dump_));
  for (auto& [each, columns] : tables)
    if (each != name && !touched(found, each)) history_->learned(each.first, each.second, std::move(columns));
  history_->asked_for(names);
  if (only_others) co_return;
  std::string table = wanted.schema + "." + wanted.table;
  std::string place = wanted.mark.substr(0, 200);
  if (touched(found, name, wanted.mark))
    throw failure{failure_kind::refused, "TW-MY-SCHEMA-UNKNOWN",
                  "the columns that " + table + " had in the transaction " + place +
                      " can't be known: the binlog has no names, and the table was changed again behind it",
                  "give the columns as they were then (--schema), or begin anew; "
                  "with binlog_row_metadata=FULL this can't happen"};
  if (!tables.contains(name))
    throw failure{failure_kind::refused, "TW-MY-SCHEMA-UNKNOWN",
                  "the server does not show the columns of " + table + ", of which there are rows in " +
                      place + "; the binlog has no names",
                  "GRANT SELECT on it, set binlog_row_metadata=FULL, or give its columns (--schema)"};
  history_->learned(name.first, name.second, std::move(tables[name]));
  log(log_level::info, "", "read the columns of " + table);
}

void schema_keeper::save(const binlog::position& durable) {
  if (!history_->changed()) return;
  history_->forget_before(durable);
  file_.store(*history_);
  history_->saved();
}

}  // namespace tidewire
