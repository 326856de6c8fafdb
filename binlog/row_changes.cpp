#include "binlog/row_changes.hpp"

#include "binlog/file_events.hpp"
#include "binlog/number.hpp"
#include "binlog/xa_statement.hpp"
#include "core/json_text.hpp"

namespace tidewire::binlog {

namespace {

constexpr std::size_t max_place_name_bytes = 255;

void append_number(std::string& out, std::uint64_t number) {
  char text[integer_text_size];
  out.append(text, put_unsigned(text, number));
}

}  // namespace

std::string transaction_name::text() const {
  std::string out;
  append_to(out);
  return out;
}

void transaction_name::append_to(std::string& out) const {
  if (has_gtid) {
    char uuid[uuid_text_size];
    out.append(uuid, put_uuid(uuid, id.uuid.bytes.data()));
    if (!id.tag.empty()) out.append(":").append(id.tag.text());
    out += ':';
    append_number(out, static_cast<std::uint64_t>(id.number));
  } else if (has_mariadb_gtid) {
    char text[mariadb_gtid_text_size];
    out.append(text, put_mariadb_gtid(text, mariadb_id));
  }
}

bool transaction_name::same(const transaction_name& other) const {
  if (has_gtid != other.has_gtid || has_mariadb_gtid != other.has_mariadb_gtid) return false;
  if (has_gtid) return id == other.id;
  if (has_mariadb_gtid) return mariadb_id == other.mariadb_id;
  return file == other.file && offset == other.offset;
}

std::string mark_of(const transaction_name& name, position_kind kind) {
  switch (kind) {
    case position_kind::gtid_set: return "gtid:" + name.text();
    case position_kind::domains: return "domains:" + name.text();
    case position_kind::file: break;
  }
  if (name.offset == transaction_name::no_offset)
    throw failure{failure_kind::refused, "TW-MY-DECODE", "the server does not tell where a statement lies",
                  ""};
  return "file:" + name.file + ":" + std::to_string(name.offset + 1);
}

row_changes::row_changes(settings with)
    : with_(std::move(with)),
      decompressor_(with_.event_bytes),
      payload_(with_.payload),
      held_(with_.spill_folder, with_.held_memory_bytes, with_.spill_bytes) {}

void row_changes::write_to(json::buffer& out) {
  out_ = &out;
  writer_.write_to(out);
  done_bytes_ = 0;
  ++batch_;
}

void row_changes::file(std::string_view name) {
  if (name.size() > max_place_name_bytes || !json::is_utf8(name))
    throw failure{failure_kind::refused, "TW-MY-DECODE",
                  "a binlog file's name of " + std::to_string(name.size()) + " bytes, or not in UTF-8", ""};
  file_ = name;
  file_json_ = json::quoted(name);
  file_json_.pop_back();
}

void row_changes::reconnected() {
  replay_.reset();
  payload_open_ = in_payload_ = false;
  if (!holding_.empty()) held_.drop(holding_);
  holding_.clear();
  completes_.clear();
  tables_.clear();
  from_history_ = nullptr;
  if (open_) unfinished_ = {name_, std::max(seq_, written_)};
  open_ = false;
  state_ = state::between;
}

std::string row_changes::where() const {
  const char* name = binlog::name_of(type_);
  std::string text = name ? name : "an event";
  if (place_.known) text += " at " + file_ + ":" + std::to_string(place_.begin);
  std::string id = state_ == state::between ? "" : name_.text();
  if (!id.empty()) text += ", transaction " + id;
  return text;
}

void row_changes::refuse(const decode_error& error) const {
  throw failure{failure_kind::refused, "TW-MY-DECODE",
                where() + " can't be decoded: " + std::string(to_string(error.code)) + " at offset " +
                    std::to_string(error.offset) + " (" + (error.field ? error.field : "") + ")",
                "what came before it is safe; keep the binlog file for a report"};
}

void row_changes::warn(const char* code, const std::string& text) const {
  if (with_.on_warning) with_.on_warning(code, text);
}

void row_changes::take(const event_view& event, const format_description& format, const event_place& place) {
  place_ = place;
  type_ = event.header.type;
  if (type_ == event_type::format_description) [[unlikely]] {
    format_ = format;
    if (!event.artificial()) restarted();
    tables_.clear();
    return;
  }
  if (type_ == event_type::transaction_payload) {
    if (state_ == state::between) refuse({decode_errc::bad_state, 4, binlog::name_of(type_)});
    checked(payload_.begin(checked(decode_transaction_payload(event))));
    payload_open_ = true;
    return;
  }
  one(event);
}

void row_changes::replay_more(std::size_t lines_bytes) {
  while (out_->size() < lines_bytes) {
    std::optional<event_view> event;
    if (replay_) {
      event = replay_->next();
      if (!event) {
        replay_.reset();
        tables_.end_statement();
        forget_prepared(replaying_);
        return commit();
      }
      type_ = event->header.type;
      plain(*event);
      continue;
    }
    event = checked(payload_.next());
    if (!event) {
      payload_open_ = false;
      return;
    }
    type_ = event->header.type;
    in_payload_ = true;
    one(*event);
    in_payload_ = false;
    if (replay_) return;
  }
}

void row_changes::one(const event_view& event) {
  if (is_compressed(event.header.type)) {
    event_view inflated = checked(decompressor_.decompress(event, format_));
    return plain(inflated);
  }
  plain(event);
}

void row_changes::plain(const event_view& event) {
  event_type type = event.header.type;
  if (is_rows(type)) {
    if (state_ != state::inside) refuse({decode_errc::bad_state, 4, "rows outside a transaction"});
    if (holding_.empty()) return rows(event);
    return held_.add(event);
  }
  switch (type) {
    case event_type::table_map:
      if (!holding_.empty()) return held_.add(event);
      checked(tables_.add(event, format_));
      return;
    case event_type::gtid:
    case event_type::gtid_tagged:
    case event_type::anonymous_gtid: return mysql_gtid(event);
    case event_type::mariadb_gtid: return mariadb_gtid_event(event);
    case event_type::query: return query(event);
    case event_type::xid:
      checked(decode_xid(event));
      if (state_ != state::inside) refuse({decode_errc::bad_state, 4, "commit outside a transaction"});
      return commit();
    case event_type::xa_prepare: {
      xa_prepare_view m = checked(decode_xa_prepare(event));
      std::string id = xa_text(m.id);
      if (state_ != state::inside || holding_ != id) refuse({decode_errc::bad_state, 4, "XA prepare"});
      if (!m.one_phase) return prepared(id);
      holding_.clear();
      held_.end();
      return replay(id);
    }
    case event_type::incident: {
      incident_view m = checked(decode_incident(event));
      throw failure{
          failure_kind::refused, "TW-MY-INCIDENT",
          where() + ": the server lost changes before this place: " + std::string(m.message),
          "what is missing can't be read from the binlog: compare the data and start anew behind it"};
    }
    case event_type::execute_load_query:
      throw failure{failure_kind::refused, "TW-MY-STATEMENT",
                    where() + ": LOAD DATA was logged as a statement: the rows are not in the binlog",
                    "set binlog_format=ROW on the source, for all its sessions"};
    default:
      // Rotate, Stop and heartbeats concern whoever reads; the others carry no changes. Codes that nobody
      // knows have been refused by the framer unless they may be passed over.
      return;
  }
}

/// A server that began a new file without ending a transaction has died in it, and rolled it back.
void row_changes::restarted() {
  if (state_ == state::between) return;
  bool inside = state_ == state::inside;
  if (!holding_.empty()) held_.drop(holding_);
  holding_.clear();
  if (inside)
    warn("TW-MY-CUT", "the server stopped in the middle of the transaction that begins at " + name_.file +
                          ":" + std::to_string(name_.offset) + " and rolled it back");
  rolled_back();
}

void row_changes::announce(transaction_name name, std::int64_t unix_us) {
  if (state_ != state::between) refuse({decode_errc::bad_state, 4, "transaction inside a transaction"});
  name.file = file_;
  name.offset = place_.known ? place_.begin : transaction_name::no_offset;
  name_ = std::move(name);
  time_us_ = unix_us;
  state_ = state::announced;
  standalone_ = false;
  completes_.clear();
  open_ = false;
  seq_ = written_ = 0;
  savepoints_.clear();
  if (!unfinished_) return;
  if (!unfinished_->name.same(name_))
    throw failure{
        failure_kind::refused, "TW-MY-HISTORY",
        "the transaction " + unfinished_->name.text() + " that begins at " + unfinished_->name.file +
            " was written in part; after the reconnect the server goes on with " + name_.text(),
        "the server's history has changed: find out whether it is the same server, then start anew"};
  open_ = true;
  written_ = unfinished_->changes;
  unfinished_.reset();
  writer_.enter_fields(fields(), time_us_);
}

void row_changes::mysql_gtid(const event_view& event) {
  gtid_event m = checked(decode_gtid(event));
  transaction_name name;
  name.has_gtid = !m.anonymous;
  name.id = m.id;
  announce(std::move(name), m.has_commit_time ? static_cast<std::int64_t>(m.immediate_commit_us)
                                              : std::int64_t{event.header.timestamp} * 1'000'000);
}

void row_changes::mariadb_gtid_event(const event_view& event) {
  mariadb_gtid_view m = checked(decode_mariadb_gtid(event));
  transaction_name name;
  name.has_mariadb_gtid = true;
  name.mariadb_id = m.id;
  announce(std::move(name), std::int64_t{event.header.timestamp} * 1'000'000);
  standalone_ = m.standalone();
  if (m.flags & mariadb_gtid_flag::completed_xa) {
    completes_ = xa_text(m.xa);
    return;
  }
  if (standalone_) return;
  state_ = state::inside;
  if (m.flags & mariadb_gtid_flag::prepared_xa) {
    hold(xa_text(m.xa));
  }
}

/// BEGIN, or XA START.
void row_changes::begin(const event_view& event) {
  if (state_ == state::inside) refuse({decode_errc::bad_state, 4, "transaction inside a transaction"});
  if (state_ == state::between) announce({}, std::int64_t{event.header.timestamp} * 1'000'000);
  state_ = state::inside;
}

/// Valid until the next fields() or end_fields().
std::string_view row_changes::fields() {
  fields_.clear();
  if (name_.has_gtid || name_.has_mariadb_gtid) {
    fields_ += R"("gtid":")";
    name_.append_to(fields_);
    fields_ += '"';
  }
  bool placed = name_.offset != transaction_name::no_offset;
  if (!placed && !fields_.empty()) return fields_;
  if (!fields_.empty()) fields_ += ',';
  fields_.append(R"("pos":)").append(file_json_);
  if (placed) append_number(fields_ += ':', name_.offset);
  fields_ += '"';
  return fields_;
}

/// As fields().
std::string_view row_changes::end_fields() {
  fields_.clear();
  if (!place_.known) return fields_;
  fields_.append(R"("end_pos":)").append(file_json_) += ':';
  append_number(fields_, place_.end);
  fields_ += '"';
  return fields_;
}

/// A transaction without changes leaves no lines.
void row_changes::open_lines() {
  open_ = true;
  open_bytes_ = out_->size();
  open_batch_ = batch_;
  writer_.begin_fields(fields(), time_us_);
}

/// Counts a change. False if it is in the lines already.
bool row_changes::next_change() {
  if (++seq_ <= written_) return false;
  if (!open_) [[unlikely]]
    open_lines();
  return true;
}

void row_changes::commit(const char* op) {
  if (!holding_.empty()) refuse({decode_errc::bad_state, 4, "commit without XA PREPARE"});
  if (open_) {
    if (seq_ < written_)
      throw failure{failure_kind::refused, "TW-MY-HISTORY",
                    "the transaction " + name_.text() + " came again with " + std::to_string(seq_) +
                        " changes; before the reconnect it had at least " + std::to_string(written_),
                    "the server's history has changed: start anew"};
    writer_.end_fields(op, end_fields(), seq_);
    ++done_.transactions;
    done_.changes += seq_;
  }
  ended();
}

void row_changes::ended() {
  open_ = false;
  state_ = state::between;
  done_bytes_ = out_->size();
  ++done_.ended;
  done_.file = file_;
  if (place_.known) done_.offset = place_.end;
  if (!with_.track_gtids) return;
  if (name_.has_gtid) done_.executed.add(name_.id);
  if (name_.has_mariadb_gtid) done_.domains.set(name_.mariadb_id);
}

/// Descriptions of tables that are taken back too are written again.
void row_changes::take_back(std::size_t bytes) {
  out_->truncate(bytes);
  newest_.clear();
  last_plan_ = nullptr;
}

/// What was written of the transaction does not count.
void row_changes::rolled_back() {
  if (open_ && open_batch_ == batch_ && written_ == 0) {
    take_back(open_bytes_);
  } else if (open_) {
    // Some of it is on its way already: the reader is told.
    writer_.end_fields("rollback", end_fields(), 0);
  }
  ended();
}

}  // namespace tidewire::binlog
