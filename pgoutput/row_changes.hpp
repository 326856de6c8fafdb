// From the messages of a stream to lines: transactions in one piece and in commit order, each change with its
// table's plan, nothing twice after a reconnect.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/envelope.hpp"
#include "core/failure.hpp"
#include "pgoutput/binary_row.hpp"
#include "pgoutput/catalog_types.hpp"
#include "pgoutput/message.hpp"
#include "pgoutput/relation.hpp"
#include "pgoutput/stream_state.hpp"
#include "pgoutput/transaction_buffer.hpp"

namespace tidewire::pgoutput {

/// Where the lines stand. `end` is the position to resume from: every transaction whose commit record starts
/// before it is in the lines, none that starts at or after it.
struct progress_point {
  wire::lsn end;
  std::uint64_t transactions = 0;  // that have changes, since the beginning
  std::uint64_t changes = 0;
};

/// Decodes hostile input: whatever is not right ends in a failure TW-PG-DECODE (refused) that says what,
/// where in which message; what was taken before stays as it is.
class row_changes {
 public:
  struct settings {
    std::string spill_folder = "/tmp";
    transaction_buffer::limits spill{};
  };

  explicit row_changes(settings with);

  /// The buffer that the next lines go to; there is none at first.
  void write_to(json::buffer& out);

  /// A new connection begins, that goes on from `from`: what it sends of transactions before that is passed
  /// over, and so are the changes that were written of an unfinished one.
  void connected(wire::lsn from);

  /// What the catalogue says now, for values in binary form. Of a type that was made since, the first value
  /// throws TW-PG-NEW-TYPE (transient), before it is counted: a new connection should bring a new answer. Of
  /// one that this does not help either, each throws TW-PG-BINARY-TYPE: a new connection should ask for text.
  /// Where no catalogue was ever known, such values stay binary.
  void know_types(catalog_types types) { known_.read(std::move(types)); }

  /// Transactions whose commit record starts at or after this one are not taken: take() gives false.
  void stop_before(wire::lsn limit) { limit_ = limit; }

  /// Between transactions the server says that nothing from before `at` is still to come.
  void idle_at(wire::lsn at) {
    if (!inside_ && at > done_.end) done_.end = at;
  }

  /// One message of the stream, tag first; with core/json.hpp's input_padding readable bytes behind it.
  /// False, and nothing done, for the first message beyond stop_before. Not while replaying().
  bool take(byte_view message);

  /// A streamed transaction has been committed and is on its way out: replay_more() until this is false.
  bool replaying() const { return replay_.has_value(); }
  /// One batch of its messages, of bounded size.
  void replay_more();

  bool between_transactions() const { return !open_ && !inside_; }
  const progress_point& done() const { return done_; }
  /// How much of the present buffer belongs to transactions that are done.
  std::size_t done_bytes() const { return done_bytes_; }
  /// The number of changes written so far, those of an unfinished transaction included.
  std::uint64_t changes() const { return done_.changes + (open_ ? seq_ : 0); }
  /// What streamed transactions hold in memory and on disk.
  const transaction_buffer& waiting() const { return buffer_; }

 private:
  /// One table as it was last rendered.
  struct planned {
    std::uint32_t version = 0;
    std::unique_ptr<table> described;
    table_plan plan;
  };
  struct ending {
    std::string_view op = "commit";
    wire::lsn end;
    std::string_view gid;
  };

  [[noreturn]] void refuse(const decode_error& error, message_tag tag) const;
  template <class T>
  T checked(decoded<T>&& result, message_tag tag) {
    if (!result) [[unlikely]]
      refuse(result.error(), tag);
    return std::move(*result);
  }

  bool take_other(byte_view message);
  bool frame(const message_view& message);
  bool control(const message_view& message);
  void apply(const message_view& message, bool streamed);
  bool row(message_tag tag, byte_view body, bool streamed);
  void change(row_op op, const row_view& row, const message_view& message, bool streamed);
  bool begin(wire::lsn commit, std::int64_t time_us, std::uint32_t xid, std::string_view gid = {});
  void end_transaction(const ending& how);
  bool start_replay(std::uint32_t xid, wire::lsn commit, std::int64_t time_us, const ending& how);
  bool prepared_outcome(const char* op, wire::lsn at, wire::lsn end, std::int64_t time_us, std::uint32_t xid,
                        std::string_view gid);
  bool next_change();
  void open_lines();
  const table_plan& plan_of(const relation& of);
  const table_plan& new_plan(const relation& of);
  void origin(const message_view& message);
  void truncate(const message_view& message, bool streamed);
  void logical(const message_view& message, bool streamed);
  std::size_t render(std::span<value> values, const relation& of, binary_row& into, message_tag tag);
  void without_text(std::uint32_t type, const relation& of);
  void reached(wire::lsn end);

  stream_state state_;
  relation_cache relations_;
  type_names types_;
  transaction_buffer buffer_;
  std::vector<std::unique_ptr<planned>> plans_;  // by relation::index
  std::vector<value> new_values_ = std::vector<value>(max_columns);
  std::vector<value> old_values_ = std::vector<value>(max_columns);
  row_room room_{new_values_, old_values_};
  known_types known_{types_};
  binary_row new_text_, old_text_;  // of values that came in binary form

  json::buffer none_;
  json::buffer* out_ = &none_;
  envelope_writer writer_{none_};
  progress_point done_;
  std::size_t done_bytes_ = 0;
  wire::lsn limit_;

  // The transaction whose messages are coming.
  bool inside_ = false;
  bool skipping_ = false;  // it is in the lines already
  bool open_ = false;      // its begin has been written
  std::uint64_t seq_ = 0;
  std::uint64_t written_ = 0;  // changes of it that an earlier connection has brought
  wire::lsn commit_lsn_;
  std::int64_t time_us_ = 0;
  std::uint32_t xid_ = 0;
  std::string gid_;
  std::string origin_name_;
  std::optional<wire::lsn> origin_lsn_;

  wire::lsn from_;
  struct unfinished {
    wire::lsn commit;
    std::uint64_t changes;
  };
  std::optional<unfinished> unfinished_;  // of an earlier connection, with its begin and some changes written

  std::optional<transaction_replay> replay_;
  ending replay_ending_;
};

}  // namespace tidewire::pgoutput
