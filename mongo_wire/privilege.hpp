// Rights as MongoDB has them: actions on resources, and whether what a user holds covers what is needed.
// https://www.mongodb.com/docs/manual/reference/resource-document/
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "mongo_wire/bson_writer.hpp"

namespace tidewire::mongo_wire {

/// Of a database or collection an empty name means every one; with `cluster` or `any` names mean nothing.
struct resource {
  std::string database;
  std::string collection;
  bool cluster = false;
  bool any = false;

  static resource of_database(std::string name) { return {std::move(name), "", false, false}; }
  static resource of_cluster() { return {"", "", true, false}; }
  friend auto operator<=>(const resource&, const resource&) = default;
};

struct privilege {
  resource on;
  std::set<std::string, std::less<>> actions;
};

/// A role or user, in the database that knows it.
struct known_name {
  std::string name;
  std::string database;
  friend bool operator==(const known_name&, const known_name&) = default;
};

/// Those that are read at most; a user who holds more has the rest not counted, which errs on the safe side.
inline constexpr std::size_t max_privileges = 100'000;

/// Whether the action is allowed on the whole resource, as the server decides it: a right on every collection
/// of a database is not the sum of rights on each.
bool allows(const std::vector<privilege>& held, const resource& on, std::string_view action);

/// What of `needed` is not held.
std::vector<privilege> missing_of(const std::vector<privilege>& held, const std::vector<privilege>& needed);

/// An array of privileges as connectionStatus, usersInfo and rolesInfo have it. What can't be understood (a
/// resource of a kind that came later) is left out.
std::vector<privilege> decode_privileges(bson_view array);
/// An array of {role or user, db}.
std::vector<known_name> decode_names(bson_view array, std::string_view field);

/// Whether every server has the role from the start.
bool is_built_in(const known_name& role);

void put_privileges(bson_writer& to, std::string_view name, const std::vector<privilege>& privileges);

/// As mongosh reads it: "text", quoted; {resource: {db: "shop", collection: ""}, actions: ["find"]}.
std::string shell_text(std::string_view text);
std::string shell_text(const privilege& of);
std::string shell_text(const std::vector<privilege>& of);
/// `db.getSiblingDB("shop")`.
std::string shell_database(std::string_view name);

/// For people: `find, changeStream on shop`.
std::string describe(const std::vector<privilege>& of);

}  // namespace tidewire::mongo_wire
