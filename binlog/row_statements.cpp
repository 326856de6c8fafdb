// What logged statements do to the lines; see row_changes.hpp.
#include <algorithm>

#include "binlog/row_changes.hpp"
#include "binlog/schema_history.hpp"
#include "binlog/sql_name.hpp"
#include "binlog/statement_text.hpp"
#include "binlog/xa_statement.hpp"

namespace tidewire::binlog {

namespace {

/// Behind so many words.
std::string_view behind_words(std::string_view sql, std::initializer_list<std::string_view> optional_words) {
  detail::word_reader words(sql);
  words.next();
  std::string_view left = words.rest();
  for (std::string_view each : optional_words) {
    detail::word_reader next(left);
    if (next.next() == each) left = next.rest();
  }
  return left;
}

std::string savepoint_name(std::string_view sql) {
  std::string_view left = behind_words(sql, {"WORK", "TO", "SAVEPOINT"});
  std::string name = detail::take_identifier(left);
  // Names compare without case.
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return name;
}

}  // namespace

void row_changes::query(const event_view& event) {
  query_view m = checked(decode_query(event, format_));
  query_kind kind = classify_query(m.sql);
  switch (kind) {
    case query_kind::begin: return begin(event);
    case query_kind::commit:
      if (state_ == state::inside) return commit();
      if (state_ == state::announced) return commit();
      return;
    case query_kind::rollback:
      if (state_ != state::between && seq_ > 0)
        warn("TW-MY-ROLLED-BACK", where() + ": a transaction was logged and rolled back; its " +
                                      std::to_string(seq_) +
                                      " changes are left out, those of tables that know no transactions too");
      if (!holding_.empty()) held_.drop(holding_);
      holding_.clear();
      if (state_ != state::between) rolled_back();
      return;
    case query_kind::savepoint: return set_savepoint(m.sql);
    case query_kind::rollback_to: return roll_back_to(m.sql);
    case query_kind::xa_start: {
      begin(event);
      auto id = xa_id_of(m.sql);
      if (!id) refuse({decode_errc::bad_value, header_bytes, "XA id"});
      return hold(std::move(*id));
    }
    case query_kind::xa_end: return;
    case query_kind::xa_prepare:
      if (holding_.empty()) refuse({decode_errc::bad_state, 4, "XA prepare"});
      return prepared(std::string(holding_));
    case query_kind::xa_commit:
    case query_kind::xa_rollback: return xa_outcome(m, kind);
    case query_kind::change:
    case query_kind::truncate:
    case query_kind::ddl:
    case query_kind::create_and_begin: return statement(m, kind, event);
    case query_kind::other:
      if (state_ == state::announced) commit();
      return;
  }
}

void row_changes::statement(const query_view& m, query_kind kind, const event_view& event) {
  if (!holding_.empty()) return held_.add(event);
  bool single = state_ != state::inside;
  if (state_ == state::between) announce({}, std::int64_t{event.header.timestamp} * 1'000'000);
  if (kind == query_kind::change) {
    std::string sql(m.sql.substr(0, 200));
    if (!with_.write_statements)
      throw failure{failure_kind::refused, "TW-MY-STATEMENT",
                    where() + ": a change was logged as a statement, its rows are not in the binlog: " +
                        (json::is_utf8(sql) ? sql : "(not UTF-8)"),
                    "set binlog_format=ROW on the source, for all its sessions; decode: --statements write"};
    if (next_change()) writer_.statement("statement", seq_, m.database, statement_text(m));
  } else if (kind == query_kind::truncate) {
    truncate(m);
  } else {
    follow_schema(m);
    if (next_change()) writer_.statement("ddl", seq_, m.database, statement_text(m));
  }
  if (kind == query_kind::create_and_begin) {
    state_ = state::inside;
    return;
  }
  if (single) commit();
}

/// What is kept of the tables is durable before any line or position behind the statement can be.
void row_changes::follow_schema(const query_view& m) {
  if (!with_.history) return;
  from_history_ = nullptr;
  with_.history->touched(tables_of_statement(m), mark_of(name_, with_.history->kind()));
  if (with_.history->changed() && with_.on_schema_change) with_.on_schema_change();
}

/// Where positions are GTIDs a place tells what the server has committed.
bool row_changes::wants_schemas() const {
  return with_.history && with_.history->any_unknown() && with_.history->kind() != position_kind::file &&
         between_transactions();
}

void row_changes::truncate(const query_view& m) {
  std::string_view left = behind_words(m.sql, {"TABLE"});
  table which;
  which.schema = m.database;
  which.name = detail::take_identifier(left);
  while (left.starts_with(' ')) left.remove_prefix(1);
  if (left.starts_with('.')) {
    left.remove_prefix(1);
    which.schema = which.name;
    which.name = detail::take_identifier(left);
  }
  if (!next_change()) return;
  const table* tables[] = {&which};
  // AUTO_INCREMENT begins anew.
  writer_.truncate(seq_, tables, false, true);
}

void row_changes::xa_outcome(const query_view& m, query_kind kind) {
  auto named = xa_id_of(m.sql);
  std::string id = !completes_.empty() ? completes_ : named ? *named : std::string{};
  if (id.empty()) refuse({decode_errc::bad_value, header_bytes, "XA id"});
  if (state_ == state::between) refuse({decode_errc::bad_state, 4, "XA outcome outside a transaction"});
  bool held = held_.holds(id);
  if (!holding_.empty() && holding_ != id) refuse({decode_errc::bad_state, 4, "XA outcome"});
  holding_.clear();
  held_.end();
  if (kind == query_kind::xa_rollback) {
    forget_prepared(id);
    return rolled_back();
  }
  if (!held) {
    std::string text = where() + ": XA transaction " + id +
                       " is committed, but its XA PREPARE did not come, it is before the place where reading "
                       "began: its changes are not in the lines";
    if (with_.refuse_unknown_xa)
      throw failure{
          failure_kind::refused, "TW-MY-XA-UNKNOWN", text,
          "nobody has its rows but the tables: start anew, with a copy (--snapshot initial) if they "
          "matter. On MySQL grant XA_RECOVER_ADMIN, then nothing begins while one is prepared"};
    warn("TW-MY-XA-UNKNOWN", text);
    return commit();
  }
  replay(id);
}

void row_changes::set_savepoint(std::string_view sql) {
  detail::word_reader words(sql);
  bool release = words.next() == "RELEASE";
  if (release || state_ != state::inside) return;
  std::string name = savepoint_name(sql);
  std::erase_if(savepoints_, [&](const savepoint& each) { return each.name == name; });
  // What is in no buffer yet begins where the next line does.
  savepoints_.push_back({std::move(name), seq_, out_->size(), batch_});
  if (savepoints_.size() > 10'000) savepoints_.erase(savepoints_.begin());
}

/// Only transactions that also changed tables without transactions are logged with their way back.
void row_changes::roll_back_to(std::string_view sql) {
  std::string name = savepoint_name(sql);
  auto at = std::ranges::find(savepoints_, name, &savepoint::name);
  if (!holding_.empty()) refuse({decode_errc::unsupported, 4, "ROLLBACK TO in an XA transaction"});
  if (at != savepoints_.end() && at->seq == seq_) return;
  if (at == savepoints_.end() || at->batch != batch_ || seq_ < written_ || written_ > at->seq)
    throw failure{failure_kind::refused, "TW-MY-SAVEPOINT",
                  where() + ": changes back to the savepoint " + name +
                      " were rolled back after their lines had been written",
                  "this happens where one transaction changes tables with and without transactions"};
  if (at->seq == 0 && open_) {
    // The begin goes too; it comes back with the next change.
    take_back(open_bytes_);
    open_ = false;
  } else {
    take_back(at->bytes);
  }
  seq_ = at->seq;
  savepoints_.erase(at + 1, savepoints_.end());
}

/// The rows are held until all of them are out: after a lost connection the outcome comes again, they don't.
void row_changes::replay(const std::string& id) {
  state_ = state::inside;
  replaying_ = id;
  replay_.emplace(held_.replay(id));
}

/// The rows that follow are those of this XA transaction. No server takes an id that is prepared still: if
/// one comes again, how the first ended was not logged, and to whoever reads the binlog it never was.
void row_changes::hold(std::string id) {
  if (held_.holds(id)) {
    warn("TW-MY-XA-UNKNOWN",
         where() + ": XA transaction " + id +
             " begins again, the outcome of the one before it did not come: its changes are "
             "not in the lines");
    forget_prepared(id);
  }
  holding_ = std::move(id);
  held_.begin(holding_);
}

void row_changes::forget_prepared(const std::string& id) {
  held_.drop(id);
  auto at = prepared_names_.find(id);
  if (at == prepared_names_.end()) return;
  if (at->second.has_gtid) {
    gtid_set one;
    one.add(at->second.id);
    prepared_.subtract(one);
  }
  prepared_names_.erase(at);
}

/// The rows wait until the outcome is known.
void row_changes::prepared(const std::string& id) {
  if (open_) refuse({decode_errc::bad_state, 4, "XA PREPARE behind changes"});
  held_.end();
  holding_.clear();
  if (with_.track_gtids) {
    prepared_names_[id] = name_;
    if (name_.has_gtid) prepared_.add(name_.id);
  }
  ended();
}

}  // namespace tidewire::binlog
