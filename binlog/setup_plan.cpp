#include "binlog/setup_plan.hpp"

#include <algorithm>
#include <openssl/sha.h>
#include <set>

namespace tidewire::binlog {
namespace {

using kind = check_fix::kind;
using state = setup_step::state;

class planning {
 public:
  planning(const check_facts& facts, const setup_wishes& wishes, const secret& password)
      : facts_(facts), wishes_(wishes), password_(password), account_(wishes.account.sql()) {
    check_wishes_.tables = wishes.tables;
    check_wishes_.at = wishes.at;
    server_ = kind_of(facts, check_wishes_);
  }

  std::vector<setup_step> run() {
    plan_account();
    plan_rights();
    plan_select();
    plan_log();
    plan_history();
    return std::move(steps_);
  }

 private:
  setup_step& add(std::string what, std::string text, std::string note = {}) {
    setup_step step;
    step.what = std::move(what);
    step.text = std::move(text);
    step.note = std::move(note);
    step.in_transaction = false;
    steps_.push_back(std::move(step));
    return steps_.back();
  }

  setup_step& leave(std::string what, kind is, std::string text, std::string note = {}) {
    setup_step& step = add(std::move(what), std::move(text), std::move(note));
    step.is = is;
    step.at = state::left;
    return step;
  }

  /// What can be run is run; what a person does is left. An option file's line beside a statement only keeps
  /// what the statement has done.
  void add_fixes(const std::string& what, const std::vector<check_fix>& fixes, const std::string& note,
                 bool optional) {
    bool runs = std::ranges::any_of(fixes, &check_fix::can_apply);
    for (const check_fix& fix : fixes) {
      setup_step& step = add(what, fix.text, note);
      step.is = fix.is;
      step.optional = optional || (runs && !fix.can_apply);
      if (!fix.can_apply) step.at = state::left;
      if (fix.can_apply && fix.text.starts_with("SET PERSIST ")) {
        step.otherwise = "SET GLOBAL " + fix.text.substr(12);
      }
    }
  }

  // ---- The account

  void add_with_password(const std::string& what, const std::string& statement, const std::string& after) {
    bool hashed = takes_verifier(facts_);
    std::string clause =
        hashed ? " IDENTIFIED VIA mysql_native_password USING '" + native_verifier(password_) + "'"
               : " IDENTIFIED BY " + sql_text(password_.reveal());
    setup_step& step = add(what, statement + clause + after + ";");
    step.has_password = true;
    step.shown = statement +
                 (hashed ? " IDENTIFIED VIA mysql_native_password USING '…'" : " IDENTIFIED BY '…'") + after +
                 ";";
  }

  void plan_account() {
    std::string what = "account " + wishes_.account.user + "@" + wishes_.account.host;
    bool far = !facts_.connection.is_loopback && !facts_.connection.is_socket;
    std::string tls = far && !facts_.connection.tls_version.empty() ? " REQUIRE SSL" : "";
    if (!facts_.rights->exists)
      add_with_password(what, "CREATE USER " + account_, tls);
    else if (wishes_.new_password)
      add_with_password(what, "ALTER USER " + account_, "");
  }

  bool may(std::string_view right) const { return facts_.rights->grants.global(right); }

  void plan_rights() {
    std::string rights;
    auto want = [&](bool there, const std::string& right) {
      if (!there) rights += (rights.empty() ? "" : ", ") + right;
    };
    std::string monitor = facts_.mariadb ? "BINLOG MONITOR" : "REPLICATION CLIENT";
    want(may("REPLICATION SLAVE"), "REPLICATION SLAVE");
    want(may(monitor), monitor);
    if (!rights.empty()) add("rights", "GRANT " + rights + " ON *.* TO " + account_ + ";");
    // So that nothing begins while an XA transaction is prepared whose rows would be missing.
    if (!facts_.mariadb && facts_.version >= 80000 && !may("XA_RECOVER_ADMIN")) {
      setup_step& step = add("rights", "GRANT XA_RECOVER_ADMIN ON *.* TO " + account_ + ";",
                             "so that prepared XA transactions are seen before a stream or copy begins");
      step.optional = true;
    }
    // So that check can say whether it is a replica.
    bool has_it = facts_.mariadb && facts_.version >= 100509;
    if (has_it && !may("SLAVE MONITOR") && !may("REPLICA MONITOR")) {
      setup_step& step = add("rights", "GRANT REPLICA MONITOR ON *.* TO " + account_ + ";",
                             "so that check sees whether the server is a replica");
      step.optional = true;
    }
  }

  void plan_select() {
    const grant_list& grants = facts_.rights->grants;
    if (!wishes_.tables.empty()) {
      for (const wanted_table& each : wishes_.tables) plan_select_on(each);
      return;
    }
    std::set<std::string> schemas;
    for (const table_fact& each : *facts_.tables)
      if (!grants.on_schema(each.schema, "SELECT")) schemas.insert(each.schema);
    // Not on everything: the server's own tables hold what others log in with.
    for (const std::string& each : schemas)
      add("rights", "GRANT SELECT ON " + sql_schema_pattern(each) + ".* TO " + account_ + ";",
          exact_note(each));
  }

  void plan_select_on(const wanted_table& wanted) {
    const table_fact* table = find_table(facts_, wanted);
    if (!table || !table->is_table) {
      leave("rights", kind::setting, "check the spelling of --table " + wanted.full_name(),
            table ? "it is no table: nothing of it is in the binlog" : "there is no such table");
      return;
    }
    if (!facts_.rights->grants.on_table(table->schema, table->name, "SELECT"))
      add("rights", "GRANT SELECT ON " + sql_name(table->schema, table->name) + " TO " + account_ + ";",
          exact_note(table->schema));
  }

  /// What only one option takes is not given unasked.
  std::string exact_note(const std::string& schema) const {
    if (facts_.mariadb || facts_.version < 80000) return {};
    return "for a copy with --exact also GRANT LOCK TABLES ON " + sql_schema_pattern(schema) + ".* TO " +
           account_ + ";";
  }

  // ---- The server

  void plan_setting(const char* name, const char* value, bool optional) {
    const std::string* found = facts_.setting(name);
    if (!found || *found == value) return;
    add_fixes(name, setting_fixes(server_, name, value, false), "it is " + *found, optional);
  }

  void plan_log() {
    if (facts_.setting("log_bin") && !facts_.has_log())
      add_fixes("log_bin", log_bin_fixes(server_), "the server writes no binlog", false);
    if (facts_.is("server_id", "0"))
      add_fixes("server_id", setting_fixes(server_, "server_id", "1", false),
                "it is 0; any number that is unique among its replicas will do", false);
    plan_setting("binlog_format", "ROW", false);
    bool whole = facts_.is("binlog_row_image", "FULL_NODUP");
    if (!whole) plan_setting("binlog_row_image", "FULL", true);
    plan_setting("binlog_row_metadata", "FULL", true);
    if (facts_.is_replica && *facts_.is_replica) {
      const char* name = facts_.setting("log_replica_updates") ? "log_replica_updates" : "log_slave_updates";
      if (!facts_.is(name, "ON"))
        add_fixes(name, setting_fixes(server_, name, "ON", true), "this is a replica", false);
    }
  }

  void plan_history() {
    if (!facts_.has_log()) return;
    retention kept = retention_of(facts_, server_.at);
    bool short_time = kept.known && !kept.for_ever && kept.seconds < wanted_retention_s;
    if (short_time)
      add_fixes("retention", retention_fixes(server_, advised_retention_hours), kept.found, !kept.none);
    if (facts_.mariadb && facts_.is("gtid_strict_mode", "OFF"))
      plan_decision("gtid_strict_mode",
                    "it refuses what would give two changes one GTID: somebody has to decide");
    if (!facts_.mariadb && facts_.setting("gtid_mode") && !facts_.is("gtid_mode", "ON"))
      plan_decision("gtid_mode",
                    "a way of several steps, and some statements are refused then: docs/checks_mysql.md");
  }

  /// What changes how applications fare is not done unasked.
  void plan_decision(const char* name, const char* why) {
    for (const check_fix& fix : setting_fixes(server_, name, "ON", false))
      leave(name, fix.is, fix.text, why).optional = true;
  }

  const check_facts& facts_;
  const setup_wishes& wishes_;
  const secret& password_;
  const std::string account_;
  check_wishes check_wishes_;
  server_kind server_;
  std::vector<setup_step> steps_;
};

}  // namespace

std::vector<setup_step> plan_setup(const check_facts& facts, const setup_wishes& wishes,
                                   const secret& password) {
  return planning(facts, wishes, password).run();
}

bool takes_verifier(const check_facts& facts) {
  bool looks = facts.setting("simple_password_check_minimal_length") ||
               facts.setting("cracklib_password_check_dictionary");
  return facts.mariadb && !(looks && facts.is("strict_password_validation", "ON"));
}

secret fitting_password(const check_facts& facts, const secret& password) {
  bool rules = facts.setting("validate_password.policy") || facts.setting("validate_password_policy") ||
               facts.setting("simple_password_check_minimal_length");
  if (!rules) return password;
  // The strictest rules want a letter of each case, a digit and a mark.
  std::string text(password.reveal());
  text += "-aA1";
  return secret::take(std::move(text));
}

std::string native_verifier(const secret& password) {
  unsigned char first[SHA_DIGEST_LENGTH], second[SHA_DIGEST_LENGTH];
  std::string_view text = password.reveal();
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), first);
  SHA1(first, sizeof first, second);
  OPENSSL_cleanse(first, sizeof first);
  std::string out = "*";
  for (unsigned char each : second) {
    out += "0123456789ABCDEF"[each >> 4];
    out += "0123456789ABCDEF"[each & 15];
  }
  return out;
}

}  // namespace tidewire::binlog
