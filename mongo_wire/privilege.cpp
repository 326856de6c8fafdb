#include "mongo_wire/privilege.hpp"

#include <algorithm>
#include <array>

namespace tidewire::mongo_wire {
namespace {

bool is_system(std::string_view collection) {
  return collection.starts_with("system.");
}

/// Whether a right on `held` is one on all of `on`. Rights on every collection leave out the system's own.
bool covers(const resource& held, const resource& on) {
  if (held.any || held == on) return true;
  if (held.cluster || on.cluster || on.any) return false;
  if (!held.database.empty() && held.database != on.database) return false;
  if (held.collection.empty()) return !is_system(on.collection);
  return held.collection == on.collection;
}

std::optional<resource> decode_resource(bson_view of) {
  resource found;
  bool named = false;
  bson_reader reader(of);
  for (element_view each; reader.next(each);) {
    if (each.name == "db" && each.as_string()) {
      found.database = *each.as_string();
      named = true;
    } else if (each.name == "collection" && each.as_string()) {
      found.collection = *each.as_string();
    } else if (each.name == "cluster" && each.as_bool() == true) {
      found.cluster = true;
    } else if (each.name == "anyResource" && each.as_bool() == true) {
      found.any = true;
    } else {
      return {};
    }
  }
  if (!reader.ok() || !(named || found.cluster || found.any)) return {};
  return found;
}

}  // namespace

bool allows(const std::vector<privilege>& held, const resource& on, std::string_view action) {
  return std::ranges::any_of(held, [&](const privilege& each) {
    return covers(each.on, on) && (each.actions.contains(action) || each.actions.contains("anyAction"));
  });
}

std::vector<privilege> missing_of(const std::vector<privilege>& held, const std::vector<privilege>& needed) {
  std::vector<privilege> missing;
  for (const privilege& each : needed) {
    privilege lacks{each.on, {}};
    for (const std::string& action : each.actions)
      if (!allows(held, each.on, action)) lacks.actions.insert(action);
    if (!lacks.actions.empty()) missing.push_back(std::move(lacks));
  }
  return missing;
}

std::vector<privilege> decode_privileges(bson_view array) {
  std::vector<privilege> out;
  bson_reader reader(array);
  for (element_view each; out.size() < max_privileges && reader.next(each);) {
    auto document = each.as_document();
    if (!document) continue;
    auto on = find(*document, "resource");
    auto actions = find(*document, "actions");
    if (!on || !actions || !on->as_document() || !actions->as_array()) continue;
    auto where = decode_resource(*on->as_document());
    if (!where) continue;
    privilege held{std::move(*where), {}};
    bson_reader words(*actions->as_array());
    for (element_view word; words.next(word);)
      if (auto text = word.as_string()) held.actions.emplace(*text);
    out.push_back(std::move(held));
  }
  return out;
}

std::vector<known_name> decode_names(bson_view array, std::string_view field) {
  std::vector<known_name> out;
  bson_reader reader(array);
  for (element_view each; out.size() < max_privileges && reader.next(each);) {
    auto document = each.as_document();
    if (!document) continue;
    auto name = find(*document, field);
    auto database = find(*document, "db");
    if (name && database && name->as_string() && database->as_string())
      out.push_back({std::string(*name->as_string()), std::string(*database->as_string())});
  }
  return out;
}

bool is_built_in(const known_name& role) {
  constexpr std::array everywhere{"read", "readWrite", "dbAdmin", "dbOwner", "userAdmin"};
  constexpr std::array of_admin{"readAnyDatabase",
                                "readWriteAnyDatabase",
                                "userAdminAnyDatabase",
                                "dbAdminAnyDatabase",
                                "clusterAdmin",
                                "clusterManager",
                                "clusterMonitor",
                                "hostManager",
                                "backup",
                                "restore",
                                "root",
                                "enableSharding",
                                "directShardOperations",
                                "searchCoordinator",
                                "atlasAdmin"};
  if (std::ranges::find(everywhere, role.name) != everywhere.end()) return true;
  return role.database == "admin" &&
         (role.name.starts_with("__") || std::ranges::find(of_admin, role.name) != of_admin.end());
}

void put_privileges(bson_writer& to, std::string_view name, const std::vector<privilege>& privileges) {
  to.open_array(name);
  for (const privilege& each : privileges) {
    to.open_document(item);
    to.open_document("resource");
    if (each.on.cluster) {
      to.put_bool("cluster", true);
    } else {
      to.put_string("db", each.on.database);
      to.put_string("collection", each.on.collection);
    }
    to.close();
    to.open_array("actions");
    for (const std::string& action : each.actions) to.put_string(item, action);
    to.close();
    to.close();
  }
  to.close();
}

std::string shell_text(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string shell_text(const privilege& of) {
  std::string out = "{resource: ";
  if (of.on.cluster)
    out += "{cluster: true}";
  else
    out += "{db: " + shell_text(of.on.database) + ", collection: " + shell_text(of.on.collection) + "}";
  out += ", actions: [";
  bool first = true;
  for (const std::string& action : of.actions) {
    out += (first ? "" : ", ") + shell_text(action);
    first = false;
  }
  return out + "]}";
}

std::string shell_text(const std::vector<privilege>& of) {
  std::string out = "[";
  for (const privilege& each : of) out += (out.size() > 1 ? ", " : "") + shell_text(each);
  return out + "]";
}

std::string shell_database(std::string_view name) {
  return "db.getSiblingDB(" + shell_text(name) + ")";
}

std::string describe(const std::vector<privilege>& of) {
  std::string out;
  for (const privilege& each : of) {
    if (!out.empty()) out += "; ";
    bool first = true;
    for (const std::string& action : each.actions) {
      out += (first ? "" : ", ") + action;
      first = false;
    }
    out += " on ";
    if (each.on.cluster)
      out += "the cluster";
    else
      out += "{db: " + shell_text(each.on.database) + ", collection: " + shell_text(each.on.collection) + "}";
  }
  return out;
}

}  // namespace tidewire::mongo_wire
