// Which collections a copy has still to read, from what the server lists and what an earlier round has read.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mongo_wire/copy_progress.hpp"

namespace tidewire::mongo_wire {

struct copy_work {
  copied_collection of;
  bool capped = false;
  bool begun = false;
};

struct copy_plan {
  std::deque<copy_work> work;
  std::set<std::pair<std::string, std::string>> out;  // names of what is being read
  std::vector<copied_collection> gone;                // begun, and not there any more, or not under that name
  std::vector<std::string> left_out;                  // views and time series, by name
  bool resumed = false;                               // an earlier round has written something
  std::size_t collections = 0;                        // that are copied, those of earlier rounds included

  /// The next to read. Nothing: all is handed out, or what is left has the name of one that is still being
  /// read, which a rename has overwritten: what was read of that must be told to be void first.
  std::optional<copy_work> take();
  /// It was read to its end, or is there no more.
  void give_back(const copy_work& of) { out.erase(of.of.key()); }
  bool over() const { return work.empty() && out.empty(); }
};

/// `tables`: database.name each; empty: all. Throws failure TW-USAGE-OPTION for one that is not there.
copy_plan plan_copy(const std::vector<collection_facts>& listed, const copy_progress& before,
                    const std::vector<std::string>& tables);

/// After one was renamed while it was read: what is there now is read from its beginning, in the place of
/// whatever had the name before, which is told if it was begun and nobody reads it.
std::optional<copied_collection> plan_renamed(copy_plan& plan, const copy_progress& progress,
                                              const copy_work& renamed, const std::string& new_name);

}  // namespace tidewire::mongo_wire
