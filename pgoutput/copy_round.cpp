#include "pgoutput/copy_round.hpp"

#include <algorithm>
#include <cassert>

namespace tidewire::pgoutput {

copy_round::copy_round(std::vector<listed_table> tables, copy_progress before, copy_snapshot now,
                       pipeline& lines, checkpoint at, settings with, std::function<void()> turn_free)
    : lines_(lines),
      settings_(with),
      turn_free_(std::move(turn_free)),
      at_(std::move(at)),
      position_(to_string(now.at)) {
  resumed_ = !before.snapshots.empty();
  prune(before);
  progress_.snapshots = std::move(before.snapshots);
  progress_.snapshots.push_back(std::move(now));
  snapshot_ = static_cast<std::uint32_t>(progress_.snapshots.size());
  for (const copy_snapshot& each : progress_.snapshots)
    snapshot_lines_.push_back(std::make_shared<const std::string>(line_of(each)));
  totals_.tables = tables.size();
  tables_.reserve(tables.size());
  for (listed_table& each : tables) {
    work& of = tables_.emplace_back();
    of.listed = std::move(each);
    // Now that it stays where it is.
    of.lines = std::make_unique<copied_lines>(of.listed);
    plan(of, before);
  }
}

/// Whether all of a table is as of one snapshot: then nothing of it is to be read again.
bool copy_round::whole(const copied_table& of) const {
  std::uint32_t snapshot = 0;
  for (const copied_part& part : of.parts) {
    const std::vector<block_range>& ranges = part.done.ranges();
    if (ranges.size() != 1 || ranges[0].begin != 0 || ranges[0].end != no_block_end) return false;
    if (snapshot != 0 && ranges[0].snapshot != snapshot) return false;
    snapshot = ranges[0].snapshot;
  }
  return true;
}

void copy_round::plan(work& of, copy_progress& before) {
  std::uint64_t bytes = 0;
  bool heap = true;
  for (const stored_part& each : of.listed.parts) bytes += each.bytes, heap &= each.heap;
  totals_.table_bytes += bytes;
  std::string fingerprint = of.listed.fingerprint();
  auto known = before.tables.find(of.listed.described.oid);
  of.known = known != before.tables.end();
  if (of.known && whole(known->second)) {
    of.done = of.open = true;
    totals_.table_bytes_done += bytes;
    ++totals_.tables_done;
    totals_.rows += known->second.rows;
    remember(progress_.tables.emplace(known->first, std::move(known->second)).first->second);
    return;
  }
  bool go_on = of.known && settings_.changes_follow && heap && of.listed.keyed() &&
               known->second.fingerprint == fingerprint;
  for (const stored_part& each : of.listed.parts) {
    if (!go_on) break;
    auto same = std::ranges::find(known->second.parts, each.oid, &copied_part::oid);
    go_on = same == known->second.parts.end() || same->file == each.file;
  }
  of.again = of.known && !go_on;
  copied_table fresh;
  fresh.oid = of.listed.described.oid;
  fresh.fingerprint = fingerprint;
  if (go_on) fresh.rows = known->second.rows;
  totals_.rows += fresh.rows;
  for (const stored_part& each : of.listed.parts) {
    copied_part part{each.oid, each.file, {}};
    if (go_on) {
      auto same = std::ranges::find(known->second.parts, each.oid, &copied_part::oid);
      if (same != known->second.parts.end()) part.done = same->done;
    }
    of.plans.emplace_back(part.done.missing(snapshot_), each.blocks);
    fresh.parts.push_back(std::move(part));
  }
  // What has not been begun again yet is still as the earlier round left it.
  if (of.again)
    remember(progress_.tables.emplace(known->first, std::move(known->second)).first->second);
  else if (go_on)
    remember(progress_.tables.emplace(fresh.oid, std::move(fresh)).first->second);
}

std::size_t copy_round::chunks_left() const {
  std::size_t left = out_;
  for (const work& each : tables_) left += !each.done;
  return left;
}

bool copy_round::nothing_left(const work& of) const {
  return of.opened && of.unfinished == 0 && std::ranges::all_of(of.plans, &block_plan::empty);
}

void copy_round::write_mark(json::buffer& out, const char* stage, const work* of,
                            std::optional<std::uint64_t> tables, std::optional<std::uint64_t> rows) {
  envelope_writer writer(out);
  snapshot_mark mark;
  mark.stage = stage;
  mark.of = of ? &of->lines->described : nullptr;
  mark.position = position_;
  mark.visible = progress_.snapshots.back().visible;
  mark.tables = tables;
  mark.rows = rows;
  writer.snapshot(mark);
}

void copy_round::remember(const copied_table& of) {
  table_lines_[of.oid] = std::make_shared<const std::string>(line_of(of));
}

checkpoint copy_round::here() const {
  checkpoint now = at_;
  now.copy.reserve(snapshot_lines_.size() + table_lines_.size());
  now.copy = snapshot_lines_;
  for (const auto& [oid, line] : table_lines_) now.copy.push_back(line);
  return now;
}

void copy_round::begin() {
  json::buffer* out = lines_.acquire();
  assert(out);
  write_mark(*out, resumed_ ? "resume" : "begin", nullptr, tables_.size(), std::nullopt);
  std::size_t size = out->size();
  lines_.submit(out, here(), size);
}

bool copy_round::end() {
  json::buffer* out = lines_.acquire();
  if (!out) return false;
  std::uint64_t rows = 0;
  for (const auto& [oid, table] : progress_.tables) rows += table.rows;
  write_mark(*out, "end", nullptr, tables_.size(), rows);
  std::size_t size = out->size();
  lines_.submit(out, at_, size);  // without lines of a copy: it is over
  return true;
}

/// So large that asking for it costs little, so small that several fit into a worker's batches.
std::uint32_t copy_round::chunk_blocks(const work& of, const stored_part& part) const {
  if (!part.divisible(settings_.version)) return 0;
  constexpr std::uint64_t block = 8192;
  if (settings_.chunk_bytes != 0)
    return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(settings_.chunk_bytes / block, 1, 1u << 20));
  // Nobody waits for the turn of the only worker.
  if (settings_.workers == 1) return 4096;
  std::uint64_t per_block = of.bytes_per_block ? of.bytes_per_block : 3 * block;
  std::uint64_t room = settings_.batches_per_worker * lines_.batch_bytes() * 3 / 4;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(room / per_block, 16, 1024));
}

std::optional<copy_chunk> copy_round::next(const std::optional<copy_chunk>& last) {
  auto take = [&](std::size_t table, std::size_t part) -> std::optional<copy_chunk> {
    work& of = tables_[table];
    auto blocks = of.plans[part].next(chunk_blocks(of, of.listed.parts[part]));
    if (!blocks) return std::nullopt;
    copy_chunk chunk{table, part, *blocks, !of.opened};
    of.opened = true;
    ++of.unfinished;
    ++out_;
    return chunk;
  };
  if (last && !tables_[last->table].done)
    if (auto chunk = take(last->table, last->part)) return chunk;
  for (; first_ < tables_.size(); ++first_) {
    work& of = tables_[first_];
    if (of.done) continue;
    for (std::size_t part = 0; part < of.plans.size(); ++part)
      if (auto chunk = take(first_, part)) return chunk;
    // A partitioned table without partitions is told of too.
    if (of.plans.empty() && !of.opened) {
      of.opened = true;
      ++of.unfinished;
      ++out_;
      return copy_chunk{first_, 0, {0, 0, 0}, true};
    }
  }
  return std::nullopt;
}

std::string copy_round::query_of(const copy_chunk& chunk) const {
  const work& of = tables_[chunk.table];
  std::string where = range_condition(chunk.blocks);
  auto also = [&where](const std::string& condition) {
    if (condition.empty()) return;
    where += (where.empty() ? "(" : " AND (") + condition + ")";
  };
  also(of.listed.row_filter);
  if (chunk.blocks.snapshot != 0) {
    auto since = bounds_of(progress_.snapshots[chunk.blocks.snapshot - 1].visible);
    auto now = bounds_of(progress_.snapshots.back().visible);
    if (since && now) also(newer_condition(since->xmin, now->xmax));
  }
  return "COPY (SELECT " + of.listed.select_list + " FROM ONLY " + of.listed.parts[chunk.part].name +
         (where.empty() ? "" : " WHERE " + where) + ") TO STDOUT (FORMAT binary)";
}

void copy_round::chunk_done(const copy_chunk& chunk, std::uint64_t rows, std::uint64_t written,
                            json::buffer& out) {
  work& of = tables_[chunk.table];
  --of.unfinished;
  --out_;
  copied_table& table = progress_of(of);
  if (chunk.opens && (!of.known || of.again)) {
    // Only now: had the chunk been cut off, so would the line that makes void what was there before.
    table = {};
    table.oid = of.listed.described.oid;
    table.fingerprint = of.listed.fingerprint();
    for (const stored_part& each : of.listed.parts) table.parts.push_back({each.oid, each.file, {}});
  }
  table.rows += rows;
  totals_.rows += rows;
  if (!of.listed.parts.empty()) {
    const stored_part& part = of.listed.parts[chunk.part];
    auto copied = std::ranges::find(table.parts, part.oid, &copied_part::oid);
    copied->done.set({chunk.blocks.begin, chunk.blocks.end, snapshot_});
    std::uint32_t end = std::max(chunk.blocks.begin, std::min(chunk.blocks.end, part.blocks));
    std::uint64_t blocks = end - chunk.blocks.begin;
    totals_.table_bytes_done += part.blocks ? part.bytes / part.blocks * blocks : 0;
    if (blocks > 0) of.bytes_per_block = std::max<std::uint64_t>(1, written / blocks);
  }
  remember(table);
  if (!nothing_left(of)) return;
  of.done = true;
  ++totals_.tables_done;
  write_mark(out, "end", &of, std::nullopt, table.rows);
}

// ---- One worker

void copy_round::worker::begin(const copy_chunk& chunk) {
  chunk_ = chunk;
  written_ = 0;
  assert(!now_ && full_.empty());
}

bool copy_round::worker::take_turn() {
  if (round_.turn_ == this) return true;
  work& of = round_.tables_[chunk_.table];
  // A table's rows come after the lines that open it.
  if (round_.turn_ || (!of.open && !chunk_.opens)) return false;
  round_.turn_ = this;
  of.open = true;
  for (json::buffer* each : full_) round_.lines_.submit(each, std::nullopt, 0);
  full_.clear();
  return true;
}

bool copy_round::worker::has_room() {
  if (now_) [[likely]]
    return true;
  round_.lines_.rethrow();
  if (full_.size() >= round_.settings_.batches_per_worker && !take_turn()) return false;
  now_ = round_.lines_.acquire();
  if (!now_) return false;
  if (chunk_.opens && written_ == 0) {
    work& of = round_.tables_[chunk_.table];
    envelope_writer writer(*now_);
    if (!of.known || of.again)
      round_.write_mark(*now_, of.again ? "restart" : "begin", &of, std::nullopt, std::nullopt);
    writer.schema(of.lines->described);
    written_ = now_->size();
  }
  return true;
}

void copy_round::worker::put_aside() {
  written_ += now_->size();
  json::buffer* full = std::exchange(now_, nullptr);
  if (round_.turn_ == this)
    round_.lines_.submit(full, std::nullopt, 0);
  else
    full_.push_back(full);
}

bool copy_round::worker::finish(std::uint64_t rows) {
  if (!has_room() || !take_turn()) return false;
  written_ += now_->size();
  round_.chunk_done(chunk_, rows, written_, *now_);
  json::buffer* last = std::exchange(now_, nullptr);
  std::size_t size = last->size();
  round_.lines_.submit(last, round_.here(), size);
  round_.turn_ = nullptr;
  round_.turn_free_();
  return true;
}

}  // namespace tidewire::pgoutput
