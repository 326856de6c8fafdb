#include "pgoutput/row_changes.hpp"

#include <limits>

#include "pgoutput/table_of.hpp"

namespace tidewire::pgoutput {
namespace {

/// Postgres counts from 2000-01-01.
std::int64_t unix_us(std::int64_t postgres_us) {
  constexpr std::int64_t between = 946'684'800'000'000;
  return postgres_us > std::numeric_limits<std::int64_t>::max() - between ? postgres_us
                                                                          : postgres_us + between;
}

std::string_view text_of(wire::lsn at, char (&buffer)[wire::lsn_text_size]) {
  return {buffer, static_cast<std::size_t>(wire::put_lsn(buffer, at) - buffer)};
}

row_op row_op_of(message_tag tag) {
  if (tag == message_tag::insert) return row_op::insert;
  return tag == message_tag::update ? row_op::update : row_op::remove;
}

}  // namespace

row_changes::row_changes(settings with) : buffer_(std::move(with.spill_folder), with.spill) {}

void row_changes::write_to(json::buffer& out) {
  out_ = &out;
  writer_.write_to(out);
  done_bytes_ = 0;
}

void row_changes::connected(wire::lsn from) {
  replay_.reset();
  buffer_.clear();
  state_.reconnected();
  relations_.reconnected();
  if (open_) unfinished_ = {commit_lsn_, std::max(seq_, written_)};
  inside_ = open_ = skipping_ = false;
  from_ = from;
  if (done_.end < from) done_.end = from;
}

void row_changes::refuse(const decode_error& error, message_tag tag) const {
  const char* name = name_of(tag);
  std::string text = std::string("a pgoutput message (") + (name ? name : "unknown") +
                     ") can't be decoded: " + std::string(to_string(error.code)) + " at offset " +
                     std::to_string(error.offset) + " (" + error.field + ")";
  if (inside_) text += ", in the transaction that commits at " + to_string(commit_lsn_);
  throw failure{failure_kind::refused, "TW-PG-DECODE", text,
                "what came before it is safe; keep a --capture of it for a report"};
}

bool row_changes::take(byte_view message) {
  if (!message.empty() && state_.where() == stream_state::place::transaction) [[likely]] {
    auto tag = static_cast<message_tag>(message[0]);
    if (is_row(tag)) return row(tag, message.subspan(1), false);
  }
  return take_other(message);
}

bool row_changes::take_other(byte_view message) {
  if (message.empty()) refuse({decode_errc::truncated, 0, "message tag"}, message_tag::begin);
  auto tag = static_cast<message_tag>(message[0]);
  if (state_.takes_frame(tag)) return frame({tag, message.subspan(1)});
  auto split = split_message(message);
  if (!split) [[unlikely]]
    refuse(split.error(), static_cast<message_tag>(message[0]));
  auto stands = state_.accept(*split);
  if (!stands) [[unlikely]]
    refuse(stands.error(), split->tag);
  switch (split->tag) {
    case message_tag::insert:
    case message_tag::update:
    case message_tag::remove:
    case message_tag::truncate:
    case message_tag::logical:
    case message_tag::relation:
    case message_tag::type:
    case message_tag::origin:
      if (stands->xid != 0) {
        buffer_.add(stands->xid, message);
        return true;
      }
      apply(*split, false);
      return true;
    default: return control(*split);
  }
}

/// A begin or a commit.
bool row_changes::frame(const message_view& message) {
  message_tag tag = message.tag;
  if (tag == message_tag::begin) {
    auto m = checked(decode_begin(message.body), tag);
    return begin(m.final_lsn, m.commit_time_us, m.xid);
  }
  auto m = checked(decode_commit(message.body), tag);
  end_transaction({"commit", m.end_lsn, {}});
  return true;
}

/// What begins and ends transactions that are streamed or prepared.
bool row_changes::control(const message_view& message) {
  message_tag tag = message.tag;
  switch (tag) {
    case message_tag::begin_prepare: {
      auto m = checked(decode_begin_prepare(message.body), tag);
      return begin(m.prepare_lsn, m.prepare_time_us, m.xid, m.gid);
    }
    case message_tag::prepare: {
      auto m = checked(decode_prepare(message.body), tag);
      end_transaction({"prepare", m.end_lsn, m.gid});
      return true;
    }
    case message_tag::commit_prepared: {
      auto m = checked(decode_commit_prepared(message.body), tag);
      return prepared_outcome("commit_prepared", m.commit_lsn, m.end_lsn, m.commit_time_us, m.xid, m.gid);
    }
    case message_tag::rollback_prepared: {
      auto m = checked(decode_rollback_prepared(message.body), tag);
      // Where the record starts is not told: its end stands for it.
      return prepared_outcome("rollback_prepared", m.rollback_end_lsn, m.rollback_end_lsn, m.rollback_time_us,
                              m.xid, m.gid);
    }
    case message_tag::stream_start:
      buffer_.start(checked(decode_stream_start(message.body), tag).xid);
      return true;
    case message_tag::stream_stop: checked(decode_stream_stop(message.body), tag); return true;
    case message_tag::stream_abort: {
      auto m = checked(decode_stream_abort(message.body), tag);
      buffer_.abort(m.xid, m.subxid);
      return true;
    }
    case message_tag::stream_commit: {
      auto m = checked(decode_stream_commit(message.body), tag);
      return start_replay(m.xid, m.commit_lsn, m.commit_time_us, {"commit", m.end_lsn, {}});
    }
    case message_tag::stream_prepare: {
      auto m = checked(decode_stream_prepare(message.body), tag);
      return start_replay(m.xid, m.prepare_lsn, m.prepare_time_us, {"prepare", m.end_lsn, m.gid});
    }
    default: refuse({decode_errc::unknown_tag, 0, "message tag"}, tag);
  }
}

void row_changes::apply(const message_view& message, bool streamed) {
  message_tag tag = message.tag;
  switch (tag) {
    case message_tag::insert:
    case message_tag::update:
    case message_tag::remove: row(tag, message.body, streamed); return;
    case message_tag::relation:
      checked(relations_.announce(checked(decode_relation(message.body, streamed), tag)), tag);
      return;
    case message_tag::type:
      checked(types_.announce(checked(decode_type(message.body, streamed), tag)), tag);
      return;
    case message_tag::origin: return origin(message);
    case message_tag::truncate: return truncate(message, streamed);
    case message_tag::logical: return logical(message, streamed);
    default: refuse({decode_errc::bad_state, 0, "message tag"}, tag);
  }
}

/// Counts a change. False if it is in the lines already.
bool row_changes::next_change() {
  if (skipping_) return false;
  if (++seq_ <= written_) return false;
  if (!open_) [[unlikely]]
    open_lines();
  return true;
}

[[gnu::always_inline]] inline void row_changes::change(row_op op, const row_view& row,
                                                       const message_view& message, bool streamed) {
  const relation& of = *checked(relations_.find(row, streamed), message.tag);
  if (!next_change()) return;
  const table_plan& plan = plan_of(of);
  std::span<value> after(new_values_.data(), row.new_count);
  std::span<value> before(old_values_.data(), row.old_count);
  std::size_t bytes = message.body.size();
  old_row old = old_row::none;
  if (row.old == old_tuple::key) {
    mark_absent(before, of);
    old = old_row::key;
  } else if (row.old == old_tuple::full) {
    fill_unchanged(after, before);
    bytes *= 2;  // what was filled in is written twice
    old = old_row::full;
  }
  if (row.binary) [[unlikely]]
    bytes += render(after, of, new_text_, message.tag) + render(before, of, old_text_, message.tag);
  writer_.row(op, plan, seq_, old, before, after, bytes);
}

/// How many bytes the values take then.
std::size_t row_changes::render(std::span<value> values, const relation& of, binary_row& into,
                                message_tag tag) {
  auto done = into.render(values, of, known_);
  if (!done) refuse({done.error().code, done.error().offset, "binary value"}, tag);
  if (into.left_type() != 0) without_text(into.left_type(), of);
  return into.bytes();
}

void row_changes::without_text(std::uint32_t type, const relation& of) {
  known_types::remedy helps = known_.remedy_for(type);
  if (helps == known_types::remedy::none) return;
  --seq_;  // this change has not been written
  std::string what =
      of.schema + "." + of.name + " has a column of a type (oid " + std::to_string(type) + ") that ";
  if (helps == known_types::remedy::new_look)
    throw failure{failure_kind::transient, "TW-PG-NEW-TYPE", what + "was made after this stream began",
                  "the catalogue is read again over a new connection"};
  throw failure{failure_kind::transient, "TW-PG-BINARY-TYPE",
                what + "only the server can turn from binary form into text",
                "all values are asked for in text from now on; leave --binary out"};
}

[[gnu::noinline]] bool row_changes::row(message_tag tag, byte_view body, bool streamed) {
  row_view row;
  if (!decode_row(tag, body, streamed, room_, row)) [[unlikely]]
    refuse(row_error(tag, body, streamed, room_), tag);
  change(row_op_of(tag), row, {tag, body}, streamed);
  return true;
}

const table_plan& row_changes::plan_of(const relation& of) {
  if (of.index < plans_.size() && plans_[of.index]->version == of.version) [[likely]]
    return plans_[of.index]->plan;
  return new_plan(of);
}

const table_plan& row_changes::new_plan(const relation& of) {
  while (of.index >= plans_.size()) plans_.push_back(std::make_unique<planned>());
  planned& made = *plans_[of.index];
  made.described = std::make_unique<table>(table_of(of, types_));
  check_names(*made.described);
  made.plan = table_plan(*made.described);
  made.version = of.version;
  writer_.schema(*made.described);
  return made.plan;
}

bool row_changes::begin(wire::lsn commit, std::int64_t time_us, std::uint32_t xid, std::string_view gid) {
  if (limit_.valid() && commit >= limit_) return false;
  inside_ = true;
  commit_lsn_ = commit;
  time_us_ = unix_us(time_us);
  xid_ = xid;
  gid_.clear();
  if (!gid.empty()) gid_ = gid;
  origin_lsn_.reset();
  seq_ = written_ = 0;
  open_ = false;
  skipping_ = commit < from_;
  if (skipping_ || !unfinished_) return true;
  if (unfinished_->commit != commit)
    throw failure{failure_kind::refused, "TW-PG-HISTORY",
                  "the transaction that commits at " + to_string(unfinished_->commit) +
                      " was written in part; after the reconnect the server goes on with the one at " +
                      to_string(commit),
                  "the server's history has changed: find out whether it is the same server, then start anew "
                  "with a new slot and a new position"};
  open_ = true;
  written_ = unfinished_->changes;
  unfinished_.reset();
  char text[wire::lsn_text_size];
  writer_.enter(text_of(commit, text), xid_, time_us_);
  return true;
}

/// A transaction without changes leaves no lines: servers before 15 announce those of other tables too.
void row_changes::open_lines() {
  open_ = true;
  char text[wire::lsn_text_size];
  writer_.begin(text_of(commit_lsn_, text), xid_, time_us_, gid_);
  if (!origin_lsn_) return;
  writer_.origin(origin_name_, text_of(*origin_lsn_, text));
  origin_lsn_.reset();
}

void row_changes::end_transaction(const ending& how) {
  inside_ = false;
  if (skipping_) return reached(how.end);
  // A prepared transaction is announced even without changes: its outcome will be.
  if (!open_ && how.op != "commit") open_lines();
  if (open_) {
    if (seq_ < written_)
      throw failure{failure_kind::refused, "TW-PG-HISTORY",
                    "the transaction that commits at " + to_string(commit_lsn_) + " came again with " +
                        std::to_string(seq_) + " changes; before the reconnect it had at least " +
                        std::to_string(written_),
                    "the server's history has changed: start anew with a new slot and a new position"};
    char text[wire::lsn_text_size];
    writer_.end(how.op, text_of(how.end, text), seq_, how.gid);
    ++done_.transactions;
    done_.changes += seq_;
    open_ = false;
  }
  reached(how.end);
}

void row_changes::reached(wire::lsn end) {
  if (end > done_.end) done_.end = end;
  done_bytes_ = out_->size();
}

bool row_changes::start_replay(std::uint32_t xid, wire::lsn commit, std::int64_t time_us, const ending& how) {
  if (!begin(commit, time_us, xid, how.gid)) return false;
  replay_.emplace(buffer_.replay(xid));
  replay_ending_ = {how.op, how.end, {}};  // its gid is the transaction's
  return true;
}

void row_changes::replay_more() {
  auto batch = replay_->next_batch();
  if (batch.empty()) {
    replay_.reset();
    return end_transaction({replay_ending_.op, replay_ending_.end, gid_});
  }
  for (byte_view message : batch) {
    auto split = split_message(message);
    if (!split) refuse(split.error(), message_tag::begin);
    apply(*split, split->tag != message_tag::origin);
  }
}

bool row_changes::prepared_outcome(const char* op, wire::lsn at, wire::lsn end, std::int64_t time_us,
                                   std::uint32_t xid, std::string_view gid) {
  if (limit_.valid() && at >= limit_) return false;
  if (end > from_ && at >= from_) {
    char at_text[wire::lsn_text_size], end_text[wire::lsn_text_size];
    writer_.enter(text_of(at, at_text), xid, unix_us(time_us));
    writer_.end(op, text_of(end, end_text), 0, gid);
  }
  reached(end);
  return true;
}

void row_changes::origin(const message_view& message) {
  auto m = checked(decode_origin(message.body), message.tag);
  // It comes before the changes, so what was written of an unfinished transaction has it.
  if (skipping_ || seq_ < written_) return;
  if (origin_lsn_) open_lines();
  if (open_) {
    char text[wire::lsn_text_size];
    return writer_.origin(m.name, text_of(m.origin_lsn, text));
  }
  origin_name_ = m.name;
  origin_lsn_ = m.origin_lsn;
}

void row_changes::truncate(const message_view& message, bool streamed) {
  auto m = checked(decode_truncate(message.body, streamed), message.tag);
  std::vector<const relation*> relations;
  for (std::size_t i = 0; i < m.relation_count(); ++i)
    relations.push_back(checked(relations_.find(m.relation(i), streamed), message.tag));
  if (!next_change()) return;
  std::vector<const table*> tables;
  for (const relation* each : relations) {
    plan_of(*each);
    tables.push_back(plans_[each->index]->described.get());
  }
  writer_.truncate(seq_, tables, m.cascade(), m.restart_identity());
}

void row_changes::logical(const message_view& message, bool streamed) {
  auto m = checked(decode_logical_message(message.body, streamed), message.tag);
  if (m.transactional()) {
    if (next_change()) writer_.message(seq_, m.prefix, as_text(m.content));
    return;
  }
  if (m.lsn < from_) return;
  char text[wire::lsn_text_size];
  writer_.lone_message(text_of(m.lsn, text), m.prefix, as_text(m.content));
  // Nothing that starts at or before it is still to come.
  if (!inside_) reached(wire::lsn{m.lsn.value + 1});
}

}  // namespace tidewire::pgoutput
