// The judgement of the user: who it is, and each right that a stream and check itself need.
#include <algorithm>

#include "mongo_wire/check_ask.hpp"
#include "mongo_wire/check_judging.hpp"

namespace tidewire::mongo_wire {
namespace {

using kind = check_fix::kind;

constexpr std::int32_t took_too_long = 50;  // MaxTimeMSExpired

const known_name* user_of(const check_facts& facts) {
  return facts.login && !facts.login->users.empty() ? &facts.login->users[0] : nullptr;
}

/// A role that somebody made, and that may hold rights on that database: those of another one's can't.
const known_name* own_role(const check_facts& facts, const std::vector<privilege>& needed) {
  for (const known_name& role : facts.login->roles) {
    bool fits = role.database == "admin" || std::ranges::all_of(needed, [&](const privilege& each) {
                  return !each.on.cluster && each.on.database == role.database;
                });
    if (fits && !is_built_in(role)) return &role;
  }
  return nullptr;
}

std::string custom_role_words(const std::vector<privilege>& needed) {
  return "or Custom Roles: a role with " + describe(needed) + ", given to the user";
}

std::string grant_role(const known_name& user, std::string_view role, const std::string& database) {
  return shell_database(user.database) + ".grantRolesToUser(" + shell_text(user.name) +
         ", [{role: " + shell_text(role) + ", db: " + shell_text(database) + "}]);";
}

/// The database that a built-in role is given for.
std::string place_of(std::string_view built_in, const std::string& database) {
  return built_in == "read" || built_in == "dbAdmin" ? database : "admin";
}

void judge_user(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-USER";
  if (!j.facts.login) {
    j.unknown(code, "user", j.facts.login.missing, {});
    return;
  }
  const known_name* user = user_of(j.facts);
  if (!user && j.facts.trial && j.facts.trial->denied) {
    j.add(code, "user", check_status::fail, "nobody logged in, and the server wants to know who asks", "",
          {{kind::setting,
            "mongodb://USER:PASSWORD@…, and authSource where the user is not of the database admin", false}});
    return;
  }
  if (!user) {
    j.add(code, "user", check_status::warn, "nobody logged in: the server lets everybody in",
          "whoever reaches it may read and change everything",
          {{kind::sql,
            "db.getSiblingDB(\"admin\").createUser({user: \"admin\", pwd: passwordPrompt(), roles: "
            "[\"root\"]});",
            false},
           {kind::shell, "mongod --auth --keyFile FILE (security.authorization: enabled), and restart",
            false}});
    return;
  }
  std::string roles;
  for (const known_name& each : j.facts.login->roles)
    roles += (roles.empty() ? "" : ", ") + each.name + "@" + each.database;
  resource where = resource::of_database(j.database());
  bool writes = std::ranges::any_of(
      std::initializer_list<const char*>{"insert", "update", "remove"},
      [&](const char* action) { return allows(j.facts.login->privileges, where, action); });
  j.ok(code, "user", user->name + "@" + user->database + ", roles: " + (roles.empty() ? "none" : roles),
       writes ? "it may also write, which a stream never does" : "");
}

void judge_change_stream(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-CHANGE-STREAM";
  constexpr const char* title = "right to the change stream";
  std::vector<privilege> needed = stream_privileges(j.database());
  if (is_internal_database(j.database()) || j.facts.hello.kind == server_kind::standalone) return;
  if (!j.facts.trial) {
    j.unknown(code, title, j.facts.trial.missing, needed);
    return;
  }
  if (j.facts.trial->works) {
    j.ok(code, title, describe(needed) + ": a stream opens");
    return;
  }
  if (j.facts.trial->denied) {
    std::vector<privilege> missing = needed;
    if (j.facts.login && j.facts.login->told) missing = missing_of(j.facts.login->privileges, needed);
    if (missing.empty()) missing = needed;
    j.add(code, title, check_status::fail, "missing: " + describe(missing),
          "a stream needs both on the database as a whole (collection: \"\"), of all databases on db: \"\" "
          "too: rights "
          "on each collection do not add up to it",
          user_of(j.facts) ? rights_fixes(j, missing, j.whole_cluster() ? "readAnyDatabase" : "read")
                           : std::vector<check_fix>{});
    return;
  }
  bool slow = j.facts.trial->number == took_too_long;
  j.add(code, title, slow ? check_status::unknown : check_status::fail, j.facts.trial->text,
        "a stream was opened to see whether it can be, and closed again");
}

void judge_listing(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-LIST-COLLECTIONS";
  constexpr const char* title = "right to list collections";
  if (is_internal_database(j.database())) return;
  std::vector<privilege> needed = listing_privileges(j.database());
  std::vector<privilege> missing;
  if (j.facts.login && j.facts.login->told && user_of(j.facts))
    missing = missing_of(j.facts.login->privileges, needed);
  bool listed = j.facts.collections && !j.facts.collections_by_name_only;
  if (listed && (missing.empty() || !j.whole_cluster())) {
    j.ok(code, title, describe(needed));
    return;
  }
  if (missing.empty()) missing = needed;
  std::string found = "missing: " + describe(missing);
  if (!j.facts.collections.missing.empty() && !listed) found += " (" + j.facts.collections.missing + ")";
  std::vector<check_fix> fixes;
  if (user_of(j.facts)) fixes = rights_fixes(j, missing, j.whole_cluster() ? "readAnyDatabase" : "read");
  j.add(code, title, check_status::warn, found,
        "a stream goes without, but nobody sees whether collections keep images, or are views",
        std::move(fixes));
}

void judge_coll_mod(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-COLLMOD";
  constexpr const char* title = "right to switch images on";
  if (j.wishes.images != post_images::auto_configure || is_internal_database(j.database())) return;
  std::vector<privilege> needed = image_privileges(j.database());
  if (!j.facts.login || !j.facts.login->told) {
    j.unknown(code, title, j.facts.login.missing, needed);
    return;
  }
  if (!user_of(j.facts)) {
    j.ok(code, title, "the server asks nobody");
    return;
  }
  std::vector<privilege> missing = missing_of(j.facts.login->privileges, needed);
  if (missing.empty()) {
    j.ok(code, title, describe(needed));
    return;
  }
  std::vector<check_fix> fixes =
      rights_fixes(j, missing, j.whole_cluster() ? "dbAdminAnyDatabase" : "dbAdmin");
  fixes.push_back({kind::setting, "--post-images read_only, where somebody else sees to it", false});
  j.add(code, title, check_status::fail, "missing: " + describe(missing),
        "auto_configure switches the images of a collection on with collMod", std::move(fixes));
}

}  // namespace

std::vector<check_fix> rights_fixes(const judging& j, const std::vector<privilege>& needed,
                                    std::string_view built_in) {
  const known_name* user = user_of(j.facts);
  std::string place = place_of(built_in, j.database());
  if (j.at == hoster::atlas) {
    std::string who = user ? user->name : j.facts.connection.user;
    return {{kind::console,
             "Security, Database Access, Edit " + who + ", Specific Privileges: " + std::string(built_in) +
                 "@" + place + "; " + custom_role_words(needed),
             false}};
  }
  if (!user || needed.empty()) return {};
  if (const known_name* role = own_role(j.facts, needed))
    return {{kind::sql,
             shell_database(role->database) + ".grantPrivilegesToRole(" + shell_text(role->name) + ", " +
                 shell_text(needed) + ");",
             true}};
  std::string name = "tidewire_" + user->name;
  return {{kind::sql, grant_role(*user, built_in, place), true},
          {kind::sql,
           "db.getSiblingDB(\"admin\").createRole({role: " + shell_text(name) +
               ", privileges: " + shell_text(needed) + ", roles: []}); " + grant_role(*user, name, "admin") +
               " // instead, if just that is to be allowed",
           false}};
}

void judge_rights(const judging& j) {
  judge_user(j);
  judge_change_stream(j);
  judge_listing(j);
  judge_coll_mod(j);
}

}  // namespace tidewire::mongo_wire
