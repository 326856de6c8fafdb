#include "mongo_wire/collections.hpp"

#include <algorithm>

namespace tidewire::mongo_wire {
namespace {

std::vector<std::uint8_t> list_command() {
  return command_fields([](bson_writer& to) {
    to.put_int32("listCollections", 1);
    to.open_document("cursor");
    to.close();
  });
}

std::vector<std::uint8_t> more_of(const cursor_view& cursor) {
  std::size_t dot = cursor.ns.find('.');
  if (dot == cursor.ns.npos) malformed("reply", {decode_errc::bad_value, 0, "cursor.ns"});
  return command_fields([&](bson_writer& to) {
    to.put_int64("getMore", cursor.id);
    to.put_string("collection", cursor.ns.substr(dot + 1));
  });
}

bool truth_in(const element_view& options, std::string_view name) {
  auto document = options.as_document();
  if (!document) return false;
  auto found = find(*document, name);
  return found && found->as_truth().value_or(false);
}

/// Nothing for the server's own.
std::optional<collection_facts> facts_of(const std::string& database, bson_view of) {
  collection_facts facts;
  facts.database = database;
  element_view type, options, info;
  bson_reader reader(of);
  for (element_view each; reader.next(each);) {
    if (each.name == "name") facts.name = each.as_string().value_or("");
    if (each.name == "type") type = each;
    if (each.name == "options") options = each;
    if (each.name == "info") info = each;
  }
  if (!reader.ok()) malformed("listCollections reply", reader.error());
  if (facts.name.empty() || facts.name.starts_with("system.")) return {};
  if (type.as_string() == "view") facts.kind = collection_kind::view;
  if (type.as_string() == "timeseries") facts.kind = collection_kind::time_series;
  if (facts.kind != collection_kind::plain) return facts;
  facts.images = images_in(options).value_or(false);
  facts.capped = truth_in(options, "capped");
  auto inside = info.as_document();
  auto uuid = well_formed(find(inside.value_or(bson_view{}), "uuid"), "listCollections reply").as_binary();
  if (!uuid || uuid->data.size() != facts.id.size())
    malformed("listCollections reply", {decode_errc::bad_value, 0, "info.uuid"});
  std::ranges::copy(uuid->data, facts.id.begin());
  return facts;
}

void take(bson_view batch, const std::string& database, std::vector<collection_facts>& to) {
  bson_reader reader(batch);
  for (element_view each; reader.next(each);) {
    auto document = each.as_document();
    if (!document) malformed("listCollections reply", {decode_errc::bad_value, 0, "cursor batch"});
    if (auto facts = facts_of(database, *document)) to.push_back(std::move(*facts));
  }
  if (!reader.ok()) malformed("listCollections reply", reader.error());
  if (to.size() > max_collections)
    throw failure{failure_kind::refused, "TW-MONGO-COLLECTIONS",
                  "there are more than " + std::to_string(max_collections) + " collections",
                  "name one database in the connection string"};
}

[[noreturn]] void refuse(const reply_view& reply, const std::string& database) {
  if (reply.code != 13) throw server_failure{"could not list the collections of " + shown(database), reply};
  throw failure{failure_kind::refused, "TW-MONGO-PRIVILEGE",
                "listing the collections of " + shown(database) + " is not allowed",
                "grant listCollections on {db: \"" + shown(database) +
                    "\", collection: \"\"}, which the role read has"};
}

conversation<> list_one(session& with, std::string database, std::vector<collection_facts>& to) {
  answer got = co_await with.command(database, list_command());
  for (;;) {
    if (!got.reply.ok) refuse(got.reply, database);
    if (!got.reply.cursor) malformed("listCollections reply", {decode_errc::bad_value, 0, "cursor"});
    cursor_view cursor = *got.reply.cursor;
    take(cursor.batch, database, to);
    if (cursor.id == 0) co_return;
    got = co_await with.command(database, more_of(cursor));
  }
}

conversation<std::vector<std::string>> list_databases(session& with) {
  std::vector<std::uint8_t> fields = command_fields([](bson_writer& to) {
    to.put_int32("listDatabases", 1);
    to.put_bool("nameOnly", true);
  });
  answer got = co_await with.must("could not list the databases", "admin", std::move(fields));
  auto list = well_formed(find(got.body, "databases"), "listDatabases reply").as_array();
  if (!list) malformed("listDatabases reply", {decode_errc::bad_value, 0, "databases"});
  std::vector<std::string> names;
  bson_reader reader(*list);
  for (element_view each; reader.next(each);) {
    auto document = each.as_document();
    if (!document) continue;
    auto name = well_formed(find(*document, "name"), "listDatabases reply").as_string();
    if (name && *name != "admin" && *name != "config" && *name != "local") names.emplace_back(*name);
  }
  if (!reader.ok()) malformed("listDatabases reply", reader.error());
  co_return names;
}

}  // namespace

std::string shown(std::string_view name) {
  std::string text;
  for (char c : name) text += (c >= 0 && c < 0x20) || c == 0x7f ? '?' : c;
  return text;
}

std::optional<bool> images_in(const element_view& options) {
  auto document = options.as_document();
  if (!document) return {};
  auto setting = find(*document, "changeStreamPreAndPostImages");
  if (!setting || !*setting) return {};
  return truth_in(*setting, "enabled");
}

conversation<std::vector<collection_facts>> list_collections(session& with, std::string database) {
  std::vector<std::string> databases{database};
  if (database.empty()) databases = co_await list_databases(with);
  std::vector<collection_facts> found;
  for (const std::string& each : databases) co_await list_one(with, each, found);
  std::ranges::sort(found, {}, [](const collection_facts& of) { return std::pair(of.database, of.name); });
  co_return found;
}

}  // namespace tidewire::mongo_wire
