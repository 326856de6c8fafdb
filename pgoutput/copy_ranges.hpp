// Which blocks of a table have been copied, as of which snapshot, and what is to be copied next. Pure.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tidewire::pgoutput {

/// Postgres' highest block number is one less.
inline constexpr std::uint32_t no_block_end = 0xffffffff;

/// Blocks from `begin` up to, without, `end`; no_block_end: all that follow.
struct block_range {
  std::uint32_t begin = 0;
  std::uint32_t end = no_block_end;
  /// Counted from 1. In what is done: as of which snapshot the rows are. In what is to do: since which one
  /// rows are new enough to be read again; 0: all are read.
  std::uint32_t snapshot = 0;

  friend bool operator==(const block_range&, const block_range&) = default;
};

/// Sorted, without overlaps; neighbours of one snapshot are one range.
class block_map {
 public:
  const std::vector<block_range>& ranges() const { return ranges_; }

  /// The blocks are as of this snapshot now, whatever they were before.
  void set(const block_range& to) {
    // Most come in order; a stored map does, however many there are.
    if (ranges_.empty() || ranges_.back().end <= to.begin) return append(ranges_, to);
    std::vector<block_range> result;
    auto add = [&result](const block_range& each) { append(result, each); };
    bool added = false;
    for (const block_range& each : ranges_) {
      add({each.begin, std::min(each.end, to.begin), each.snapshot});
      if (!added && each.end > to.begin) add(to), added = true;
      add({std::max(each.begin, to.end), each.end, each.snapshot});
    }
    if (!added) add(to);
    ranges_ = std::move(result);
  }

  /// What has to be read so that all blocks are as of `snapshot`: in ascending order, `snapshot` of each as
  /// in what is to do.
  std::vector<block_range> missing(std::uint32_t snapshot) const {
    std::vector<block_range> result;
    std::uint32_t at = 0;
    for (const block_range& each : ranges_) {
      if (at < each.begin) result.push_back({at, each.begin, 0});
      if (each.snapshot != snapshot) result.push_back(each);
      at = each.end;
    }
    if (at != no_block_end) result.push_back({at, no_block_end, 0});
    return result;
  }

 private:
  static void append(std::vector<block_range>& to, const block_range& what) {
    if (what.begin >= what.end) return;
    if (!to.empty() && to.back().end == what.begin && to.back().snapshot == what.snapshot)
      to.back().end = what.end;
    else
      to.push_back(what);
  }

  std::vector<block_range> ranges_;
};

/// Hands out what is missing, piece by piece.
class block_plan {
 public:
  block_plan() = default;
  /// `blocks`: how many there are now; more may come.
  block_plan(std::vector<block_range> missing, std::uint32_t blocks)
      : missing_(std::move(missing)), blocks_(blocks) {
    std::reverse(missing_.begin(), missing_.end());
  }

  bool empty() const { return missing_.empty(); }

  /// The next piece of about `blocks` blocks; nothing when all have been handed out. 0: of any size.
  std::optional<block_range> next(std::uint32_t blocks) {
    if (missing_.empty()) return std::nullopt;
    block_range& rest = missing_.back();
    block_range piece = rest;
    std::uint32_t left = std::min(rest.end, std::max(blocks_, rest.begin)) - rest.begin;
    // A remainder that is not worth a piece of its own goes along.
    if (blocks != 0 && left > blocks + blocks / 2) {
      piece.end = rest.begin + blocks;
      rest.begin = piece.end;
    } else {
      missing_.pop_back();
    }
    return piece;
  }

 private:
  std::vector<block_range> missing_;  // the next one last
  std::uint32_t blocks_ = 0;
};

/// The condition that a row's ctid lies in the range; empty for all of a table.
inline std::string range_condition(const block_range& range) {
  auto tid = [](std::uint32_t block) { return "'(" + std::to_string(block) + ",0)'::pg_catalog.tid"; };
  std::string text;
  if (range.begin != 0) text = "ctid >= " + tid(range.begin);
  if (range.end != no_block_end) text += (text.empty() ? "ctid < " : " AND ctid < ") + tid(range.end);
  return text;
}

/// The condition that a row may have been written by a transaction that was not over at a snapshot whose
/// xmin is `since`, for rows seen by one whose xmax is `now` (both with their epoch, as
/// pg_current_snapshot() prints them). Everything below a snapshot's xmin is over, also what subtransactions
/// wrote, which its list of running transactions does not name. A row's xmin has 32 bits, and old rows keep
/// theirs when they are frozen: of what is too old to be told apart, too much is read, never too little.
inline std::string newer_condition(std::uint64_t since, std::uint64_t now) {
  std::uint64_t epochs = (now >> 32) - (since >> 32);
  if (since > now || epochs > 1) return {};
  auto low = [](std::uint64_t xid) { return std::to_string(xid & 0xffffffff); };
  std::string xid = "xmin::pg_catalog.text::pg_catalog.int8";
  // 1 and 2 stand for rows that were there before all counting.
  std::string real = xid + " >= 3 AND ";
  if (epochs == 0) return real + xid + " >= " + low(since) + " AND " + xid + " <= " + low(now);
  return real + "(" + xid + " >= " + low(since) + " OR " + xid + " <= " + low(now) + ")";
}

}  // namespace tidewire::pgoutput
