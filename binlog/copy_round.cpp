#include "binlog/copy_round.hpp"

#include <algorithm>
#include <cassert>

#include "core/json_text.hpp"

namespace tidewire::binlog {
namespace {

std::string place_field(const std::string& place) {
  return R"("pos":)" + json::quoted(place);
}

/// All of a table, with what has been copied of it.
std::list<copy_piece> pieces_of(const std::vector<key_range>& copied) {
  std::list<copy_piece> pieces;
  key_values at;
  for (const key_range& each : copied) {
    if (each.after != at) pieces.push_back({{at, each.after}});
    pieces.push_back({each, {}, true});
    at = each.up_to;
    if (at.empty()) return pieces;
  }
  pieces.push_back({{at, {}}});
  return pieces;
}

/// What has been copied, neighbours joined.
std::vector<key_range> copied_of(const std::list<copy_piece>& pieces) {
  std::vector<key_range> copied;
  bool goes_on = false;
  for (const copy_piece& each : pieces) {
    if (!each.complete && each.reached.empty()) {
      goes_on = false;
      continue;
    }
    const key_values& up_to = each.complete ? each.bounds.up_to : each.reached;
    if (goes_on)
      copied.back().up_to = up_to;
    else
      copied.push_back({each.bounds.after, up_to});
    goes_on = up_to == each.bounds.up_to;
  }
  return copied;
}

bool all_literals(const copy_key& key, const std::vector<key_range>& ranges) {
  return std::ranges::all_of(ranges, [&](const key_range& each) {
    return (each.after.empty() || has_literals(key, each.after)) &&
           (each.up_to.empty() || has_literals(key, each.up_to));
  });
}

}  // namespace

copy_round::copy_round(std::vector<copy_table> tables, copy_progress before, bool resumed, std::string place,
                       pipeline& lines, checkpoint at, settings with, std::function<void()> turn_free)
    : lines_(lines),
      settings_(std::move(with)),
      turn_free_(std::move(turn_free)),
      at_(std::move(at)),
      resumed_(resumed),
      place_(std::move(place)) {
  progress_.place = before.place;
  progress_.exact = before.exact;
  rows_line_ = std::make_shared<const std::string>(rows_line(progress_));
  totals_.tables = tables.size();
  tables_.reserve(tables.size());
  for (copy_table& each : tables) {
    work& of = tables_.emplace_back();
    of.listed = std::move(each);
    plan(of, before);
  }
}

void copy_round::plan(work& of, const copy_progress& before) {
  totals_.table_bytes += of.listed.bytes;
  auto known = before.tables.find({of.listed.schema, of.listed.name});
  of.known = known != before.tables.end();
  of.pieces.emplace_back();
  if (!of.known) return;
  copied_table& table = progress_of(of) = known->second;
  // As it was left, until it is opened again.
  table_lines_[known->first] = std::make_shared<const std::string>(line_of(table));
  if (table.done()) {
    of.done = of.opened = true;
    of.pieces.front().complete = true;
    ++totals_.tables_done;
    totals_.rows += table.rows;
    totals_.table_bytes_done += of.listed.bytes;
    return;
  }
  of.again = !of.listed.key || table.fingerprint != of.listed.fingerprint() ||
             !all_literals(*of.listed.key, table.ranges);
  if (of.again) return;
  of.pieces = pieces_of(table.ranges);
  totals_.rows += table.rows;
  count_bytes(of, table.rows);
}

void copy_round::count_bytes(work& of, std::uint64_t rows) {
  std::uint64_t each = of.listed.bytes / std::max<std::uint64_t>(1, of.listed.rows);
  std::uint64_t now = std::min(of.listed.bytes, of.bytes_done + each * rows);
  totals_.table_bytes_done += now - of.bytes_done;
  of.bytes_done = now;
}

bool copy_round::waits() const {
  return std::ranges::any_of(tables_, &work::busy);
}

bool copy_round::complete() const {
  return std::ranges::all_of(tables_, &work::done);
}

/// So large that looking for its end costs little, so small that a table is shared among the workers.
std::uint64_t copy_round::chunk_rows(const work& of) const {
  constexpr std::uint64_t usual_row = 100, usual_chunk = 32u << 20, least = 100, most = 1'000'000;
  std::uint64_t row = of.listed.rows ? of.listed.bytes / of.listed.rows : usual_row;
  std::uint64_t bytes = settings_.chunk_bytes ? settings_.chunk_bytes : usual_chunk;
  return std::clamp(bytes / std::max<std::uint64_t>(1, row), least, most);
}

std::optional<copy_chunk> copy_round::next() {
  auto is_free = [](const copy_piece& each) { return !each.out && !each.complete; };
  for (std::size_t i = first_; i < tables_.size(); ++i) {
    work& of = tables_[i];
    if (of.busy) continue;
    auto piece = std::ranges::find_if(of.pieces, is_free);
    if (piece == of.pieces.end()) {
      if (i == first_) ++first_;
      continue;
    }
    copy_chunk chunk{i, &*piece, !of.opened};
    chunk.splits = settings_.workers > 1 && of.listed.key && of.listed.key->finds_ranges &&
                   piece->bounds.up_to.empty() && of.listed.rows > chunk_rows(of);
    of.busy = chunk.splits || (chunk.opens && of.pieces.size() > 1);
    of.opened = piece->out = true;
    return chunk;
  }
  return std::nullopt;
}

void copy_round::split(copy_chunk& chunk, key_values up_to) {
  work& of = tables_[chunk.table];
  if (!up_to.empty()) {
    auto at = std::ranges::find(of.pieces, chunk.piece, [](const copy_piece& each) { return &each; });
    of.pieces.insert(std::next(at), copy_piece{{up_to, {}}});
    chunk.piece->bounds.up_to = std::move(up_to);
  }
  of.busy = chunk.splits = false;
  turn_free_();
}

key_range copy_round::range_of(const copy_chunk& chunk) {
  key_range range = chunk.piece->bounds;
  if (!chunk.piece->reached.empty()) range.after = chunk.piece->reached;
  return range;
}

void copy_round::remember(const work& of) {
  copied_table& table = progress_of(of);
  table.ranges = copied_of(of.pieces);
  table_lines_[{table.schema, table.name}] = std::make_shared<const std::string>(line_of(table));
}

/// The piece is complete; with its neighbours that are it becomes one.
void copy_round::close(work& of, const copy_piece& piece) {
  auto at = std::ranges::find(of.pieces, &piece, [](const copy_piece& each) { return &each; });
  at->complete = true;
  at->out = false;
  auto join = [&of](auto first, auto second) {
    first->bounds.up_to = std::move(second->bounds.up_to);
    of.pieces.erase(second);
  };
  if (auto behind = std::next(at); behind != of.pieces.end() && behind->complete) join(at, behind);
  if (at != of.pieces.begin() && std::prev(at)->complete) join(std::prev(at), at);
}

/// Only with the lines that say so: had they been cut off, what was there before would not be void.
void copy_round::open(work& of) {
  copied_table& table = progress_of(of);
  if (!of.known || of.again) table.rows = 0;
  table.schema = of.listed.schema;
  table.name = of.listed.name;
  table.fingerprint = of.listed.fingerprint();
  remember(of);
}

checkpoint copy_round::here() const {
  checkpoint now = at_;
  now.copy.reserve(table_lines_.size() + 1);
  now.copy.push_back(rows_line_);
  for (const auto& [name, line] : table_lines_) now.copy.push_back(line);
  return now;
}

void copy_round::write_mark(json::buffer& out, const char* stage, const tidewire::table* of,
                            const std::string& place, std::optional<std::uint64_t> tables,
                            std::optional<std::uint64_t> rows) {
  envelope_writer writer(out);
  snapshot_mark mark;
  mark.stage = stage;
  mark.of = of;
  mark.tables = tables;
  mark.rows = rows;
  std::string fields = place_field(place);
  if (!of)
    fields += R"(,"position":)" + json::quoted(at_.position) + R"(,"exact":)" +
              (progress_.exact ? "true" : "false");
  mark.fields = fields;
  writer.snapshot(mark);
}

void copy_round::begin() {
  json::buffer* out = lines_.acquire();
  assert(out);
  write_mark(*out, resumed_ ? "resume" : "begin", nullptr, place_, tables_.size(), std::nullopt);
  std::size_t size = out->size();
  lines_.submit(out, here(), size);
}

void copy_round::pause() {
  if (!unplaced_ || loose_ > 0) return;
  if (json::buffer* out = lines_.acquire()) lines_.submit(out, here(), 0);
  unplaced_ = false;
}

bool copy_round::end() {
  json::buffer* out = lines_.acquire();
  if (!out) return false;
  std::uint64_t rows = 0;
  for (const auto& [name, table] : progress_.tables) rows += table.rows;
  write_mark(*out, "end", nullptr, place_, tables_.size(), rows);
  std::size_t size = out->size();
  lines_.submit(out, at_, size);  // without lines of a copy: it is over
  unplaced_ = false;
  return true;
}

// ---- One worker

std::string copy_round::worker::fields() const {
  return place_field(place_);
}

bool copy_round::worker::has_room() {
  if (now_) [[likely]]
    return true;
  round_.lines_.rethrow();
  now_ = round_.lines_.acquire();
  return now_ != nullptr;
}

void copy_round::worker::begin(const copy_chunk& chunk, const tidewire::table& described) {
  chunk_ = chunk;
  rows_ = fresh_ = 0;
  if (!chunk.opens) return;
  work& of = round_.tables_[chunk.table];
  if (!of.known || of.again)
    round_.write_mark(*now_, of.again ? "restart" : "begin", &described, place_, std::nullopt, std::nullopt);
  envelope_writer writer(*now_);
  writer.named_schema(described);
  // Others may read of the table only behind these lines.
  if (of.busy) hand_over({}, round_.placed_at_);
}

void copy_round::worker::set_loose(bool to) {
  if (loose_ != to) to ? ++round_.loose_ : --round_.loose_;
  loose_ = to;
}

void copy_round::worker::submit(bool place, link::clock::time_point now) {
  work& of = round_.tables_[chunk_.table];
  if (chunk_.opens) round_.open(of);
  if (chunk_.opens && of.busy && !chunk_.splits) {
    of.busy = false;
    round_.turn_free_();
  }
  chunk_.opens = false;
  round_.count_bytes(of, std::exchange(fresh_, 0));
  if (place) {
    round_.progress_of(of).rows += std::exchange(rows_, 0);
    round_.remember(of);
  }
  // Each place to go on from costs the names of all tables: a few in a second are enough.
  constexpr std::chrono::milliseconds longest{100};
  place = place && now - round_.placed_at_ >= longest;
  if (place) round_.placed_at_ = now;
  round_.unplaced_ = !place;
  std::size_t size = now_->size();
  auto complete = place ? std::optional(round_.here()) : std::nullopt;
  round_.lines_.submit(std::exchange(now_, nullptr), std::move(complete), place ? size : 0);
}

void copy_round::worker::hand_over(key_values reached, link::clock::time_point now) {
  bool place = rows_ == 0 || !reached.empty();
  set_loose(!place);
  if (!reached.empty()) chunk_.piece->reached = std::move(reached);
  submit(place, now);
}

void copy_round::worker::finish(const tidewire::table& described, link::clock::time_point now) {
  work& of = round_.tables_[chunk_.table];
  round_.close(of, *chunk_.piece);
  chunk_.piece = nullptr;
  set_loose(false);
  of.done = !of.busy && std::ranges::all_of(of.pieces, &copy_piece::complete);
  if (of.done) {
    ++round_.totals_.tables_done;
    std::uint64_t rows = rows_;
    if (!chunk_.opens || (of.known && !of.again)) rows += round_.progress_of(of).rows;
    round_.write_mark(*now_, "end", &described, place_, std::nullopt, rows);
  }
  submit(true, now);
  if (!of.done) return;
  round_.totals_.table_bytes_done += of.listed.bytes - of.bytes_done;
  of.bytes_done = of.listed.bytes;
}

}  // namespace tidewire::binlog
