// Every logical replication message, in and outside a streamed block: what decodes encodes to the same bytes.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "pgoutput/message.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

template <class T>
void sink(const T& value) {
  asm volatile("" ::"g"(&value) : "memory");
}

/// An exact copy on the heap, so that a read beyond its end is seen.
std::vector<std::uint8_t> exact(byte_view of) {
  return {of.begin(), of.end()};
}

template <class T, class Encode>
void round_trip(byte_view message, const decoded<T>& m, Encode encode) {
  sink(m);
  if (!m) {
    require(m.error().code != decode_errc::none && *m.error().field);
    require(m.error().offset <= message.size() - 1);
    return;
  }
  std::vector<std::uint8_t> again;
  encoder out(again);
  encode(out, *m);
  require(out.ok());
  require(std::ranges::equal(again, message));
}

void rows(byte_view message, const message_view& split, bool streamed) {
  static std::vector<value> fresh(max_columns), old(max_columns);
  row_view row;
  bool took = decode_row(split.tag, split.body, streamed, {fresh, old}, row);
  auto careful = detail::decode_row_carefully(split.tag, split.body, streamed, {fresh, old});
  require(took ? careful && row == *careful : !careful);
  auto fresh_of = [&](const row_view& m) { return std::span<const value>(fresh.data(), m.new_count); };
  auto old_of = [&](const row_view& m) { return std::span<const value>(old.data(), m.old_count); };
  if (split.tag == message_tag::insert) {
    round_trip(message, decode_insert(split.body, streamed, fresh),
               [&](encoder& out, const row_view& m) { encode_insert(out, m, fresh_of(m), streamed); });
  } else if (split.tag == message_tag::update) {
    round_trip(
        message, decode_update(split.body, streamed, fresh, old),
        [&](encoder& out, const row_view& m) { encode_update(out, m, fresh_of(m), old_of(m), streamed); });
  } else {
    round_trip(message, decode_delete(split.body, streamed, old),
               [&](encoder& out, const row_view& m) { encode_delete(out, m, old_of(m), streamed); });
  }
}

void schema(byte_view message, const message_view& split, bool streamed) {
  if (split.tag == message_tag::type)
    return round_trip(message, decode_type(split.body, streamed),
                      [&](encoder& out, const type_view& m) { encode_type(out, m, streamed); });
  round_trip(message, decode_relation(split.body, streamed), [&](encoder& out, const relation_view& m) {
    std::vector<column_view> columns;
    column_reader reader(m);
    for (column_view c; reader.next(c);) columns.push_back(c);
    require(columns.size() == m.column_count);
    encode_relation(out, m, columns, streamed);
  });
}

void truncate(byte_view message, const message_view& split, bool streamed) {
  round_trip(message, decode_truncate(split.body, streamed), [&](encoder& out, const truncate_view& m) {
    std::vector<std::uint32_t> oids;
    for (std::size_t i = 0; i < m.relation_count(); ++i) oids.push_back(m.relation(i));
    encode_truncate(out, m, oids, streamed);
  });
}

void one_message(byte_view message, bool streamed) {
  auto split = split_message(message);
  sink(split);
  if (!split) return;
  byte_view body = split->body;
  switch (split->tag) {
    case message_tag::begin: return round_trip(message, decode_begin(body), encode_begin);
    case message_tag::commit: return round_trip(message, decode_commit(body), encode_commit);
    case message_tag::origin: return round_trip(message, decode_origin(body), encode_origin);
    case message_tag::relation:
    case message_tag::type: return schema(message, *split, streamed);
    case message_tag::insert:
    case message_tag::update:
    case message_tag::remove: return rows(message, *split, streamed);
    case message_tag::truncate: return truncate(message, *split, streamed);
    case message_tag::logical:
      return round_trip(
          message, decode_logical_message(body, streamed),
          [&](encoder& out, const logical_message_view& m) { encode_logical_message(out, m, streamed); });
    case message_tag::stream_start:
      return round_trip(message, decode_stream_start(body), encode_stream_start);
    case message_tag::stream_stop: return round_trip(message, decode_stream_stop(body), encode_stream_stop);
    case message_tag::stream_commit:
      return round_trip(message, decode_stream_commit(body), encode_stream_commit);
    case message_tag::stream_abort:
      return round_trip(message, decode_stream_abort(body), encode_stream_abort);
    case message_tag::begin_prepare:
      return round_trip(message, decode_begin_prepare(body), encode_begin_prepare);
    case message_tag::prepare: return round_trip(message, decode_prepare(body), encode_prepare);
    case message_tag::commit_prepared:
      return round_trip(message, decode_commit_prepared(body), encode_commit_prepared);
    case message_tag::rollback_prepared:
      return round_trip(message, decode_rollback_prepared(body), encode_rollback_prepared);
    case message_tag::stream_prepare:
      return round_trip(message, decode_stream_prepare(body), encode_stream_prepare);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> message = exact({data, size});
  one_message(message, false);
  one_message(message, true);
  return 0;
}
