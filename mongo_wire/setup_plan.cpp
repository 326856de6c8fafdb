#include "mongo_wire/setup_plan.hpp"

#include <algorithm>

#include "mongo_wire/session.hpp"

namespace tidewire::mongo_wire {
namespace {

using kind = check_fix::kind;
using state = setup_step::state;

class planning {
 public:
  planning(const check_facts& facts, const setup_wishes& wishes, const secret& password)
      : facts_(facts), wishes_(wishes), password_(password), database_(facts.connection.database) {
    check_wishes check;
    check.at = wishes.at;
    at_ = hoster_of(facts, check);
    needed_ = stream_privileges(database_);
    add_to(needed_, listing_privileges(database_));
    if (wishes.images == post_images::auto_configure) add_to(needed_, image_privileges(database_));
  }

  std::vector<planned_step> run() {
    plan_server();
    if (at_ == hoster::atlas)
      plan_atlas_user();
    else
      plan_user();
    plan_images();
    return std::move(steps_);
  }

 private:
  /// Rights on one resource are one entry.
  static void add_to(std::vector<privilege>& to, const std::vector<privilege>& more) {
    for (const privilege& each : more) {
      auto same = std::ranges::find(to, each.on, &privilege::on);
      if (same == to.end())
        to.push_back(each);
      else
        same->actions.insert(each.actions.begin(), each.actions.end());
    }
  }

  setup_step& add(std::string what, std::string text, kind is = kind::sql) {
    planned_step made;
    made.step.what = std::move(what);
    made.step.text = std::move(text);
    made.step.is = is;
    if (is != kind::sql) made.step.at = state::left;
    steps_.push_back(std::move(made));
    return steps_.back().step;
  }

  /// The step that was added last, as a command of the protocol.
  template <class Fill>
  void does(std::string database, Fill fill) {
    steps_.back().database = std::move(database);
    steps_.back().command = command_fields(fill);
  }

  // ---- The server

  bool standalone() const { return facts_.hello.kind == server_kind::standalone; }

  void plan_server() {
    if (standalone()) {
      add("replica set", "mongod --replSet rs0 (replication.replSetName in mongod.conf), and restart",
          kind::shell)
          .note = "change streams need a replica set, of one member at least";
      add("replica set", "rs.initiate();").at = state::left;
    }
    if (facts_.feature_version && *facts_.feature_version < "6.0" && facts_.feature_version->size() == 3) {
      setup_step& step = add("feature compatibility version",
                             std::string("db.adminCommand({setFeatureCompatibilityVersion: \"6.0\"});"));
      step.at = state::left;
      step.note = "it is " + *facts_.feature_version + "; this can't be taken back easily";
    }
  }

  // ---- The user and its role

  std::vector<privilege> needed_and_sight() const {
    std::vector<privilege> all = needed_;
    add_to(all, sight_privileges());
    return all;
  }

  void plan_user() {
    const target_user& user = *facts_.user;
    std::vector<privilege> all = needed_and_sight();
    bool lacks = !missing_of(user.privileges, needed_).empty();
    bool blind = !missing_of(user.privileges, all).empty();
    if (!user.exists || blind) plan_role(all, user.exists && !lacks);
    if (!user.exists) {
      create_user();
      return;
    }
    if (blind && std::ranges::find(user.roles, own_role()) == user.roles.end()) grant_role(!lacks);
    if (wishes_.new_password) change_password();
  }

  known_name own_role() const { return {wishes_.role, "admin"}; }

  void plan_role(const std::vector<privilege>& all, bool optional) {
    bool exists = facts_.role && facts_.role->exists;
    std::vector<privilege> missing = exists ? missing_of(facts_.role->privileges, all) : all;
    if (missing.empty()) return;
    std::string name = shell_text(wishes_.role);
    std::string begin = shell_database("admin");
    std::string text = exists ? begin + ".grantPrivilegesToRole(" + name + ", " + shell_text(missing) + ");"
                              : begin + ".createRole({role: " + name +
                                    ", privileges: " + shell_text(missing) + ", roles: []});";
    setup_step& step = add("role " + wishes_.role, std::move(text));
    step.optional = optional;
    step.note = describe(missing);
    does("admin", [&](bson_writer& to) {
      to.put_string(exists ? "grantPrivilegesToRole" : "createRole", wishes_.role);
      put_privileges(to, "privileges", missing);
      if (exists) return;
      to.open_array("roles");
      to.close();
    });
  }

  static void put_role(bson_writer& to, const known_name& role) {
    to.open_array("roles");
    to.open_document(item);
    to.put_string("role", role.name);
    to.put_string("db", role.database);
    to.close();
    to.close();
  }

  std::string role_list() const { return "[{role: " + shell_text(wishes_.role) + ", db: \"admin\"}]"; }

  void grant_role(bool optional) {
    add("role " + wishes_.role + " for the user",
        shell_database("admin") + ".grantRolesToUser(" + shell_text(wishes_.role) + ", " + role_list() + ");")
        .optional = optional;
    does("admin", [&](bson_writer& to) {
      to.put_string("grantRolesToUser", wishes_.role);
      put_role(to, own_role());
    });
  }

  void create_user() {
    auto text = [&](const std::string& pwd) {
      return shell_database("admin") + ".createUser({user: " + shell_text(wishes_.role) + ", pwd: " + pwd +
             ", roles: " + role_list() + "});";
    };
    setup_step& step = add("user " + wishes_.role, text(shell_text(password_.reveal())));
    step.has_password = true;
    step.shown = text("\"…\"");
    does("admin", [&](bson_writer& to) {
      to.put_string("createUser", wishes_.role);
      to.put_string("pwd", password_.reveal());
      put_role(to, own_role());
    });
  }

  void change_password() {
    auto text = [&](const std::string& pwd) {
      return shell_database("admin") + ".changeUserPassword(" + shell_text(wishes_.role) + ", " + pwd + ");";
    };
    setup_step& step = add("password of " + wishes_.role, text(shell_text(password_.reveal())));
    step.has_password = true;
    step.shown = text("\"…\"");
    does("admin", [&](bson_writer& to) {
      to.put_string("updateUser", wishes_.role);
      to.put_string("pwd", password_.reveal());
    });
  }

  // ---- Atlas: users are made in its pages only

  bool atlas_user_lacks_nothing() const {
    if (facts_.user && facts_.user->exists) return missing_of(facts_.user->privileges, needed_).empty();
    if (!facts_.login) return false;
    bool ours = std::ranges::find(facts_.login->users, own_role()) != facts_.login->users.end();
    return ours && missing_of(facts_.login->privileges, needed_).empty();
  }

  void plan_atlas_user() {
    if (!atlas_user_lacks_nothing()) {
      bool all = database_.empty();
      bool mod = wishes_.images == post_images::auto_configure;
      std::string roles = all ? "readAnyDatabase@admin" : "read@" + database_;
      if (mod) roles += all ? ", dbAdminAnyDatabase@admin" : ", dbAdmin@" + database_;
      bool exists = facts_.user && facts_.user->exists;
      std::string verb = exists ? "Edit " + wishes_.role
                                : "Add New Database User " + wishes_.role + ", Password, Autogenerate";
      add("user " + wishes_.role,
          "Security, Database Access, " + verb + "; Specific Privileges: " + roles +
              ", and clusterMonitor@admin to see how the cluster is",
          kind::console)
          .note = facts_.user ? "Atlas makes users in its pages only"
                              : "unless it is there already, which Atlas does not tell";
    } else if (wishes_.new_password) {
      add("password of " + wishes_.role,
          "Security, Database Access, Edit " + wishes_.role + ", Edit Password", kind::console);
    }
  }

  // ---- The images

  void plan_images() {
    if (wishes_.images == post_images::off) return;
    for (const collection_info* each : without_images(facts_)) {
      setup_step& step = add("images of " + each->full_name(), images_command(*each));
      step.in_transaction = false;
      if (standalone()) step.at = state::left;
      does(each->database, [&](bson_writer& to) {
        to.put_string("collMod", each->name);
        to.open_document("changeStreamPreAndPostImages");
        to.put_bool("enabled", true);
        to.close();
      });
    }
  }

  const check_facts& facts_;
  const setup_wishes& wishes_;
  const secret& password_;
  const std::string& database_;
  hoster at_ = hoster::self_hosted;
  std::vector<privilege> needed_;
  std::vector<planned_step> steps_;
};

}  // namespace

std::vector<planned_step> plan_setup(const check_facts& facts, const setup_wishes& wishes,
                                     const secret& password) {
  return planning(facts, wishes, password).run();
}

}  // namespace tidewire::mongo_wire
