#include "mongo_wire/check_ask.hpp"

#include <optional>

#include "mongo_wire/check_asking.hpp"

namespace tidewire::mongo_wire {
namespace {

constexpr std::int32_t of_atlas = 8000;  // whatever its proxies refuse
constexpr std::int32_t trial_ms = 10'000;

conversation<> ask_version(session& with, check_facts& into) {
  answer got = co_await with.command("admin", just("buildInfo"));
  if (!got.reply.ok) co_return;
  if (auto numbers = at(got.body, {"versionArray"}).as_array()) {
    bson_reader reader(*numbers);
    for (element_view each; into.version.size() < 3 && reader.next(each);)
      into.version.push_back(each.as_int32().value_or(0));
  }
  into.version_name = text_at(got.body, {"version"});
  if (into.version_name.size() > 100) into.version_name.resize(100);
}

conversation<> ask_feature_version(session& with, check_facts& into) {
  std::vector<std::uint8_t> fields = command_fields([](bson_writer& to) {
    to.put_int32("getParameter", 1);
    to.put_int32("featureCompatibilityVersion", 1);
  });
  answer got = co_await with.command("admin", std::move(fields));
  into.feature_version.missing = got.reply.ok ? not_understood : words_of(got.reply);
  std::string version = text_at(got.body, {"featureCompatibilityVersion", "version"});
  if (!version.empty()) into.feature_version.value = std::move(version);
}

std::vector<std::uint8_t> user_info(const known_name& user) {
  return command_fields([&](bson_writer& to) {
    to.open_document("usersInfo");
    to.put_string("user", user.name);
    to.put_string("db", user.database);
    to.close();
    to.put_bool("showPrivileges", true);
  });
}

conversation<> ask_login(session& with, check_facts& into) {
  std::vector<std::uint8_t> fields = command_fields([](bson_writer& to) {
    to.put_int32("connectionStatus", 1);
    to.put_bool("showPrivileges", true);
  });
  answer got = co_await with.command("admin", std::move(fields));
  into.login.missing = got.reply.ok ? not_understood : words_of(got.reply);
  auto info = at(got.body, {"authInfo"}).as_document();
  if (!info) co_return;
  login_info login;
  if (auto users = at(*info, {"authenticatedUsers"}).as_array()) login.users = decode_names(*users, "user");
  if (auto roles = at(*info, {"authenticatedUserRoles"}).as_array())
    login.roles = decode_names(*roles, "role");
  auto privileges = at(*info, {"authenticatedUserPrivileges"}).as_array();
  login.told = privileges.has_value();
  if (privileges) login.privileges = decode_privileges(*privileges);
  if (login.privileges.empty() && !login.users.empty()) {
    // Some servers list none there; who may see himself is told here.
    answer more = co_await with.command("admin", user_info(login.users[0]));
    if (auto held = at(more.body, {"users", "0", "inheritedPrivileges"}).as_array())
      login.privileges = decode_privileges(*held);
  }
  into.login.value = std::move(login);
}

std::vector<std::uint8_t> open_stream(const std::string& database) {
  return command_fields([&](bson_writer& to) {
    to.put_int32("aggregate", 1);
    to.open_array("pipeline");
    to.open_document(item);
    to.open_document("$changeStream");
    if (database.empty()) to.put_bool("allChangesForCluster", true);
    to.put_bool("showExpandedEvents", true);
    to.close();
    to.close();
    to.close();
    to.open_document("cursor");
    to.put_int32("batchSize", 0);
    to.close();
    to.open_document("readConcern");
    to.put_string("level", "majority");
    to.close();
    to.put_int32("maxTimeMS", trial_ms);
  });
}

/// Opens a stream like the one that is wanted, and closes it: the one proof that it can be had.
conversation<> try_stream(session& with, const std::string& database, check_facts& into) {
  std::string where = database.empty() ? "admin" : database;
  answer got = co_await with.command(where, open_stream(database));
  stream_trial trial;
  trial.works = got.reply.ok;
  if (!got.reply.ok) {
    trial.number = got.reply.code;
    trial.denied = got.reply.code == unauthorized ||
                   (got.reply.code == of_atlas && got.reply.message.find("not a") != std::string_view::npos);
    trial.text = words_of(got.reply);
  }
  std::int64_t cursor = got.reply.cursor ? got.reply.cursor->id : 0;
  into.trial.value = std::move(trial);
  if (cursor == 0) co_return;
  std::vector<std::uint8_t> kill = command_fields([&](bson_writer& to) {
    to.put_string("killCursors", "$cmd.aggregate");
    to.open_array("cursors");
    to.put_int64(item, cursor);
    to.close();
  });
  co_await with.command(where, std::move(kill));
}

conversation<> ask_databases(session& with, check_facts& into) {
  std::vector<std::uint8_t> fields = command_fields([](bson_writer& to) {
    to.put_int32("listDatabases", 1);
    to.put_bool("nameOnly", true);
  });
  answer got = co_await with.command("admin", std::move(fields));
  into.databases.missing = got.reply.ok ? not_understood : words_of(got.reply);
  auto list = at(got.body, {"databases"}).as_array();
  if (!got.reply.ok || !list) co_return;
  std::vector<std::string> names;
  bson_reader reader(*list);
  for (element_view each; reader.next(each);) {
    auto document = each.as_document();
    std::string name = document ? text_at(*document, {"name"}) : "";
    if (name.empty() || is_internal_database(name)) continue;
    if (names.size() == max_asked_databases) {
      into.collections_cut = true;
      break;
    }
    names.push_back(std::move(name));
  }
  into.databases.value = std::move(names);
}

std::optional<collection_info> collection_in(bson_view document, const std::string& database) {
  collection_info found;
  found.database = database;
  found.name = text_at(document, {"name"});
  if (found.name.empty() || found.name.starts_with("system.")) return {};
  std::string type = text_at(document, {"type"});
  if (type == "view") found.is = collection_info::kind::view;
  if (type == "timeseries") found.is = collection_info::kind::time_series;
  found.images = at(document, {"options", "changeStreamPreAndPostImages", "enabled"}).as_truth() == true;
  return found;
}

std::vector<std::uint8_t> list_collections(bool name_only) {
  return command_fields([&](bson_writer& to) {
    to.put_int32("listCollections", 1);
    if (name_only) {
      to.put_bool("nameOnly", true);
      to.put_bool("authorizedCollections", true);
    }
  });
}

/// False if the server does not tell: then `missing` says why.
conversation<bool> ask_collections_of(session& with, std::string database, bool name_only,
                                      std::vector<collection_info>& into, check_facts& facts) {
  answer got = co_await with.command(database, list_collections(name_only));
  for (;;) {
    if (!got.reply.ok || !got.reply.cursor) {
      facts.collections.missing = got.reply.ok ? not_understood : words_of(got.reply);
      co_return false;
    }
    cursor_view cursor = *got.reply.cursor;
    bson_reader batch(cursor.batch);
    for (element_view each; batch.next(each);) {
      auto document = each.as_document();
      auto found = document ? collection_in(*document, database) : std::nullopt;
      if (found && into.size() < max_asked_collections)
        into.push_back(std::move(*found));
      else if (found)
        facts.collections_cut = true;
    }
    if (cursor.id == 0) co_return true;
    std::vector<std::uint8_t> more = command_fields([&](bson_writer& to) {
      to.put_int64("getMore", cursor.id);
      to.put_string("collection", "$cmd.listCollections");
    });
    got = co_await with.command(database, std::move(more));
  }
}

conversation<> ask_collections(session& with, check_facts& into) {
  if (!into.databases) {
    into.collections.missing = into.databases.missing;
    co_return;
  }
  std::vector<collection_info> found;
  for (const std::string& database : *into.databases) {
    bool told = co_await ask_collections_of(with, database, false, found, into);
    if (!told) {
      into.collections_by_name_only = true;
      told = co_await ask_collections_of(with, database, true, found, into);
    }
    if (!told) co_return;
    if (into.collections_cut) break;
  }
  into.collections.value = std::move(found);
}

conversation<> ask_set(session& with, check_facts& into) {
  answer got = co_await with.command("admin", just("replSetGetStatus"));
  into.set.missing = got.reply.ok ? not_understood : words_of(got.reply);
  auto list = at(got.body, {"members"}).as_array();
  if (!got.reply.ok || !list) co_return;
  set_status status;
  bson_reader reader(*list);
  for (element_view each; status.members.size() < max_hello_hosts && reader.next(each);) {
    auto document = each.as_document();
    if (!document) continue;
    member_info member;
    member.name = text_at(*document, {"name"});
    member.state = text_at(*document, {"stateStr"});
    member.healthy = at(*document, {"health"}).as_truth() == true;
    status.members.push_back(std::move(member));
  }
  auto written = seconds_at(got.body, {"optimes", "appliedOpTime", "ts"});
  auto committed = seconds_at(got.body, {"optimes", "lastCommittedOpTime", "ts"});
  if (written && committed) status.majority_lag_s = *written - *committed;
  into.set.value = std::move(status);
}

conversation<> ask_expiry(session& with, check_facts& into) {
  std::vector<std::uint8_t> fields =
      command_fields([](bson_writer& to) { to.put_string("getClusterParameter", "changeStreamOptions"); });
  answer got = co_await with.command("admin", std::move(fields));
  into.expiry.missing = got.reply.ok ? not_understood : words_of(got.reply);
  element_view found = at(got.body, {"clusterParameters", "0", "preAndPostImages", "expireAfterSeconds"});
  if (!got.reply.ok || !found) co_return;
  image_expiry expiry;
  expiry.seconds = found.as_integer();
  if (expiry.seconds || found.as_string() == "off") into.expiry.value = expiry;
}

conversation<> ask_target(session& with, const std::string& name, check_facts& into) {
  std::vector<std::uint8_t> who = user_info({name, "admin"});
  answer got = co_await with.command("admin", std::move(who));
  into.user.missing = got.reply.ok ? not_understood : words_of(got.reply);
  auto users = at(got.body, {"users"}).as_array();
  if (got.reply.ok && users) {
    target_user user;
    user.exists = !users->empty();
    if (auto roles = at(*users, {"0", "roles"}).as_array()) user.roles = decode_names(*roles, "role");
    if (auto held = at(*users, {"0", "inheritedPrivileges"}).as_array())
      user.privileges = decode_privileges(*held);
    into.user.value = std::move(user);
  }
  std::vector<std::uint8_t> fields = command_fields([&](bson_writer& to) {
    to.open_document("rolesInfo");
    to.put_string("role", name);
    to.put_string("db", "admin");
    to.close();
    to.put_bool("showPrivileges", true);
  });
  got = co_await with.command("admin", std::move(fields));
  into.role.missing = got.reply.ok ? not_understood : words_of(got.reply);
  auto roles = at(got.body, {"roles"}).as_array();
  if (!got.reply.ok || !roles) co_return;
  target_role role;
  role.exists = !roles->empty();
  if (auto held = at(*roles, {"0", "inheritedPrivileges"}).as_array())
    role.privileges = decode_privileges(*held);
  into.role.value = std::move(role);
}

}  // namespace

bool is_internal_database(std::string_view name) {
  return name == "admin" || name == "config" || name == "local";
}

conversation<> ask_facts(session& with, ask_settings what, check_facts& into) {
  into.reached = true;
  co_await ask_version(with, into);
  co_await ask_feature_version(with, into);
  co_await ask_login(with, into);
  if (is_internal_database(what.database))
    into.trial.missing = what.database + " is the server's own";
  else
    co_await try_stream(with, what.database, into);
  if (what.database.empty())
    co_await ask_databases(with, into);
  else
    into.databases.value = {what.database};
  if (!is_internal_database(what.database)) co_await ask_collections(with, into);
  server_kind kind = into.hello.kind;
  if (kind == server_kind::mongos) {
    into.set.missing = into.oplog.missing = "each shard has its own: ask them";
    into.majority_reads.missing = "each shard has its own: ask them";
  } else if (kind == server_kind::standalone) {
    into.set.missing = into.oplog.missing = into.majority_reads.missing = "a standalone server has none";
  } else {
    co_await ask_set(with, into);
    co_await ask_oplog(with, into);
  }
  co_await ask_expiry(with, into);
  if (!what.role.empty()) co_await ask_target(with, what.role, into);
}

}  // namespace tidewire::mongo_wire
