#include "binlog/check_ask.hpp"

#include <charconv>
#include <random>

#include "binlog/check_ask_tables.hpp"
#include "binlog/dump_request.hpp"
#include "binlog/format_description.hpp"
#include "binlog/xa_prepared.hpp"

namespace tidewire::binlog {
namespace {

// Those that a server does not know are left out by themselves.
constexpr std::string_view setting_names =
    "'log_bin','binlog_format','binlog_row_image','binlog_row_metadata','binlog_row_value_options',"
    "'binlog_transaction_compression','log_bin_compress','gtid_mode','enforce_gtid_consistency','gtid_purged'"
    ","
    "'gtid_strict_mode','gtid_domain_id','server_id','binlog_expire_logs_seconds','expire_logs_days',"
    "'binlog_expire_logs_auto_purge','max_binlog_total_size','binlog_space_limit','log_slave_updates',"
    "'log_replica_updates','read_only','require_secure_transport','partial_revokes','have_ssl',"
    "'lower_case_table_names','innodb_native_foreign_keys','version','version_comment','basedir',"
    "'aurora_version','aad_auth_only','validate_password.policy','validate_password_policy',"
    "'strict_password_validation','simple_password_check_minimal_length','cracklib_password_check_"
    "dictionary'";

constexpr std::uint16_t no_such_grant = 1141;

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    std::size_t comma = text.find(',');
    parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
  }
  return parts;
}

// ---- The account

conversation<> ask_account(session& with, check_facts& into) {
  answer who = co_await ask(with, "SELECT CURRENT_USER(), CONNECTION_ID()", "asking who we are");
  if (!who) {
    into.account.missing = who.missing;
    co_return;
  }
  account_fact account;
  account.name = account_of(who->first(0));
  account.id_differs = number_of(who->first(1)) != with.connection_id;
  into.account.value = std::move(account);
}

conversation<> ask_rights(session& with, std::optional<account_name> of, check_facts& into) {
  rights_fact rights;
  rights.grants.literal_schemas = into.is("partial_revokes", "ON");
  const std::string* fold = into.setting("lower_case_table_names");
  rights.grants.fold_case = fold && *fold != "0";
  std::string sql = "SHOW GRANTS";
  if (of) sql += " FOR " + of->sql();
  try {
    text_result grants = co_await text_query(with, std::move(sql), "reading grants");
    if (grants.rows.size() > max_grant_lines) {
      into.rights.missing = "SHOW GRANTS has more than " + std::to_string(max_grant_lines) + " lines";
      co_return;
    }
    for (const auto& row : grants.rows) rights.grants.add(text_of(row, 0));
  } catch (const server_failure& why) {
    if (why.kind == failure_kind::transient) throw;
    rights.exists = false;
    if (why.number != no_such_grant || !of) {
      into.rights.missing = why.what();
      co_return;
    }
  }
  into.rights.value = std::move(rights);
}

/// Only its own words about TLS are looked at: the rest is a secret.
conversation<> ask_tls_duty(session& with, check_facts& into) {
  answer shown = co_await ask(with, "SHOW CREATE USER CURRENT_USER()", "reading the account");
  if (!shown) {
    into.account_needs_tls.missing = shown.missing;
    co_return;
  }
  // A line of the same kind as GRANT … TO, from the name of the account on.
  std::string text(shown->first());
  std::size_t at = text.find("USER ");
  std::optional<grant_line> line;
  if (at != text.npos) line = parse_grant("GRANT USAGE ON *.* TO " + text.substr(at + 5));
  if (line)
    into.account_needs_tls.value = line->requires_tls;
  else
    into.account_needs_tls.missing = "the server's words about the account are of an unknown form";
}

// ---- The server

conversation<> ask_settings_of(session& with, check_facts& into) {
  answer found =
      co_await ask(with, "SHOW GLOBAL VARIABLES WHERE Variable_name IN (" + std::string(setting_names) + ")",
                   "reading settings");
  if (!found) {
    into.settings.missing = found.missing;
    co_return;
  }
  into.settings.value.emplace();
  for (const auto& row : found->rows) into.settings.value->emplace(text_of(row, 0), text_of(row, 1));
}

conversation<> ask_log(session& with, check_facts& into) {
  bool new_words = !into.mariadb && into.version >= 80200;
  answer status = co_await ask(with, new_words ? "SHOW BINARY LOG STATUS" : "SHOW MASTER STATUS",
                               "reading what is logged");
  into.log.missing = status.missing;
  if (status) {
    log_fact log;
    log.do_schemas = list_of(status->first(2));
    log.ignored_schemas = list_of(status->first(3));
    into.log.value = std::move(log);
  }
  answer files = co_await ask(with, "SHOW BINARY LOGS", "listing binlogs");
  into.kept.missing = files.missing;
  if (!files) co_return;
  kept_fact kept;
  kept.files = files->rows.size();
  for (const auto& row : files->rows) kept.bytes += number_of(text_of(row, 1));
  into.kept.value = kept;
}

conversation<> ask_topology(session& with, check_facts& into) {
  bool new_words = !into.mariadb && into.version >= 80022;
  std::string sql = into.mariadb ? "SHOW ALL SLAVES STATUS"
                    : new_words  ? "SHOW REPLICA STATUS"
                                 : "SHOW SLAVE STATUS";
  answer sources = co_await ask(with, std::move(sql), "asking whether it is a replica");
  into.is_replica.missing = sources.missing;
  if (sources) into.is_replica.value = !sources->rows.empty();
  answer replicas =
      co_await ask(with, new_words ? "SHOW REPLICAS" : "SHOW SLAVE HOSTS", "asking for its replicas");
  into.replicas.missing = replicas.missing;
  if (!replicas) co_return;
  into.replicas.value.emplace();
  for (const auto& row : replicas->rows) into.replicas.value->push_back(text_of(row, 0));
}

conversation<> ask_hoster(session& with, check_facts& into) {
  answer found =
      co_await ask(with, "SELECT value FROM mysql.rds_configuration WHERE name = 'binlog retention hours'",
                   "reading the hoster's retention");
  into.hoster_hours.missing = found.missing;
  if (found) into.hoster_hours.value = std::string(found->first());
}

conversation<> ask_prepared(session& with, check_facts& into) {
  try {
    into.prepared = co_await prepared_transactions(with);
  } catch (const server_failure& why) {
    if (why.kind == failure_kind::transient) throw;
    into.prepared.missing = why.what();
  }
}

/// The one proof that the account may read the binlog. The server forgets us with the connection.
conversation<> ask_to_register(session& with, check_facts& into) {
  std::vector<std::uint8_t> request;
  encoder out(request);
  std::random_device random;
  encode_register(out, 0x40000000u | (random() >> 2), "tidewire check");
  co_await with.command(std::move(request));
  byte_view payload = co_await with.receive();
  if (payload[0] != error_head) {
    into.registers.value = true;
    co_return;
  }
  server_failure why("", well_formed(decode_error_packet(payload), "error"));
  into.registers.value = false;
  into.registers.missing = why.what();
}

}  // namespace

hoster_evidence check_facts::evidence() const {
  hoster_evidence found;
  found.host = connection.host;
  found.version = version_name;
  if (const std::string* text = setting("version")) found.version = *text;
  if (const std::string* text = setting("version_comment")) found.version_comment = *text;
  if (const std::string* text = setting("basedir")) found.basedir = *text;
  found.aurora = setting("aurora_version") != nullptr;
  found.azure = setting("aad_auth_only") != nullptr;
  return found;
}

conversation<> ask_facts(session& with, ask_settings what, check_facts& into) {
  into.mariadb = with.mariadb;
  into.version_name = with.server_version;
  into.version = version_number(with.server_version);
  into.connection.auth_plugin = with.auth_plugin;
  co_await ask(with, "SET NAMES utf8mb4, time_zone='+00:00', sql_mode=''", "settings");
  co_await ask_settings_of(with, into);
  co_await ask_account(with, into);
  co_await ask_rights(with, what.account, into);
  co_await ask_log(with, into);
  co_await ask_topology(with, into);
  co_await ask_tables(with, into);
  // Also elsewhere: who says --hoster rds is to have an answer.
  co_await ask_hoster(with, into);
  if (!what.thorough) co_return;
  co_await ask_tls_duty(with, into);
  co_await ask_cascades(with, into);
  co_await ask_prepared(with, into);
  co_await ask_to_register(with, into);
}

}  // namespace tidewire::binlog
