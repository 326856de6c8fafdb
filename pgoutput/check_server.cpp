// The judgement of the server: wal_level, time-outs, open transactions.
#include <algorithm>

#include "pgoutput/check_judging.hpp"
#include "pgoutput/sql_text.hpp"

namespace tidewire::pgoutput {
namespace {

using kind = check_fix::kind;

void judge_wal_level(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-WAL-LEVEL";
  const setting_fact* level = j.facts.setting("wal_level");
  if (!level) {
    j.unknown(code, "wal_level", j.facts.settings.missing);
    return;
  }
  const setting_fact* effective = j.facts.setting("effective_wal_level");
  if (level->value == "logical" || (effective && effective->value == "logical")) {
    j.ok(code, "wal_level", level->value == "logical" ? "logical" : level->value + ", in effect logical");
    return;
  }
  // From 19 on the first logical slot raises the level by itself.
  if (j.major() >= 19 && level->value == "replica") {
    j.ok(code, "wal_level", "replica", "the first logical slot raises it");
    return;
  }
  if (level->pending_restart) {
    j.add(code, "wal_level", check_status::fail, level->value + ", changed and waiting for a restart",
          "the new value counts from the next start of the server", restart_fixes(j.at));
    return;
  }
  j.add(code, "wal_level", check_status::fail, level->value,
        "the server's log holds what logical replication needs only with wal_level = logical",
        wal_level_fixes(j.at));
}

void judge_switch(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-HOSTER-SWITCH";
  std::string name(logical_switch(j.at));
  if (name.empty()) {
    j.ok(code, "the hoster's switch", "none here: wal_level is all");
    return;
  }
  if (!j.facts.special_settings) {
    j.unknown(code, "the hoster's switch", j.facts.special_settings.missing);
    return;
  }
  auto at = j.facts.special_settings->find(name);
  if (at == j.facts.special_settings->end()) {
    j.unknown(code, "the hoster's switch", name + " can't be read");
    return;
  }
  bool on = at->second == "on" || at->second == "1" || at->second == "true";
  if (on) {
    j.ok(code, "the hoster's switch", name + " = " + at->second);
    return;
  }
  j.add(code, "the hoster's switch", check_status::fail, name + " = " + at->second,
        "it is what sets wal_level = logical there", wal_level_fixes(j.at));
}

/// Our sessions set the first two to 0 when they log in: they are seen here only if that did not arrive.
void judge_timeouts(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-TIMEOUTS";
  if (!j.facts.settings) {
    j.unknown(code, "time limits", j.facts.settings.missing);
    return;
  }
  std::string found;
  std::vector<check_fix> fixes;
  for (const char* name : {"statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout",
                           "idle_session_timeout"}) {
    const setting_fact* setting = j.facts.setting(name);
    if (!setting || ms_of(*setting) <= 0) continue;
    found += (found.empty() ? "" : ", ") + std::string(name) + " = " + seconds_text(ms_of(*setting) / 1000);
    fixes.push_back({kind::sql, "ALTER ROLE " + j.role_name() + " SET " + name + " = 0;", true});
  }
  if (found.empty()) {
    j.ok(code, "time limits", "none (statement_timeout does not count: tidewire's sessions set it to 0)");
    return;
  }
  j.add(code, "time limits", check_status::warn, found,
        "copying a large table takes longer; the stream itself is not affected", std::move(fixes));
}

void judge_sender_timeout(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-SENDER-TIMEOUT";
  const setting_fact* setting = j.facts.setting("wal_sender_timeout");
  if (!setting) {
    j.unknown(code, "wal_sender_timeout", j.facts.settings.missing);
    return;
  }
  double ms = ms_of(*setting);
  if (ms == 0) {
    j.add(code, "wal_sender_timeout", check_status::warn, "0: never",
          "when the connection dies unnoticed the server holds the slot for as long as its TCP does, and a "
          "restarted stream finds it in use",
          setting_fixes(j.at, "wal_sender_timeout", "60s", false));
    return;
  }
  if (ms < 10'000) {
    j.add(code, "wal_sender_timeout", check_status::warn, seconds_text(ms / 1000),
          "a moment's delay on the way, or one large write, ends the connection",
          setting_fixes(j.at, "wal_sender_timeout", "60s", false));
    return;
  }
  j.ok(code, "wal_sender_timeout", seconds_text(ms / 1000));
}

void judge_transactions(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-OPEN-TRANSACTIONS";
  if (!j.facts.transactions) {
    j.unknown(code, "open transactions", j.facts.transactions.missing);
    return;
  }
  std::vector<const open_transaction*> old, unseen;
  for (const open_transaction& each : *j.facts.transactions) {
    if (!each.age_s)
      unseen.push_back(&each);
    else if (*each.age_s >= j.wishes.open_transaction_s)
      old.push_back(&each);
  }
  auto described = [](check_finding& finding, const std::vector<const open_transaction*>& all) {
    finding.object_count = all.size();
    for (const open_transaction* each : all)
      if (finding.objects.size() < max_named_objects) finding.objects.push_back(to_string(*each));
    finding.found += ": " + first_of(finding.objects, all.size());
  };
  if (!old.empty()) {
    check_finding& finding =
        j.add(code, "open transactions", check_status::warn,
              counted(old.size(), "has written and is open", "have written and are open") +
                  " for more than " + seconds_text(j.wishes.open_transaction_s),
              "making a slot waits until they end, and an open one keeps WAL");
    described(finding, old);
    for (const open_transaction* each : old) {
      if (finding.fixes.size() == max_named_objects) break;
      std::string sql = each->prepared.empty() ? "SELECT pg_terminate_backend(" + each->pid + ");"
                                               : "ROLLBACK PREPARED " + sql_text(each->prepared) + ";";
      finding.fixes.push_back({kind::sql, sql, false});
    }
    return;
  }
  if (!unseen.empty()) {
    check_finding& finding =
        j.unknown(code, "open transactions",
                  counted(unseen.size(), "is open", "are open") + ", since when may not be seen",
                  {{kind::sql, "GRANT pg_read_all_stats TO " + j.role_name() + ";", true}});
    finding.why = "making a slot waits until they end";
    described(finding, unseen);
    return;
  }
  j.ok(code, "open transactions",
       "none that has written is older than " + seconds_text(j.wishes.open_transaction_s));
}

}  // namespace

void judge_server(const judging& j) {
  judge_wal_level(j);
  judge_switch(j);
  judge_timeouts(j);
  judge_sender_timeout(j);
  judge_transactions(j);
}

}  // namespace tidewire::pgoutput
