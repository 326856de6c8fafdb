// The judgement of how long WAL is kept.
#include <algorithm>

#include "pgoutput/check_judging.hpp"

namespace tidewire::pgoutput {
namespace {

// What a stream may be stopped for at the least: a night.
constexpr double wanted_s = 12 * 3600;
constexpr double gigabyte = 1024.0 * 1024 * 1024;

std::string rate_text(const wal_fact& wal) {
  std::string text;
  if (wal.average_bytes_s)
    text = bytes_text(*wal.average_bytes_s * 3600) + "/h over the last " + seconds_text(wal.average_over_s);
  if (wal.now_bytes_s)
    text += (text.empty() ? "" : ", ") + bytes_text(*wal.now_bytes_s * 3600) + "/h just now";
  return text.empty() ? "not known" : text;
}

/// The average, where there is one; a moment says little.
double rate_of(const wal_fact& wal) {
  return wal.average_bytes_s ? *wal.average_bytes_s : wal.now_bytes_s.value_or(0);
}

void judge_keep(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-WAL-KEEP";
  if (j.facts.settings && j.major() < 13) {
    j.ok(code, "max_slot_wal_keep_size", "no limit (it comes with 13)",
         "a stream that is stopped keeps WAL until the disk is full");
    return;
  }
  const setting_fact* limit = j.facts.setting("max_slot_wal_keep_size");
  if (!limit || !j.facts.wal) {
    j.unknown(code, "max_slot_wal_keep_size", limit ? j.facts.wal.missing : j.facts.settings.missing);
    return;
  }
  double keep = bytes_of(*limit);
  std::string rate = "WAL: " + rate_text(*j.facts.wal);
  if (keep < 0) {
    j.ok(code, "max_slot_wal_keep_size", "no limit; " + rate,
         "a stream that is stopped keeps WAL until the disk is full");
    return;
  }
  double per_s = rate_of(*j.facts.wal);
  std::string lasts = per_s > 0 ? ", enough for " + seconds_text(keep / per_s) : "";
  std::string found = bytes_text(keep) + lasts + "; " + rate;
  // PlanetScale's own advice for a slot that shall live through a change of the primary.
  bool too_small = j.at == hoster::planetscale && keep <= 4.0 * gigabyte;
  if ((per_s <= 0 || keep / per_s >= wanted_s) && !too_small) {
    j.ok(code, "max_slot_wal_keep_size", found);
    return;
  }
  double wanted = std::max(per_s * 2 * wanted_s, (too_small ? 5.0 : 1.0) * gigabyte);
  auto megabytes = static_cast<long long>(wanted / (1024 * 1024));
  j.add(code, "max_slot_wal_keep_size", check_status::warn, found,
        "a stream, or the copy before it, that is held up for longer loses its slot and must start anew",
        setting_fixes(j.at, "max_slot_wal_keep_size", std::to_string(megabytes) + "MB", false));
}

void judge_slot_wal(const judging& j) {
  constexpr const char* code = "TW-CHECK-PG-SLOT-WAL";
  if (!j.facts.slots) {
    j.unknown(code, "the slot's WAL", j.facts.slots.missing);
    return;
  }
  auto slot = std::ranges::find(*j.facts.slots, j.wishes.slot, &slot_record::name);
  if (slot == j.facts.slots->end() || !slot->invalidation.empty()) {
    j.ok(code, "the slot's WAL", "no slot, nothing kept");
    return;
  }
  if (!slot->safe_wal_bytes) {
    j.ok(code, "the slot's WAL", bytes_text(static_cast<double>(slot->retained_bytes)) + " kept, no limit");
    return;
  }
  auto left = static_cast<double>(std::max<std::int64_t>(0, *slot->safe_wal_bytes));
  double whole = left + static_cast<double>(slot->retained_bytes);
  double per_s = j.facts.wal ? rate_of(*j.facts.wal) : 0;
  std::string found = bytes_text(left) + " can still be written before it is lost";
  if (per_s > 0) found += ", " + seconds_text(left / per_s) + " at the usual rate";
  if (slot->wal_status == "unreserved" || left < whole / 2) {
    std::vector<check_fix> fixes{
        {check_fix::kind::setting, "start the stream now, so that the slot moves on", false}};
    for (check_fix& fix :
         setting_fixes(j.at, "max_slot_wal_keep_size",
                       std::to_string(static_cast<long long>(whole * 2 / (1024 * 1024)) + 1) + "MB", false))
      fixes.push_back(std::move(fix));
    j.add(code, "the slot's WAL", check_status::warn, found, "a lost slot means a new copy",
          std::move(fixes));
    return;
  }
  j.ok(code, "the slot's WAL", found);
}

}  // namespace

void judge_wal(const judging& j) {
  judge_keep(j);
  judge_slot_wal(j);
}

}  // namespace tidewire::pgoutput
