// The judgement of the binlog: whether it is written, and what is in it.
#include <algorithm>
#include <set>

#include "binlog/check_judging.hpp"

namespace tidewire::binlog {
namespace {

using kind = check_fix::kind;

void judge_log_bin(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-LOG-BIN";
  const std::string* value = j.facts.setting("log_bin");
  if (!value) return void(j.unknown(code, "log_bin", j.facts.settings.missing));
  if (*value == "ON") return void(j.ok(code, "log_bin", "ON"));
  j.add(code, "log_bin", check_status::fail, *value, "the server writes no binlog, which is what is read",
        log_bin_fixes(j.server));
}

void judge_server_id(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-SERVER-ID";
  const std::string* value = j.facts.setting("server_id");
  if (!value) return void(j.unknown(code, "server_id", j.facts.settings.missing));
  if (*value == "0") {
    j.add(code, "server_id", check_status::fail, "0", "a server without one sends its binlog to nobody",
          j.set("server_id", "1", false));
    return;
  }
  std::string note;
  if (j.facts.replicas && !j.facts.replicas->empty())
    note = "its replicas are " + first_of(*j.facts.replicas, j.facts.replicas->size()) +
           ": a stream's --server-id must be another one";
  j.ok(code, "server_id", *value, note);
}

void judge_format(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-FORMAT";
  if (!j.facts.settings) return void(j.unknown(code, "binlog_format", j.facts.settings.missing));
  const std::string* value = j.facts.setting("binlog_format");
  // A server that has no such setting any more knows rows only.
  if (!value || *value == "ROW") {
    j.ok(code, "binlog_format", value ? *value : "rows only");
    return;
  }
  std::vector<check_fix> fixes = j.set("binlog_format", "ROW");
  if (j.server.at == hoster::self_hosted)
    fixes.push_back({kind::shell, "restart what is connected: open sessions keep the old format", false});
  j.add(code, "binlog_format", check_status::fail, *value,
        "changes are logged as statements, whose rows are nowhere: the stream is refused", std::move(fixes));
}

void judge_row_image(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-ROW-IMAGE";
  if (!j.facts.settings) return void(j.unknown(code, "binlog_row_image", j.facts.settings.missing));
  const std::string* value = j.facts.setting("binlog_row_image");
  std::string image = value ? *value : "FULL";
  if (image == "FULL") return void(j.ok(code, "binlog_row_image", image));
  if (image == "FULL_NODUP") {
    j.ok(code, "binlog_row_image", image, "what an UPDATE leaves alone is taken from the image before");
    return;
  }
  j.add(code, "binlog_row_image", check_status::warn, image,
        image == "NOBLOB"
            ? "BLOB and TEXT columns come only where they were changed"
            : "an UPDATE has only the columns that changed, a DELETE only those that identify the row",
        j.set("binlog_row_image", "FULL"));
}

void judge_metadata(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-METADATA";
  if (!j.facts.settings) return void(j.unknown(code, "binlog_row_metadata", j.facts.settings.missing));
  const std::string* value = j.facts.setting("binlog_row_metadata");
  if (value && *value == "FULL") return void(j.ok(code, "binlog_row_metadata", *value));
  const char* why =
      "the binlog does not name columns: their names must be had from the server as it is now, or with "
      "--schema, and differ from what was logged once a table was altered";
  if (!value) {
    j.add(code, "binlog_row_metadata", check_status::warn, "this version has none", why,
          {{kind::setting, "tidewire stream --schema FILE (docs/mysql.md)", false}});
    return;
  }
  j.add(code, "binlog_row_metadata", check_status::warn, *value, why, j.set("binlog_row_metadata", "FULL"));
}

void judge_partial_json(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-PARTIAL-JSON";
  if (!j.facts.settings) return void(j.unknown(code, "binlog_row_value_options", j.facts.settings.missing));
  const std::string* value = j.facts.setting("binlog_row_value_options");
  if (!value || value->empty()) return void(j.ok(code, "binlog_row_value_options", "none"));
  if (j.facts.is("binlog_row_image", "FULL")) {
    j.ok(code, "binlog_row_value_options", *value, "JSON values are put together from the image before");
    return;
  }
  j.add(code, "binlog_row_value_options", check_status::warn, *value + ", and no full row image",
        "without the image before, a JSON value comes as what was done to it",
        j.set("binlog_row_image", "FULL"));
}

void judge_compression(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-COMPRESSION";
  if (!j.facts.settings) return void(j.unknown(code, "compressed binlog", j.facts.settings.missing));
  const char* name = j.facts.mariadb ? "log_bin_compress" : "binlog_transaction_compression";
  j.ok(code, "compressed binlog", j.facts.is(name, "ON") ? std::string(name) + " is on" : "no",
       "it is read either way");
}

/// The schemas that matter: those of the wanted tables, else all that are seen.
std::set<std::string> schemas_of(const judging& j) {
  std::set<std::string> found;
  for (const wanted_table& each : j.wishes.tables) found.insert(each.schema);
  if (!j.wishes.tables.empty() || !j.facts.tables) return found;
  for (const table_fact& each : *j.facts.tables) found.insert(each.schema);
  return found;
}

void judge_filter(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-FILTER";
  constexpr const char* title = "schemas in the binlog";
  if (!j.facts.log) {
    j.unknown(code, title, j.facts.log.missing,
              {{kind::sql, "GRANT " + j.monitor_right() + " ON *.* TO " + j.account_sql() + ";", true}});
    return;
  }
  const log_fact& log = *j.facts.log;
  if (log.do_schemas.empty() && log.ignored_schemas.empty()) return void(j.ok(code, title, "all"));
  auto holds = [](const std::vector<std::string>& list, const std::string& name) {
    return std::ranges::find(list, name) != list.end();
  };
  std::vector<std::string> missing;
  for (const std::string& schema : schemas_of(j)) {
    bool logged =
        log.do_schemas.empty() ? !holds(log.ignored_schemas, schema) : holds(log.do_schemas, schema);
    if (!logged) missing.push_back(schema);
  }
  std::string found = log.do_schemas.empty()
                          ? "all but " + first_of(log.ignored_schemas, log.ignored_schemas.size())
                          : "only " + first_of(log.do_schemas, log.do_schemas.size());
  if (missing.empty()) {
    j.ok(code, title, found, "binlog-do-db and binlog-ignore-db leave out nothing that is wanted");
    return;
  }
  check_finding& made = j.add(
      code, title, j.wishes.tables.empty() ? check_status::warn : check_status::fail,
      found + ": without " + first_of(missing, missing.size()),
      "what the server does not log never arrives, and nothing says so",
      {{kind::setting,
        "option file, [mysqld]: remove binlog-do-db and binlog-ignore-db, or name the schemas there, and "
        "restart",
        false}});
  made.object_count = missing.size();
  missing.resize(std::min(missing.size(), max_named_objects));
  made.objects = std::move(missing);
}

}  // namespace

void judge_log(const judging& j) {
  judge_log_bin(j);
  judge_server_id(j);
  judge_format(j);
  judge_row_image(j);
  judge_metadata(j);
  judge_partial_json(j);
  judge_compression(j);
  // Without a binlog it says nothing about schemas.
  if (j.facts.has_log() || !j.facts.settings) judge_filter(j);
}

}  // namespace tidewire::binlog
