// Decodes every message of a capture the way the program does, and looks at every column.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "bench/decode/tally.hpp"
#include "pgoutput/capture.hpp"
#include "pgoutput/message.hpp"
#include "pgoutput/relation.hpp"
#include "pgoutput/stream_state.hpp"

namespace tidewire::bench {

inline constexpr std::size_t xlog_data_header_bytes = 25;  // 'w', start, end, time

[[gnu::cold, noreturn]] inline void give_up(const decode_error& error) {
  std::fprintf(stderr, "%s at byte %zu of a message: %s\n", std::string(to_string(error.code)).c_str(),
               error.offset, error.field);
  std::exit(1);
}

template <class T>
T checked(decoded<T> result) {
  if (!result) [[unlikely]]
    give_up(result.error());
  return std::move(*result);
}

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
      message(checked(pgoutput::split_message(record->subspan(xlog_data_header_bytes))));
    }
  }

 protected:
  void message(const pgoutput::message_view& message) {
    using tag = pgoutput::message_tag;
    ++seen_.messages;
    bool streamed = checked(state_.accept(message)).streamed;
    switch (message.tag) {
      case tag::insert:
        return row(message.tag, checked(pgoutput::decode_insert(message.body, streamed, new_values_)),
                   streamed);
      case tag::update:
        return row(message.tag,
                   checked(pgoutput::decode_update(message.body, streamed, new_values_, old_values_)),
                   streamed);
      case tag::remove:
        return row(message.tag, checked(pgoutput::decode_delete(message.body, streamed, old_values_)),
                   streamed);
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

  void row(pgoutput::message_tag tag, const pgoutput::row_view& row, bool streamed) {
    const pgoutput::relation& of = *checked(relations_.find(row, streamed));
    ++seen_.rows;
    derived().row(tag, row, of);
  }

  Derived& derived() { return static_cast<Derived&>(*this); }

  tally seen_;
  pgoutput::stream_state state_;
  pgoutput::relation_cache relations_;
  std::vector<value> new_values_ = std::vector<value>(pgoutput::max_columns);
  std::vector<value> old_values_ = std::vector<value>(pgoutput::max_columns);
};

class value_counter : public row_reader<value_counter> {
 public:
  explicit value_counter(byte_view file) : file_(file.data()) { read(file); }
  const tally& seen() const { return seen_; }

 private:
  friend class row_reader<value_counter>;

  void row(pgoutput::message_tag, const pgoutput::row_view& row, const pgoutput::relation&) {
    count({old_values_.data(), row.old_count});
    count({new_values_.data(), row.new_count});
  }
  void relation(const pgoutput::relation_cache::announced&) {}
  void begin(const pgoutput::begin_message&) {}
  void commit(const pgoutput::commit_message&) {}

  void count(std::span<const value> values) {
    for (const value& each : values) {
      if (each.kind == value_kind::text || each.kind == value_kind::binary)
        seen_.value(reinterpret_cast<const std::uint8_t*>(each.data), each.size, file_);
      else
        ++seen_.missing;
    }
  }

  const std::uint8_t* file_;
};

[[gnu::noinline]] inline tally decode_pass(byte_view file) {
  return value_counter(file).seen();
}

}  // namespace tidewire::bench
