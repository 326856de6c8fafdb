// The judgement of slots: free ones, abandoned ones, the own one.
#include <algorithm>
#include <cstdlib>

#include "pgoutput/check_judging.hpp"
#include "pgoutput/sql_text.hpp"

namespace tidewire::pgoutput {
namespace {

using kind = check_fix::kind;

// A slot that nobody reads is worth a word from here on.
constexpr double noteworthy_bytes = 64.0 * 1024 * 1024;
constexpr double noteworthy_s = 3600;

const slot_record* own_slot(const judging& j) {
  if (!j.facts.slots) return nullptr;
  auto at = std::ranges::find(*j.facts.slots, j.wishes.slot, &slot_record::name);
  return at == j.facts.slots->end() ? nullptr : &*at;
}

std::string drop_sql(const slot_record& slot) {
  return "SELECT pg_drop_replication_slot(" + sql_text(slot.name) + ");";
}

void judge_free_slots(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-SLOTS-FREE";
  const setting_fact* limit = j.facts.setting("max_replication_slots");
  if (!limit || !j.facts.slots) {
    j.unknown(code, "free slots", limit ? j.facts.slots.missing : j.facts.settings.missing);
    return;
  }
  int max = std::atoi(limit->value.c_str());
  int used = static_cast<int>(j.facts.slots->size());
  std::string found = std::to_string(used) + " of " + std::to_string(max) + " in use";
  if (used < max || own_slot(j)) {
    j.ok(code, "free slots", found);
    return;
  }
  std::vector<check_fix> fixes =
      setting_fixes(j.at, "max_replication_slots", std::to_string(std::max(10, max * 2)), true);
  for (const slot_record& slot : *j.facts.slots)
    if (!slot.active && fixes.size() < max_named_objects)
      fixes.push_back({kind::sql, drop_sql(slot) + "   (if nobody needs it)", false});
  j.add(code, "free slots", check_status::fail, found, "a stream takes one", std::move(fixes));
}

void judge_free_senders(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-WALSENDERS-FREE";
  const setting_fact* limit = j.facts.setting("max_wal_senders");
  if (!limit || !j.facts.wal_senders) {
    j.unknown(code, "free walsenders", limit ? j.facts.wal_senders.missing : j.facts.settings.missing);
    return;
  }
  int max = std::atoi(limit->value.c_str());
  std::string found = std::to_string(*j.facts.wal_senders) + " of " + std::to_string(max) + " in use";
  if (*j.facts.wal_senders < max) {
    j.ok(code, "free walsenders", found);
    return;
  }
  j.add(code, "free walsenders", check_status::fail, found, "a stream takes one",
        setting_fixes(j.at, "max_wal_senders", std::to_string(std::max(10, max * 2)), true));
}

void judge_abandoned(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-SLOTS-ABANDONED";
  if (!j.facts.slots) {
    j.unknown(code, "slots that nobody reads", j.facts.slots.missing);
    return;
  }
  std::vector<const slot_record*> abandoned;
  std::size_t inactive = 0;
  double bytes = 0;
  for (const slot_record& slot : *j.facts.slots) {
    if (slot.active || slot.name == j.wishes.slot) continue;
    ++inactive;
    auto retained = static_cast<double>(slot.retained_bytes);
    bool lost = !slot.invalidation.empty();
    if (lost || retained >= noteworthy_bytes || slot.inactive_s.value_or(0) >= noteworthy_s) {
      abandoned.push_back(&slot);
      if (!lost) bytes += retained;
    }
  }
  if (abandoned.empty()) {
    j.ok(code, "slots that nobody reads",
         inactive == 0 ? "none" : std::to_string(inactive) + ", not for long");
    return;
  }
  std::vector<std::string> names;
  std::vector<check_fix> fixes;
  for (const slot_record* slot : abandoned) {
    if (names.size() == max_named_objects) break;
    std::string state = slot->invalidation.empty() ? bytes_text(static_cast<double>(slot->retained_bytes))
                                                   : "lost: " + slot->invalidation;
    names.push_back(slot->name + " (" + state + ")");
    fixes.push_back({kind::sql, drop_sql(*slot) + "   (if nobody needs it)", false});
  }
  check_finding& finding =
      j.add(code, "slots that nobody reads", check_status::warn,
            first_of(names, abandoned.size()) + ", keeping " + bytes_text(bytes) + " of WAL in all",
            "they fill the disk, and use up slots", std::move(fixes));
  finding.object_count = abandoned.size();
  for (const slot_record* slot : abandoned)
    if (finding.objects.size() < max_named_objects) finding.objects.push_back(slot->name);
}

void judge_slot(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-SLOT";
  if (!j.facts.slots) {
    j.unknown(code, "the slot", j.facts.slots.missing);
    return;
  }
  const slot_record* slot = own_slot(j);
  if (!slot) {
    j.ok(code, "the slot", j.wishes.slot + " does not exist yet", "tidewire stream --create-slot makes it");
    return;
  }
  check_fix other{kind::setting, "another name with --slot", false};
  if (!slot->logical || slot->plugin != "pgoutput") {
    j.add(code, "the slot", check_status::fail,
          slot->name + (slot->logical ? " uses the plugin " + slot->plugin + " instead of pgoutput"
                                      : " is a physical slot"),
          "", {other});
    return;
  }
  if (slot->database != j.facts.connection.database) {
    j.add(code, "the slot", check_status::fail, slot->name + " belongs to the database " + slot->database, "",
          {other});
    return;
  }
  if (!slot->invalidation.empty()) {
    j.add(code, "the slot", check_status::fail, slot->name + " is lost (" + slot->invalidation + ")",
          "the server has dropped what it still needed: changes are missing for good",
          {{kind::sql, drop_sql(*slot), false},
           {kind::setting, "then start anew, with a new position and a new copy", false}});
    return;
  }
  if (slot->synced && j.facts.server && j.facts.server->in_recovery) {
    j.add(code, "the slot", check_status::fail, slot->name + " is a standby's copy of a failover slot",
          "it is handed out after a failover only", {{kind::setting, "connect to the primary", false}});
    return;
  }
  std::string found = slot->name + ": pgoutput, " + (slot->active ? "in use" : "not in use");
  if (slot->two_phase) found += ", two_phase";
  if (slot->failover) found += ", failover";
  if (!slot->wal_status.empty()) found += ", WAL " + slot->wal_status;
  found += ", " + bytes_text(static_cast<double>(slot->retained_bytes)) + " kept";
  if (slot->active) {
    j.add(code, "the slot", check_status::warn, found, "one connection at a time can use it",
          {{kind::setting, "stop the other one, or choose another name with --slot", false}});
    return;
  }
  j.ok(code, "the slot", found);
}

void judge_idle_timeout(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-IDLE-TIMEOUT";
  if (!j.facts.settings) {
    j.unknown(code, "idle_replication_slot_timeout", j.facts.settings.missing);
    return;
  }
  if (j.at == hoster::neon) {
    j.ok(code, "idle_replication_slot_timeout", "about 40 hours",
         "Neon removes a slot that is not read for so long while another one is");
    return;
  }
  const setting_fact* setting = j.facts.setting("idle_replication_slot_timeout");
  if (!setting) {
    j.ok(code, "idle_replication_slot_timeout", "none (it comes with 18)");
    return;
  }
  double seconds = ms_of(*setting) / 1000;
  if (seconds <= 0) {
    j.ok(code, "idle_replication_slot_timeout", "none");
    return;
  }
  if (seconds >= 3 * 86'400) {
    j.ok(code, "idle_replication_slot_timeout", seconds_text(seconds));
    return;
  }
  j.add(code, "idle_replication_slot_timeout", check_status::warn, seconds_text(seconds),
        "a stream that is stopped for longer, over a weekend perhaps, loses its slot and must start anew",
        setting_fixes(j.at, "idle_replication_slot_timeout", "7d", false));
}

/// Names in a setting: a, "b c".
std::vector<std::string> names_in(std::string_view list) {
  std::vector<std::string> names;
  while (!list.empty()) {
    std::string_view one = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), one.size() + 1));
    while (one.starts_with(' ') || one.starts_with('"')) one.remove_prefix(1);
    while (one.ends_with(' ') || one.ends_with('"')) one.remove_suffix(1);
    if (!one.empty()) names.emplace_back(one);
  }
  return names;
}

void judge_failover(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-FAILOVER";
  if (!j.facts.settings || !j.facts.slots) {
    j.unknown(code, "failover", j.facts.settings ? j.facts.slots.missing : j.facts.settings.missing);
    return;
  }
  if (j.major() < 17) {
    j.ok(code, "failover", "slots do not live through one (that comes with 17)");
    return;
  }
  std::vector<std::string> missing;
  const setting_fact* standbys = j.facts.setting("synchronized_standby_slots");
  for (const std::string& name : names_in(standbys ? standbys->value : "")) {
    auto at = std::ranges::find(*j.facts.slots, name, &slot_record::name);
    if (at == j.facts.slots->end() || !at->active || at->logical) missing.push_back(name);
  }
  const slot_record* slot = own_slot(j);
  const setting_fact* sync = j.facts.setting("sync_replication_slots");
  if (!missing.empty()) {
    check_finding& finding = j.add(
        code, "failover", check_status::fail,
        "synchronized_standby_slots names what no standby uses: " + first_of(missing, missing.size()),
        "changes of failover slots are held back until these standbys have them: the stream stands still",
        setting_fixes(j.at, "synchronized_standby_slots", "", false));
    finding.object_count = missing.size();
    finding.objects.assign(missing.begin(), missing.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                                  missing.size(), max_named_objects)));
    return;
  }
  if (j.at == hoster::planetscale && sync && sync->value != "on") {
    j.add(code, "failover", check_status::warn, "sync_replication_slots = " + sync->value,
          "every change of the primary, upgrades too, then loses the slot",
          setting_fixes(j.at, "sync_replication_slots", "on", false));
    return;
  }
  if (j.at == hoster::planetscale && slot && !slot->failover) {
    j.add(code, "failover", check_status::warn, slot->name + " is no failover slot",
          "every change of the primary, upgrades too, loses it",
          {{kind::setting, "drop it and let tidewire stream --create-slot --failover make it", false}});
    return;
  }
  if (slot) {
    j.ok(code, "failover", slot->name + (slot->failover ? " is a failover slot" : " is no failover slot"));
    return;
  }
  j.ok(code, "failover", sync ? "sync_replication_slots = " + sync->value : "nothing is set up",
       "--create-slot --failover makes one that standbys keep a copy of");
}

}  // namespace

void judge_slots(const judging& j) {
  judge_free_slots(j);
  judge_free_senders(j);
  judge_abandoned(j);
  judge_slot(j);
  judge_idle_timeout(j);
  judge_failover(j);
}

}  // namespace tidewire::pgoutput
