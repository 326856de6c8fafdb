// The judgement of how far back a stream can go on: the oplog, and the images beside it.
#include "mongo_wire/check_judging.hpp"

namespace tidewire::mongo_wire {
namespace {

using kind = check_fix::kind;

constexpr double day_s = 86'400;

void judge_oplog(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-OPLOG";
  constexpr const char* title = "oplog window";
  if (j.facts.hello.kind == server_kind::standalone) return;
  if (!j.facts.oplog) {
    j.unknown(code, title, j.facts.oplog.missing, {{resource::of_cluster(), {"serverStatus"}}});
    return;
  }
  double window = j.facts.oplog->window_s();
  if (j.facts.oplog->never_cut || window >= day_s) {
    j.ok(code, title, hours_text(window),
         j.facts.oplog->never_cut ? "it reaches back to the set's beginning: nothing was dropped yet" : "");
    return;
  }
  std::vector<check_fix> fixes;
  if (j.at == hoster::atlas)
    fixes.push_back({kind::console,
                     "the cluster's Configuration, Additional Settings, Minimum Oplog Window: 48 hours",
                     false});
  else
    fixes.push_back(
        {kind::sql,
         "db.adminCommand({replSetResizeOplog: 1, size: 51200, minRetentionHours: 48}); // on each member",
         false});
  j.add(code, title, check_status::warn, hours_text(window),
        "a stream that is down for longer has lost changes (TW-MONGO-HISTORY-LOST)", std::move(fixes));
}

void judge_expiry(const judging& j) {
  constexpr const char* code = "TW-CHECK-MO-IMAGE-EXPIRY";
  constexpr const char* title = "how long images are kept";
  bool wanted = j.wishes.images != post_images::off;
  if (!j.facts.expiry) {
    if (wanted)
      j.unknown(code, title, j.facts.expiry.missing, {{resource::of_cluster(), {"getClusterParameter"}}});
    return;
  }
  if (!j.facts.expiry->seconds) {
    j.ok(code, title, "as long as the oplog", wanted ? "they take space in config.system.preimages" : "");
    return;
  }
  auto seconds = static_cast<double>(*j.facts.expiry->seconds);
  if (!wanted || seconds >= day_s) {
    j.ok(code, title, hours_text(seconds));
    return;
  }
  j.add(
      code, title, check_status::warn, hours_text(seconds),
      "a stream that is down for longer finds no images (TW-MONGO-IMAGE-MISSING)",
      {{kind::sql,
        "db.adminCommand({setClusterParameter: {changeStreamOptions: {preAndPostImages: {expireAfterSeconds: "
        "\"off\"}}}});",
        false}});
}

}  // namespace

void judge_history(const judging& j) {
  judge_oplog(j);
  judge_expiry(j);
}

}  // namespace tidewire::mongo_wire
