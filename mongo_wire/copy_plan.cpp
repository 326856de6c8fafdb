#include "mongo_wire/copy_plan.hpp"

#include <algorithm>

namespace tidewire::mongo_wire {
namespace {

std::string kind_text(collection_kind kind) {
  return kind == collection_kind::view ? " (a view)" : " (a time series)";
}

void check_wanted(const std::vector<collection_facts>& listed, const std::vector<std::string>& tables) {
  for (const std::string& wanted : tables) {
    auto found = std::ranges::find(listed, wanted, &collection_facts::text);
    if (found != listed.end() && found->kind == collection_kind::plain) continue;
    throw failure{
        failure_kind::usage, "TW-USAGE-OPTION",
        "--table " + shown(wanted) +
            (found == listed.end() ? " is not there" : " can't be copied:" + kind_text(found->kind)),
        "database.collection, as it is spelled there"};
  }
}

}  // namespace

copy_plan plan_copy(const std::vector<collection_facts>& listed, const copy_progress& before,
                    const std::vector<std::string>& tables) {
  copy_plan plan;
  plan.resumed = !before.collections.empty();
  // When the copy goes on, one may have been dropped since.
  if (before.collections.empty()) check_wanted(listed, tables);
  std::map<collection_id, const copied_collection*> known;
  for (const auto& [key, each] : before.collections) known[each.id] = &each;
  for (const collection_facts& each : listed) {
    if (!tables.empty() && std::ranges::find(tables, each.text()) == tables.end()) continue;
    if (each.kind != collection_kind::plain) {
      plan.left_out.push_back(each.text() + kind_text(each.kind));
      continue;
    }
    ++plan.collections;
    auto same = known.find(each.id);
    // One that was read whole was whole under its old name too: a rename of it follows.
    if (same != known.end() && same->second->done) continue;
    copy_work work{{each.database, each.name, each.id, 0, false, {}}, each.capped, false};
    if (same != known.end() && same->second->key() == work.of.key()) {
      work.of = *same->second;
      work.begun = true;
    }
    plan.work.push_back(std::move(work));
  }
  for (const auto& [key, each] : before.collections) {
    auto has_id = [&](const collection_facts& of) { return of.id == each.id; };
    auto now = std::ranges::find_if(listed, has_id);
    bool here = now != listed.end() && (each.done || std::pair(now->database, now->name) == key);
    if (!here) plan.gone.push_back(each);
  }
  return plan;
}

std::optional<copy_work> copy_plan::take() {
  auto next =
      std::ranges::find_if(work, [this](const copy_work& each) { return !out.contains(each.of.key()); });
  if (next == work.end()) return {};
  copy_work taken = std::move(*next);
  work.erase(next);
  out.insert(taken.of.key());
  return taken;
}

std::optional<copied_collection> plan_renamed(copy_plan& plan, const copy_progress& progress,
                                              const copy_work& renamed, const std::string& new_name) {
  copy_work work = renamed;
  work.of = {renamed.of.database, new_name, renamed.of.id, 0, false, {}};
  work.begun = false;
  // What had the name was overwritten by the rename.
  std::size_t waiting =
      std::erase_if(plan.work, [&](const copy_work& each) { return each.of.key() == work.of.key(); });
  auto before = progress.collections.find(work.of.key());
  std::optional<copied_collection> void_now;
  // Whoever reads it is told by the server that it is gone.
  bool being_read = plan.out.contains(work.of.key());
  if (!being_read && before != progress.collections.end() && before->second.id != work.of.id)
    void_now = before->second;
  if (waiting != 0 || void_now) --plan.collections;
  plan.work.push_back(std::move(work));
  return void_now;
}

}  // namespace tidewire::mongo_wire
