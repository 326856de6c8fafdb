// From the events of a binlog to lines: one transaction at a time, each change with its table's plan, what
// was prepared only once it is committed, nothing twice after a reconnect.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "binlog/compressed_event.hpp"
#include "binlog/gtid_event.hpp"
#include "binlog/gtid_set.hpp"
#include "binlog/held_transactions.hpp"
#include "binlog/mariadb_gtid_position.hpp"
#include "binlog/position.hpp"
#include "binlog/query.hpp"
#include "binlog/query_kind.hpp"
#include "binlog/row_images.hpp"
#include "binlog/row_text.hpp"
#include "binlog/table_cache.hpp"
#include "binlog/transaction_payload.hpp"
#include "core/envelope.hpp"
#include "core/failure.hpp"

namespace tidewire::binlog {

class schema_book;
class schema_history;

/// Where an event lies. `known` is false where the server does not tell (events that it passed over).
struct event_place {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool known = true;
};

/// What a transaction is called. One without an id is known by its place.
struct transaction_name {
  bool has_gtid = false;  // MySQL's
  bool has_mariadb_gtid = false;
  gtid id;
  mariadb_gtid mariadb_id;
  std::string file;
  std::uint64_t offset = 0;  // of its first event; no_offset where that is not known

  static constexpr std::uint64_t no_offset = ~std::uint64_t{0};
  std::string text() const;  // of the id; empty without one
  void append_to(std::string& out) const;
  /// The same transaction, perhaps read from another server.
  bool same(const transaction_name& other) const;
};

/// For schema_history.
std::string mark_of(const transaction_name& name, position_kind kind);

/// Thrown where rows come of a table that the binlog gives no names and of which the history knows nothing.
/// After reconnected() the transaction may come again. Without a table: it is a good moment to learn of those
/// that statements have changed.
struct schema_wanted {
  std::string schema;
  std::string table;
  std::string mark;  // of the transaction
};

/// What is behind us; what a stream resumes from is made of it.
struct change_progress {
  gtid_set executed;              // MySQL, whole transactions only
  mariadb_gtid_position domains;  // MariaDB
  std::string file;
  std::uint64_t offset = 0;  // where the last transaction ended
  /// Counts the moves: transactions of any kind, also without changes and prepared ones.
  std::uint64_t ended = 0;
  std::uint64_t transactions = 0;  // that have changes
  std::uint64_t changes = 0;
};

class row_changes {
 public:
  struct settings {
    std::string spill_folder = "/tmp";
    std::size_t held_memory_bytes = std::size_t{16} << 20;
    std::uint64_t spill_bytes = 0;
    payload_reader::limits payload{};
    std::uint32_t event_bytes = max_event_bytes;  // of a decompressed event
    /// Statements that change rows and were logged as text: written as they are, instead of refused.
    bool write_statements = false;
    /// An XA transaction is committed whose rows did not come: they are lost. Else that is a warning.
    bool refuse_unknown_xa = false;
    /// Usual rows go into the lines without a text of their values in between: the same lines, sooner.
    bool straight = true;
    /// Ids of transactions are kept in progress(); decoding files needs none.
    bool track_gtids = false;
    const schema_book* schemas = nullptr;
    /// Instead of it: for tables without names; see schema_wanted.
    schema_history* history = nullptr;
    /// It has changed(): called before anything behind the statement is handed on.
    std::function<void()> on_schema_change;
    /// What a person should know although it goes on.
    std::function<void(const std::string& code, const std::string& text)> on_warning;
  };

  explicit row_changes(settings with);

  /// From here on; settings::history.
  void follow_schemas(schema_history* in, std::function<void()> on_change) {
    with_.history = in;
    with_.on_schema_change = std::move(on_change);
  }

  bool wants_schemas() const;

  /// The buffer that the next lines go to; there is none at first.
  void write_to(json::buffer& out);

  /// The events that follow are in this file. Names of more than 255 bytes are refused.
  void file(std::string_view name);
  const std::string& file() const { return file_; }

  /// The connection was lost: what was written of an unfinished transaction comes again and is passed over.
  void reconnected();

  /// One event of a framer, with event_padding readable bytes behind it, in order. Not while replaying().
  /// Throws failures: TW-MY-DECODE, -STATEMENT, -INCIDENT, -SAVEPOINT, -SCHEMA, -COLUMN-NAME, -HISTORY
  /// (refused).
  void take(const event_view& event, const format_description& format, const event_place& place);

  /// Events that came as one (a payload, a prepared transaction) are on their way out: replay_more() until
  /// this is false. The event that was taken last must live as long.
  bool replaying() const { return payload_open_ || replay_; }
  /// Until there are `lines_bytes` in the buffer.
  void replay_more(std::size_t lines_bytes);

  bool between_transactions() const { return state_ == state::between && !replaying() && !unfinished_; }
  /// In the middle of a transaction, that is: between its first event and its last.
  const transaction_name& current() const { return name_; }
  const change_progress& done() const { return done_; }
  change_progress& done() { return done_; }
  /// How much of the present buffer belongs to transactions that are done.
  std::size_t done_bytes() const { return done_bytes_; }
  /// The number of changes written so far, those of an unfinished transaction included.
  std::uint64_t changes() const { return done_.changes + (open_ ? seq_ : 0); }
  const held_transactions& held() const { return held_; }
  /// The ids of transactions that are prepared; their outcome is still to come.
  const gtid_set& prepared() const { return prepared_; }
  /// For messages: the event that is being looked at.
  std::string where() const;

 private:
  enum class state : std::uint8_t {
    between,
    announced,  // an id has come, and what follows is one statement or begins a transaction
    inside,
  };
  struct planned {
    table described;
    table_plan plan;
    std::optional<row_images> images;        // for whole rows of usual values
    std::unique_ptr<table_plan> image_plan;  // for old rows that lack columns: all that are there are the key
  };
  struct savepoint {
    std::string name;
    std::uint64_t seq = 0;
    std::size_t bytes = 0;    // of the lines
    std::uint64_t batch = 0;  // in this buffer
  };

  // row_changes.cpp: transactions
  [[noreturn]] void refuse(const decode_error& error) const;
  template <class T>
  T checked(decoded<T> result) const {
    if (!result) [[unlikely]]
      refuse(result.error());
    if constexpr (!std::is_void_v<T>) return std::move(*result);
  }
  void warn(const char* code, const std::string& text) const;
  void one(const event_view& event);
  void plain(const event_view& event);
  void restarted();
  void announce(transaction_name name, std::int64_t unix_us);
  void mysql_gtid(const event_view& event);
  void mariadb_gtid_event(const event_view& event);
  void begin(const event_view& event);
  void commit(const char* op = "commit");
  void rolled_back();
  void take_back(std::size_t bytes);
  void ended();
  void open_lines();
  bool next_change();
  std::string_view fields();
  std::string_view end_fields();

  // row_statements.cpp: what queries do, and XA transactions
  void query(const event_view& event);
  void statement(const query_view& m, query_kind kind, const event_view& event);
  void prepared(const std::string& id);
  void replay(const std::string& id);
  void hold(std::string id);
  void forget_prepared(const std::string& id);
  void xa_outcome(const query_view& m, query_kind kind);
  void set_savepoint(std::string_view sql);
  void roll_back_to(std::string_view sql);
  void truncate(const query_view& m);
  void follow_schema(const query_view& m);

  // row_lines.cpp: rows
  void rows(const event_view& event);
  const table_definition& known_from_history(const table_definition& of);
  planned& plan_of(const table_definition& of);
  void tell_what_is_missing(const table_definition& of);
  bool straight(row_op op, planned& known, const rows_reader& reader, std::size_t row_bytes);
  void fill_unchanged(std::span<const value> before, std::size_t count);

  settings with_;
  format_description format_;
  std::string file_;
  std::string file_json_;  // quoted, without the last quote
  event_place place_;
  event_type type_ = event_type::unknown;

  table_cache tables_;
  event_decompressor decompressor_;
  payload_reader payload_;
  bool payload_open_ = false;
  bool in_payload_ = false;
  held_transactions held_;
  std::optional<held_replay> replay_;
  std::string replaying_;  // its id
  std::string holding_;    // the id whose events are collected; empty: none
  std::string completes_;  // MariaDB: the id whose outcome follows
  gtid_set prepared_;
  std::unordered_map<std::string, transaction_name> prepared_names_;  // by XA id

  std::unordered_map<std::uint64_t, std::shared_ptr<planned>> plans_;  // by table_definition::serial
  std::unordered_map<std::string, std::shared_ptr<planned>> newest_;   // by unique_name
  std::unordered_set<std::string> told_;                               // likewise
  const table_definition* from_history_ = nullptr;                     // the last one
  std::uint64_t last_serial_ = 0;
  planned* last_plan_ = nullptr;
  std::vector<cell> before_cells_, after_cells_;
  row_text before_text_, after_text_;
  std::vector<value> after_values_, before_values_;

  json::buffer none_;
  json::buffer* out_ = &none_;
  envelope_writer writer_{none_};
  std::uint64_t batch_ = 0;  // counts the buffers
  std::size_t done_bytes_ = 0;
  change_progress done_;

  state state_ = state::between;
  bool standalone_ = false;  // MariaDB: the id announced one statement
  bool open_ = false;        // the begin has been written
  std::size_t open_bytes_ = 0;
  std::uint64_t open_batch_ = 0;
  std::uint64_t seq_ = 0;
  std::uint64_t written_ = 0;  // changes of it that an earlier connection has brought
  transaction_name name_;
  std::string fields_;  // the last ones, kept for its memory
  std::int64_t time_us_ = 0;
  std::vector<savepoint> savepoints_;
  struct unfinished {
    transaction_name name;
    std::uint64_t changes;
  };
  std::optional<unfinished> unfinished_;
};

}  // namespace tidewire::binlog
