// The judgement of positions: what names a place in the history, and for how long the history is there.
#include <cstdlib>

#include "binlog/check_judging.hpp"

namespace tidewire::binlog {
namespace {

using kind = check_fix::kind;

std::vector<check_fix> gtid_fixes(const judging& j) {
  if (j.server.at != hoster::self_hosted) {
    std::vector<check_fix> fixes = j.set("enforce_gtid_consistency", "ON");
    for (check_fix& each : j.set("gtid_mode", "ON", j.server.at == hoster::cloud_sql))
      fixes.push_back(std::move(each));
    return fixes;
  }
  // One step after the other, on every server of the topology; each can be taken back.
  std::string set = j.server.persists() ? "SET PERSIST " : "SET GLOBAL ";
  std::vector<check_fix> fixes;
  for (const char* step : {"enforce_gtid_consistency = WARN;", "enforce_gtid_consistency = ON;",
                           "gtid_mode = OFF_PERMISSIVE;", "gtid_mode = ON_PERMISSIVE;", "gtid_mode = ON;"})
    fixes.push_back({kind::sql, set + step, false});
  fixes[1].text += "   -- when the server's log has no warnings about it";
  fixes[4].text += "   -- when Ongoing_anonymous_transaction_count is 0";
  return fixes;
}

void judge_mysql_gtids(const judging& j) {
  const std::string* mode = j.facts.setting("gtid_mode");
  if (mode && *mode == "ON") {
    j.ok("TW-CHECK-MY-GTID", "gtid_mode", "ON");
  } else {
    j.add(
        "TW-CHECK-MY-GTID", "gtid_mode", check_status::warn, mode ? *mode : "this server has none",
        "a position is then a file and an offset of this one server: after a failover the stream is refused",
        gtid_fixes(j));
  }
  const std::string* enforced = j.facts.setting("enforce_gtid_consistency");
  bool on = enforced && *enforced == "ON";
  j.add("TW-CHECK-MY-GTID-CONSISTENCY", "enforce_gtid_consistency",
        on ? check_status::ok : check_status::warn, enforced ? *enforced : "this server has none",
        on ? "" : "gtid_mode=ON needs it", on ? std::vector<check_fix>{} : gtid_fixes(j));
}

void judge_mariadb_gtids(const judging& j) {
  bool strict = j.facts.is("gtid_strict_mode", "ON");
  const std::string* domain = j.facts.setting("gtid_domain_id");
  std::string note = domain ? "gtid_domain_id is " + *domain : "";
  if (strict) {
    j.ok("TW-CHECK-MY-GTID", "gtid_strict_mode", "ON", note);
    return;
  }
  j.add("TW-CHECK-MY-GTID", "gtid_strict_mode", check_status::warn, "OFF",
        "after a failover the binlogs of two servers may have the same GTID for different changes",
        j.set("gtid_strict_mode", "ON"));
}

void judge_gtids(const judging& j) {
  if (!j.facts.settings) {
    j.unknown("TW-CHECK-MY-GTID", "GTIDs", j.facts.settings.missing);
    return;
  }
  if (j.facts.mariadb)
    judge_mariadb_gtids(j);
  else
    judge_mysql_gtids(j);
}

void judge_retention(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-RETENTION";
  constexpr const char* title = "how long binlogs are kept";
  retention kept = retention_of(j.facts, j.server.at);
  if (!kept.known) {
    j.unknown(code, title, kept.found, retention_fixes(j.server, advised_retention_hours));
    return;
  }
  std::string size;
  if (j.facts.kept)
    size = counted(j.facts.kept->files, "file", "files") + " of " +
           bytes_text(static_cast<double>(j.facts.kept->bytes)) + " now";
  if (kept.none) {
    j.add(code, title, check_status::fail, kept.found,
          "the hoster removes binlogs as soon as it can: a stream that pauses loses changes",
          retention_fixes(j.server, advised_retention_hours));
    return;
  }
  for (const char* name : {"max_binlog_total_size", "binlog_space_limit"}) {
    const std::string* limit = j.facts.setting(name);
    if (!limit || *limit == "0") continue;
    j.add(code, title, check_status::warn,
          std::string(name) + " is " + bytes_text(std::strtod(limit->c_str(), nullptr)) + "; " + kept.found,
          "however long that lasts: more changes than that during a pause are lost to a stream",
          j.set(name, "0"));
    return;
  }
  if (!kept.for_ever && kept.seconds < wanted_retention_s) {
    j.add(code, title, check_status::warn, seconds_text(kept.seconds) + " (" + kept.found + ")",
          "a stream that stops for longer has lost changes: three days outlive a weekend",
          retention_fixes(j.server, advised_retention_hours));
    return;
  }
  j.ok(code, title,
       (kept.for_ever ? "until somebody removes them" : seconds_text(kept.seconds)) + " (" + kept.found + ")",
       size);
}

void judge_purged(const judging& j) {
  constexpr const char* code = "TW-CHECK-MY-PURGED";
  const std::string* purged = j.facts.setting("gtid_purged");
  if (j.facts.mariadb || !purged) return;
  if (purged->empty()) return void(j.ok(code, "gtid_purged", "nothing was removed yet"));
  std::string shown;
  for (char c : *purged)
    if (c != '\n') shown += c;
  if (shown.size() > 200) shown = shown.substr(0, 200) + "…";
  j.ok(code, "gtid_purged", shown, "a stream whose position lacks any of these is refused");
}

}  // namespace

retention retention_of(const check_facts& facts, hoster at) {
  retention out;
  if (at == hoster::rds || at == hoster::aurora) {
    if (!facts.hoster_hours) {
      out.found = facts.hoster_hours.missing;
      return out;
    }
    double hours = std::strtod(facts.hoster_hours->c_str(), nullptr);
    out.known = true;
    out.none = hours <= 0;
    out.seconds = hours * 3600;
    out.found = "binlog retention hours is " + (facts.hoster_hours->empty() ? "NULL" : *facts.hoster_hours);
    return out;
  }
  if (!facts.settings) {
    out.found = facts.settings.missing;
    return out;
  }
  out.known = true;
  if (facts.is("binlog_expire_logs_auto_purge", "OFF")) {
    out.for_ever = true;
    out.found = "binlog_expire_logs_auto_purge is OFF";
    return out;
  }
  const std::string* seconds = facts.setting("binlog_expire_logs_seconds");
  const std::string* days = facts.setting("expire_logs_days");
  if (seconds) out.seconds = std::strtod(seconds->c_str(), nullptr);
  bool by_days = days && out.seconds <= 0 && (!seconds || std::strtod(days->c_str(), nullptr) > 0);
  if (!by_days) {
    out.found = seconds ? "binlog_expire_logs_seconds is " + *seconds : "no setting limits it";
  } else {
    out.seconds = std::strtod(days->c_str(), nullptr) * 86400;
    out.found = "expire_logs_days is " + *days;
  }
  // Azure takes 0 for as soon as possible.
  out.none = out.seconds <= 0 && at == hoster::azure;
  out.for_ever = out.seconds <= 0 && !out.none;
  return out;
}

void judge_history(const judging& j) {
  if (!j.facts.has_log() && j.facts.settings) return;
  judge_gtids(j);
  judge_retention(j);
  judge_purged(j);
}

}  // namespace tidewire::binlog
