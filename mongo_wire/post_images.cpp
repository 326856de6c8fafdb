#include "mongo_wire/post_images.hpp"

#include <algorithm>

#include "mongo_wire/extended_json.hpp"
#include "mongo_wire/resume_token.hpp"

namespace tidewire::mongo_wire {
namespace {

image_watch::names names_of(const element_view& database, const element_view& collection) {
  return {std::string(database.as_string().value_or("")), std::string(collection.as_string().value_or(""))};
}

std::string text_of(const image_watch::names& names) {
  return shown(names.first) + "." + shown(names.second);
}

/// As Extended JSON, cut where it is long.
std::string key_text(const change_event_view& event) {
  constexpr std::size_t longest = 300;
  json::buffer out;
  extended_json_options values;
  values.not_utf8 = bad_text::hex;
  if (!event.document_key || !put_extended_json(out, event.document_key, values)) return "(unknown)";
  std::string text(out.view().substr(0, longest));
  return out.size() > longest ? text + "…" : text;
}

[[noreturn]] void missing(const change_event_view& event) {
  std::string when = event.cluster_time ? " at " + time_text(*event.cluster_time).substr(1) : "";
  auto token = token_text(event.token);
  throw failure{
      failure_kind::refused, "TW-MONGO-IMAGE-MISSING",
      "the update of " + key_text(event) + " in " + text_of(names_of(event.db, event.collection)) + when +
          " has no stored post-image",
      "the collection did not store them then (changeStreamPreAndPostImages), or it has expired "
      "(changeStreamOptions.preAndPostImages.expireAfterSeconds): begin anew with --snapshot initial"
      ", or go on behind this update with --start-at " +
          (token ? *token : "its token")};
}

/// What a create event says of what can have no images.
bool is_view(const change_event_view& event) {
  auto details = event.details.as_document();
  if (!details) return false;
  auto on = find(*details, "viewOn");
  return on && *on;
}

bool is_servers_own(std::string_view collection) {
  return collection.starts_with("system.");
}

}  // namespace

conversation<> enable_images(session& with, std::string database, std::string collection) {
  std::vector<std::uint8_t> fields = command_fields([&](bson_writer& to) {
    to.put_string("collMod", collection);
    to.open_document("changeStreamPreAndPostImages");
    to.put_bool("enabled", true);
    to.close();
  });
  answer got = co_await with.command(database, std::move(fields));
  constexpr std::int32_t not_there = 26, view_now = 166, unauthorized = 13;
  if (got.reply.ok || got.reply.code == not_there || got.reply.code == view_now) co_return;
  std::string ns = text_of({database, collection});
  if (got.reply.code == unauthorized)
    throw failure{
        failure_kind::refused, "TW-MONGO-PRIVILEGE",
        "turning on the post-images of " + ns + " is not allowed",
        "grant collMod on {db: \"" + shown(database) + "\", collection: \"" + shown(collection) +
            "\"}, which the role dbAdmin has; or let an administrator turn them on, and use --post-images "
            "read_only"};
  throw server_failure{"could not turn on the post-images of " + ns, got.reply};
}

conversation<std::size_t> prepare_images(session& with, std::string database, post_images mode) {
  std::size_t count = 0;
  if (mode != post_images::auto_configure && mode != post_images::read_only) co_return count;
  std::vector<collection_facts> all = co_await list_collections(with, database);
  std::erase_if(all,
                [](const collection_facts& of) { return of.images || of.kind != collection_kind::plain; });
  if (mode == post_images::read_only) {
    if (all.empty()) co_return count;
    std::string list;
    for (const collection_facts& each : all) list += (list.empty() ? "" : ", ") + shown(each.text());
    throw failure{
        failure_kind::refused, "TW-MONGO-IMAGES-OFF", "these collections store no post-images: " + list,
        "turn them on with db.runCommand({collMod: \"NAME\", changeStreamPreAndPostImages: {enabled: "
        "true}}), or use --post-images auto_configure"};
  }
  for (const collection_facts& each : all) {
    co_await enable_images(with, each.database, each.name);
    ++count;
  }
  co_return count;
}

void image_watch::forget_database(std::string_view database) {
  std::erase_if(young_, [&](const names& each) { return each.first == database; });
}

void image_watch::see(const change_event_view& event) {
  std::string_view operation = event.operation.as_string().value_or("");
  if (operation == "update") {
    if (event.full_document.type == bson_type::document) return;
    if (young_.empty() || !young_.contains(names_of(event.db, event.collection))) missing(event);
    return;
  }
  if (mode_ != post_images::auto_configure || operation == "insert" || operation == "delete") return;
  names of = names_of(event.db, event.collection);
  auto begin = [this](names which) {
    if (is_servers_own(which.second)) return;
    wishes_.push_back(which);
    young_.insert(std::move(which));
  };
  if (operation == "create") {
    if (!is_view(event) && !images_in(event.details).value_or(false)) begin(std::move(of));
  } else if (operation == "modify") {
    std::optional<bool> on = images_in(event.details);
    if (on.value_or(false)) young_.erase(of);
    if (!on.value_or(true)) begin(std::move(of));
  } else if (operation == "rename") {
    names to = names_of(event.to_db, event.to_collection);
    young_.erase(to);  // what had the name before is gone
    if (young_.erase(of) != 0) begin(std::move(to));
  } else if (operation == "drop") {
    young_.erase(of);
  } else if (operation == "dropDatabase") {
    forget_database(of.first);
  } else if (operation == "invalidate") {
    young_.clear();
  }
}

bool image_watch::may_wish(bson_view batch) {
  bson_reader events(batch);
  for (element_view each; events.next(each);) {
    auto document = each.as_document();
    if (!document) return false;  // told where it is read
    auto operation = find(*document, "operationType");
    if (!operation) return false;
    auto name = operation->as_string();
    if (name == "create" || name == "rename" || name == "modify") return true;
  }
  return false;
}

}  // namespace tidewire::mongo_wire
