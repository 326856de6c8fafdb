// The judgement of the collections: what of them is in a stream, and which keep images.
#include <algorithm>

#include "mongo_wire/check_ask.hpp"
#include "mongo_wire/check_judging.hpp"

namespace tidewire::mongo_wire {
namespace {

using kind = check_fix::kind;

void name_them(check_finding& finding, const std::vector<const collection_info*>& which) {
  finding.object_count = which.size();
  for (std::size_t i = 0; i < which.size() && i < max_named_objects; ++i)
    finding.objects.push_back(which[i]->full_name());
}

std::string names_of(const std::vector<const collection_info*>& which) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < which.size() && i < max_named_objects; ++i)
    names.push_back(which[i]->full_name());
  return first_of(names, which.size());
}

std::vector<const collection_info*> of_kind(const check_facts& facts, collection_info::kind is) {
  std::vector<const collection_info*> found;
  for (const collection_info& each : *facts.collections)
    if (each.is == is) found.push_back(&each);
  return found;
}

void judge_kinds(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-COLLECTION-KIND";
  constexpr const char* title = "views and time series";
  if (!j.facts.collections) {
    j.unknown(code, title, j.facts.collections.missing, listing_privileges(j.database()));
    return;
  }
  auto views = of_kind(j.facts, collection_info::kind::view);
  auto series = of_kind(j.facts, collection_info::kind::time_series);
  if (series.empty()) {
    check_finding& finding =
        j.ok(code, title, views.empty() ? "none" : "views: " + names_of(views),
             views.empty() ? "" : "a view has no events of its own: those of the collections behind it come");
    name_them(finding, views);
    return;
  }
  std::string found = "time series: " + names_of(series);
  if (!views.empty()) found += "; views: " + names_of(views);
  check_finding& finding =
      j.add(code, title, check_status::warn, std::move(found),
            "change streams have no events of time-series collections: what is written there is "
            "not in a stream",
            {{kind::console, "keep what is to be streamed in ordinary collections", false}});
  series.insert(series.end(), views.begin(), views.end());
  name_them(finding, series);
}

/// A command for each of a few, or one that does it for all.
std::vector<check_fix> image_fixes(const judging& j, const std::vector<const collection_info*>& lacking) {
  std::vector<check_fix> fixes;
  if (lacking.size() <= max_named_objects) {
    for (const collection_info* each : lacking) fixes.push_back({kind::sql, images_command(*each), true});
    return fixes;
  }
  std::string of_one =
      ".getCollectionInfos({type: \"collection\", name: {$not: /^system\\./}}).forEach(c => "
      "d.runCommand({collMod: "
      "c.name, changeStreamPreAndPostImages: {enabled: true}}))";
  if (j.whole_cluster())
    fixes.push_back(
        {kind::sql,
         "db.adminCommand({listDatabases: 1, nameOnly: true}).databases.map(x => x.name).filter(n => "
         "![\"admin\", \"config\", \"local\"].includes(n)).forEach(n => { const d = db.getSiblingDB(n); d" +
             of_one + "; });",
         true});
  else
    fixes.push_back(
        {kind::sql, "{ const d = " + shell_database(j.database()) + "; d" + of_one + "; }", true});
  return fixes;
}

void judge_images(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-POST-IMAGES";
  constexpr const char* title = "stored images of documents";
  if (!j.facts.collections || j.facts.collections_by_name_only) {
    if (j.wishes.images != post_images::off)
      j.unknown(code, title, j.facts.collections.missing, listing_privileges(j.database()));
    return;
  }
  auto all = of_kind(j.facts, collection_info::kind::collection);
  auto lacking = without_images(j.facts);
  std::string found = all.empty() ? "there are no collections yet"
                      : lacking.empty()
                          ? "kept by " + counted(all.size(), "collection", "collections")
                          : "not kept by " + std::to_string(lacking.size()) + " of " +
                                counted(all.size(), "collection", "collections") + ": " + names_of(lacking);
  if (j.facts.collections_cut) found += " (of those that were looked at: there are more)";
  if (j.wishes.images == post_images::off) {
    j.ok(code, title, "not asked for (--post-images); " + found,
         "with --full-document updateLookup an update has the document as it is when it is looked up, which "
         "may be later "
         "or gone");
    return;
  }
  if (lacking.empty()) {
    std::string note = "collections that are made later keep none unless they are made with them";
    if (j.wishes.images == post_images::auto_configure) note += ": run tidewire setup --apply again";
    j.ok(code, title, std::move(found), std::move(note));
    return;
  }
  check_finding& finding =
      j.add(code, title, check_status::fail, std::move(found),
            "with --full-document required the first update of such a collection ends the stream "
            "(TW-MONGO-IMAGE-MISSING), with whenAvailable it comes without its document",
            image_fixes(j, lacking));
  name_them(finding, lacking);
}

}  // namespace

void judge_collections(const judging& j) {
  if (is_internal_database(j.database())) return;
  judge_kinds(j);
  judge_images(j);
}

}  // namespace tidewire::mongo_wire
