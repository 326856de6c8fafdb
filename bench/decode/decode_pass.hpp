// Decodes every message of a capture the way the program does, and looks at every column.
#pragma once

#include <vector>

#include "bench/measure.hpp"
#include "pgoutput/capture.hpp"
#include "pgoutput/message.hpp"
#include "pgoutput/relation.hpp"
#include "pgoutput/stream_state.hpp"

namespace tidewire::bench {

inline constexpr std::size_t xlog_data_header_bytes = 25;  // 'w', start, end, time

/// Decodes a capture. What is done with it is the derived class's: relation(), begin(), commit(), and row()
/// with the values in new_values_ and old_values_.
template <class Derived>
class row_reader {
 public:
  void read(byte_view file) {
    pgoutput::capture_reader records(file);
    while (auto record = checked(records.next())) {
      if ((*record)[0] != 'w') {
        seen_.keepalives += (*record)[0] == 'k';
        continue;
      }
      if (record->size() <= xlog_data_header_bytes)
        give_up({decode_errc::truncated, record->size(), "WAL data"});
      message(record->subspan(xlog_data_header_bytes));
    }
  }

 protected:
  [[gnu::always_inline]] void message(byte_view message) {
    ++seen_.messages;
    auto tag = static_cast<pgoutput::message_tag>(message[0]);
    if (is_row(tag) && state_.takes_rows()) [[likely]]
      return row(tag, message.subspan(1));
    other(message);
  }

  [[gnu::always_inline]] void row(pgoutput::message_tag tag, byte_view body) {
    bool streamed = state_.in_block();
    if (!pgoutput::decode_row(tag, body, streamed, room_, row_)) [[unlikely]]
      give_up(pgoutput::row_error(tag, body, streamed, room_));
    const pgoutput::relation& of = *checked(relations_.find(row_, streamed));
    ++seen_.rows;
    derived().row(row_, of);
  }

  [[gnu::noinline]] void other(byte_view bytes) {
    using tag = pgoutput::message_tag;
    auto split = pgoutput::split_message(bytes);
    if (!split) give_up(split.error());
    const pgoutput::message_view& message = *split;
    bool streamed = checked(state_.accept(message)).streamed;
    switch (message.tag) {
      case tag::insert:
      case tag::update:
      case tag::remove: return;  // not here
      case tag::relation: {
        auto announced =
            checked(relations_.announce(checked(pgoutput::decode_relation(message.body, streamed))));
        return derived().relation(announced);
      }
      case tag::begin: return derived().begin(checked(pgoutput::decode_begin(message.body)));
      case tag::commit: return derived().commit(checked(pgoutput::decode_commit(message.body)));
      case tag::type: checked(pgoutput::decode_type(message.body, streamed)); return;
      case tag::origin: checked(pgoutput::decode_origin(message.body)); return;
      case tag::truncate: checked(pgoutput::decode_truncate(message.body, streamed)); return;
      case tag::stream_stop: checked(pgoutput::decode_stream_stop(message.body)); return;
      case tag::begin_prepare: checked(pgoutput::decode_begin_prepare(message.body)); return;
      case tag::prepare: checked(pgoutput::decode_prepare(message.body)); return;
      case tag::commit_prepared: checked(pgoutput::decode_commit_prepared(message.body)); return;
      case tag::rollback_prepared: checked(pgoutput::decode_rollback_prepared(message.body)); return;
      case tag::logical:
      case tag::stream_start:
      case tag::stream_commit:
      case tag::stream_abort:
      case tag::stream_prepare: return;  // stream_state has decoded them
    }
  }

  Derived& derived() { return static_cast<Derived&>(*this); }

  tally seen_;
  pgoutput::stream_state state_;
  pgoutput::relation_cache relations_;
  std::vector<value> new_values_ = std::vector<value>(pgoutput::max_columns);
  std::vector<value> old_values_ = std::vector<value>(pgoutput::max_columns);
  pgoutput::row_room room_{new_values_, old_values_};
  pgoutput::row_view row_;
};

class value_counter : public row_reader<value_counter> {
 public:
  explicit value_counter(byte_view file) : file_(file.data()) { read(file); }
  const tally& seen() const { return seen_; }

 private:
  friend class row_reader<value_counter>;

  void row(const pgoutput::row_view& row, const pgoutput::relation&) {
    if (row.old != pgoutput::old_tuple::none) count({old_values_.data(), row.old_count});
    count({new_values_.data(), row.new_count});
  }
  void relation(const pgoutput::relation_cache::announced&) {}
  void begin(const pgoutput::begin_message&) {}
  void commit(const pgoutput::commit_message&) {}

  void count(std::span<const value> values) {
    std::uint64_t missing = 0, bytes = 0, places = 0;
    for (const value& each : values) {
      if (each.has_bytes()) {
        bytes += each.size;
        places += reinterpret_cast<std::uintptr_t>(each.data);
      } else {
        ++missing;
      }
    }
    std::uint64_t present = values.size() - missing;
    seen_.values += present;
    seen_.missing += missing;
    seen_.value_bytes += bytes;
    seen_.places += places - present * reinterpret_cast<std::uintptr_t>(file_);
  }

  const std::uint8_t* file_;
};

[[gnu::noinline]] inline tally decode_pass(byte_view file) {
  return value_counter(file).seen();
}

}  // namespace tidewire::bench
