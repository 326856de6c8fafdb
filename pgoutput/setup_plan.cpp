#include "pgoutput/setup_plan.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <set>

#include "core/new_password.hpp"
#include "pgoutput/sql_text.hpp"

namespace tidewire::pgoutput {
namespace {

using kind = check_fix::kind;
using state = setup_step::state;

class planning {
 public:
  planning(const check_facts& facts, const setup_wishes& wishes, const secret& password, bool superuser)
      : facts_(facts), wishes_(wishes), password_(password), superuser_(superuser) {
    check_wishes_.publications = {wishes.publication};
    check_wishes_.tables = wishes.tables;
    check_wishes_.at = wishes.at;
    at_ = hoster_of(facts, check_wishes_).at;
    role_name_ = sql_name(wishes.role);
    for (const table_fact* table : tables_in_question(facts, all_wishes(), partitions::without))
      if (publishable(*table)) tables_.push_back(table);
  }

  std::vector<setup_step> run() {
    plan_role();
    plan_identity();
    plan_publication();
    plan_grants();
    plan_default_privileges();
    plan_server();
    return std::move(steps_);
  }

 private:
  /// What the publication will have when all is done: for that it must not exist yet.
  check_wishes all_wishes() const {
    check_wishes wishes = check_wishes_;
    if (wishes.tables.empty() && extends_publication()) wishes.publications = {};
    return wishes;
  }

  const publication_fact* publication() const {
    auto found = existing_publications(facts_, {wishes_.publication});
    return found.empty() ? nullptr : found[0];
  }

  /// An explicit list is somebody's choice, but where nothing else is possible it is to hold everything.
  bool extends_publication() const {
    const publication_fact* existing = publication();
    if (!existing) return true;
    if (existing->all_tables || !wishes_.tables.empty()) return false;
    return !takes_all_tables(at_) ||
           published_tables(facts_, {wishes_.publication}, partitions::with).empty();
  }

  setup_step& add(std::string what, std::string text, std::string note = {}) {
    setup_step step;
    step.what = std::move(what);
    step.text = std::move(text);
    step.note = std::move(note);
    steps_.push_back(std::move(step));
    return steps_.back();
  }

  void add_fixes(const std::string& what, const std::vector<check_fix>& fixes, const std::string& note) {
    for (const check_fix& fix : fixes) {
      setup_step& step = add(what, fix.text, note);
      step.is = fix.is;
      step.in_transaction = false;
      // ALTER SYSTEM is for superusers.
      if (!fix.can_apply || !superuser_) step.at = state::left;
    }
  }

  // ---- The server

  void plan_server() {
    const setting_fact* level = facts_.setting("wal_level");
    bool enough = !level || level->value == "logical" || (facts_.major() >= 19 && level->value == "replica");
    if (!enough && level->pending_restart)
      add_fixes("restart", restart_fixes(at_), "wal_level was changed and waits for it");
    else if (!enough)
      add_fixes("wal_level", wal_level_fixes(at_), "it is " + level->value);
    plan_limit("max_replication_slots", facts_.slots ? facts_.slots->size() : 0);
    plan_limit("max_wal_senders",
               facts_.wal_senders ? static_cast<std::size_t>(std::max(0, *facts_.wal_senders)) : 0);
  }

  void plan_limit(const char* name, std::size_t used) {
    const setting_fact* setting = facts_.setting(name);
    if (!setting || setting->pending_restart) return;
    auto limit = static_cast<std::size_t>(std::max(0, std::atoi(setting->value.c_str())));
    if (used < limit) return;
    add_fixes(name, setting_fixes(at_, name, std::to_string(std::max<std::size_t>(10, limit * 2)), true),
              std::to_string(used) + " of " + setting->value + " are in use");
  }

  // ---- The role

  std::string password_clause() const {
    // Neon's control plane wants to see the password itself.
    if (at_ == hoster::neon) return "PASSWORD " + sql_text(password_.reveal());
    return "PASSWORD " + sql_text(scram_verifier(password_));
  }

  void add_with_password(const std::string& what, const std::string& statement) {
    setup_step& step = add(what, statement + " " + password_clause() + ";");
    step.has_password = true;
    step.shown = statement + " PASSWORD '…';";
  }

  void plan_role() {
    const role_fact* role = facts_.role && facts_.role->exists ? &*facts_.role : nullptr;
    std::string what = "role " + wishes_.role;
    std::string_view group = replication_role(at_);
    bool by_group = !group.empty() && facts_.special_roles && facts_.special_roles->contains(group);
    if (!role) {
      add_with_password(what, "CREATE ROLE " + role_name_ + " WITH LOGIN" + (by_group ? "" : " REPLICATION"));
    } else {
      if (!role->can_login) add(what, "ALTER ROLE " + role_name_ + " LOGIN;");
      if (wishes_.new_password) add_with_password(what, "ALTER ROLE " + role_name_);
      bool may = role->replication || role->superuser || (by_group && role->member_of.contains(group));
      if (!may && !by_group) add(what, "ALTER ROLE " + role_name_ + " WITH REPLICATION;");
    }
    bool member = role && (role->member_of.contains(group) || role->replication);
    if (by_group && !member && !(role && role->superuser))
      add(what, "GRANT " + std::string(group) + " TO " + role_name_ + ";");
    bool secured = std::ranges::any_of(tables_, [](const table_fact* table) { return table->row_security; });
    bool past = role && (role->bypass_rls || role->superuser);
    if (secured && !past) {
      setup_step& step =
          add(what, "ALTER ROLE " + role_name_ + " BYPASSRLS;", "some tables have row security");
      step.optional = true;
    }
    if (!role || !role->may_connect) {
      setup_step& step = add(what, "GRANT CONNECT ON DATABASE " + sql_name(facts_.connection.database) +
                                       " TO " + role_name_ + ";");
      step.optional = !role;  // usually everybody may
    }
  }

  // ---- Tables and publication

  std::vector<const table_fact*> without_key() const {
    check_wishes wishes = all_wishes();
    std::vector<const table_fact*> all = tables_in_question(facts_, wishes, partitions::with);
    std::erase_if(all, [](const table_fact* table) { return !publishable(*table); });
    return without_identity(all);
  }

  void plan_identity() {
    const publication_fact* existing = publication();
    std::vector<const table_fact*> bare = without_key();
    if (bare.empty()) return;
    if (wishes_.identity_full) {
      for (const table_fact* table : bare)
        add("replica identity",
            "ALTER TABLE " + sql_name(table->schema, table->name) + " REPLICA IDENTITY FULL;");
      return;
    }
    std::vector<std::string> names;
    for (const table_fact* table : bare) {
      names.push_back(table->full_name());
      if (names.size() == max_named_objects) break;
    }
    setup_step& step =
        add("replica identity",
            "give them a primary key, or run setup with --replica-identity-full, or name the tables that are "
            "wanted with --table",
            "published without a key, every UPDATE and DELETE of them fails in the source itself: " +
                first_of(names, bare.size()));
    step.is = kind::console;
    step.at = state::left;
    blocked_ = !existing || extends_publication();
  }

  std::string list_of(const std::vector<const table_fact*>& tables) const {
    std::string list;
    for (const table_fact* table : tables)
      list += (list.empty() ? "" : ", ") + sql_name(table->schema, table->name);
    return list;
  }

  /// The roots and plain tables that the publication is to name.
  std::vector<const table_fact*> to_name() const {
    std::vector<const table_fact*> found;
    for (const table_fact* table : tables_)
      if (!wishes_.tables.empty() || table->parent == 0) found.push_back(table);
    return found;
  }

  void plan_publication() {
    std::string what = "publication " + wishes_.publication;
    std::string name = sql_name(wishes_.publication);
    for (const wanted_table& wanted : wishes_.tables) {
      bool there = std::ranges::any_of(tables_, [&](const table_fact* table) {
        return table->schema == wanted.schema && table->name == wanted.name;
      });
      if (there) continue;
      setup_step& step = add(what, "check the spelling of --table " + wanted.full_name(),
                             "there is no such table that could be published");
      step.is = kind::setting;
      step.at = state::left;
      blocked_ = true;
    }
    const publication_fact* existing = publication();
    if (existing) {
      if (!existing->inserts || !existing->updates || !existing->deletes || !existing->truncates)
        add(what, "ALTER PUBLICATION " + name + " SET (publish = 'insert, update, delete, truncate');");
      plan_missing_tables(what, name, *existing);
      return;
    }
    std::string by_name = "CREATE PUBLICATION " + name + " FOR TABLE " + list_of(to_name()) + ";";
    bool all = wishes_.tables.empty() && takes_all_tables(at_) && (superuser_ || at_ != hoster::self_hosted);
    if (!all && to_name().empty()) by_name = "CREATE PUBLICATION " + name + ";";
    setup_step& step = add(what, all ? "CREATE PUBLICATION " + name + " FOR ALL TABLES;" : by_name);
    if (all && !to_name().empty()) step.otherwise = by_name;
    if (!all && wishes_.tables.empty())
      step.note = "every table by name, because FOR ALL TABLES takes a superuser: add new ones with --table";
    if (blocked_) {
      step.at = state::left;
      step.note = "not before the step above is decided";
    }
  }

  void plan_missing_tables(const std::string& what, const std::string& name,
                           const publication_fact& existing) {
    if (existing.all_tables) return;
    if (wishes_.tables.empty() && !extends_publication()) return;
    published_cover covered(facts_, {wishes_.publication});
    std::vector<const table_fact*> missing;
    for (const table_fact* table : to_name())
      if (!covered(*table)) missing.push_back(table);
    if (missing.empty()) return;
    setup_step& step = add(what, "ALTER PUBLICATION " + name + " ADD TABLE " + list_of(missing) + ";");
    if (blocked_) {
      step.at = state::left;
      step.note = "not before the step above is decided";
    }
  }

  // ---- Rights

  void plan_grants() {
    std::map<std::string, std::vector<const table_fact*>> denied;
    std::set<std::string> closed;
    for (const table_fact* table : tables_) {
      if (!table->schema_usage) closed.insert(table->schema);
      if (!table->select) denied[table->schema].push_back(table);
    }
    for (const std::string& schema : closed)
      add("rights", "GRANT USAGE ON SCHEMA " + sql_name(schema) + " TO " + role_name_ + ";");
    for (const auto& [schema, tables] : denied) {
      bool whole = wishes_.tables.empty() && tables.size() > max_named_objects;
      add("rights", "GRANT SELECT ON " +
                        (whole ? "ALL TABLES IN SCHEMA " + sql_name(schema) : "TABLE " + list_of(tables)) +
                        " TO " + role_name_ + ";");
    }
  }

  void plan_default_privileges() {
    if (!wishes_.tables.empty()) return;
    const publication_fact* existing = publication();
    if (existing && !existing->all_tables && takes_all_tables(at_)) return;
    std::set<std::pair<std::string, std::string>> wanted, others;
    for (const table_fact* table : tables_)
      (table->owned ? wanted : others).insert({table->schema, table->owner});
    if (tables_.empty()) wanted.insert({"public", facts_.connection.user});
    for (const auto& [schema, owner] : wanted)
      if (!has_default(schema, owner)) {
        setup_step& step = add("rights on tables to come", default_sql(schema, owner));
        step.optional = true;
      }
    for (const auto& [schema, owner] : others)
      if (!has_default(schema, owner)) {
        setup_step& step =
            add("rights on tables to come", default_sql(schema, owner), "to be run as " + owner);
        step.at = state::left;
        step.optional = true;
      }
  }

  bool has_default(const std::string& schema, const std::string& owner) const {
    return facts_.default_privileges &&
           std::ranges::any_of(*facts_.default_privileges, [&](const default_privilege& each) {
             return each.owner == owner && (each.schema.empty() || each.schema == schema);
           });
  }

  std::string default_sql(const std::string& schema, const std::string& owner) const {
    return "ALTER DEFAULT PRIVILEGES FOR ROLE " + sql_name(owner) + " IN SCHEMA " + sql_name(schema) +
           " GRANT SELECT ON TABLES TO " + role_name_ + ";";
  }

  const check_facts& facts_;
  const setup_wishes& wishes_;
  const secret& password_;
  bool superuser_;
  check_wishes check_wishes_;
  hoster at_ = hoster::self_hosted;
  std::string role_name_;
  std::vector<const table_fact*> tables_;  // that are to be read
  std::vector<setup_step> steps_;
  bool blocked_ = false;  // the publication waits for a decision
};

}  // namespace

std::vector<setup_step> plan_setup(const check_facts& facts, const setup_wishes& wishes,
                                   const secret& password, bool admin_superuser) {
  return planning(facts, wishes, password, admin_superuser).run();
}

}  // namespace tidewire::pgoutput
