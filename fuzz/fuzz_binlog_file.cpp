// The events of a binlog file: read whole and in windows, they are the same; every event is decoded, and what
// has an encoder encodes to the same bytes.
#include <algorithm>

#include "binlog_fuzz.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::fuzzing;

namespace {

template <class T, class Encode>
void round_trip(const event_view& event, const decoded<T>& m, Encode encode) {
  if (!good(m, event.bytes.size())) return;
  std::vector<std::uint8_t> again;
  encoder out(again);
  encode(out, *m);
  require(out.ok() && std::ranges::equal(again, event.body()));
}

/// As round_trip, where one thing can be written in several ways: what is encoded decodes to the same again.
template <class T, class Decode, class Encode>
void stable(const event_view& event, const decoded<T>& m, Decode decode, Encode encode) {
  if (!good(m, event.bytes.size())) return;
  auto written = [&](const T& of) {
    std::vector<std::uint8_t> body;
    encoder out(body);
    encode(out, of);
    require(out.ok());
    return body;
  };
  std::vector<std::uint8_t> once = written(*m), whole;
  event_header header = event.header;
  encode_event(whole, header, once, checksum_algorithm::none);
  auto view = event_view{*decode_event_header(whole), whole};
  auto again = decode(view);
  require(again.has_value() && written(*again) == once);
}

struct state {
  table_cache tables;
  event_decompressor decompressor{std::uint32_t{1} << 22};
  payload_reader payload{{std::uint32_t{1} << 22, std::uint64_t{1} << 22}};
};

void use(state& s, const event_view& event, const format_description& format);

void use_payload(state& s, const event_view& event, const format_description& format) {
  auto payload = decode_transaction_payload(event);
  if (!good(payload, event.bytes.size())) return;
  if (!good(s.payload.begin(*payload), ~std::size_t{0})) return;
  for (int count = 0; count < 100; ++count) {
    auto next = s.payload.next();
    if (!good(next, ~std::size_t{0}) || !*next) return;
    use(s, **next, format);
  }
}

void use(state& s, const event_view& event, const format_description& format) {
  touch(event.bytes);
  std::size_t size = event.bytes.size();
  switch (event.header.type) {
    case event_type::format_description:
      s.tables.clear();
      round_trip(event, decode_format_description(event),
                 [](encoder& out, const format_description& m) { encode_format_description(out, m); });
      break;
    case event_type::rotate:
      round_trip(event, decode_rotate(event),
                 [](encoder& out, const rotate_view& m) { encode_rotate(out, m); });
      break;
    case event_type::stop: good(decode_stop(event), size); break;
    case event_type::query: {
      auto m = decode_query(event, format);
      if (!good(m, size)) break;
      sink(classify_query(m->sql));
      good(decode_status_vars(*m), size);
      if (format.post_header(event_type::query, 13) == 13)
        round_trip(event, m, [](encoder& out, const query_view& q) { encode_query(out, q); });
      break;
    }
    case event_type::xid: good(decode_xid(event), size); break;
    case event_type::xa_prepare: {
      auto m = decode_xa_prepare(event);
      if (!good(m, size)) break;
      char text[xa_text_size];
      touch(std::string_view(text, put_xa_id(text, m->id)));
      stable(event, m, decode_xa_prepare, encode_xa_prepare);
      break;
    }
    case event_type::gtid:
    case event_type::anonymous_gtid: stable(event, decode_gtid(event), decode_gtid, encode_gtid); break;
    case event_type::gtid_tagged: stable(event, decode_gtid(event), decode_gtid, encode_gtid_tagged); break;
    case event_type::previous_gtids: {
      auto set = decode_previous_gtids(event);
      if (!good(set, size)) break;
      std::string text = set->text();
      auto again = gtid_set::parse(text);
      require(again.has_value() && *again == *set);
      break;
    }
    case event_type::mariadb_gtid:
      stable(event, decode_mariadb_gtid(event), decode_mariadb_gtid, encode_mariadb_gtid);
      break;
    case event_type::gtid_list: {
      auto m = decode_gtid_list(event);
      if (!good(m, size)) break;
      std::vector<mariadb_gtid> gtids;
      for (std::size_t i = 0; i < m->count; ++i) gtids.push_back(m->gtid(i));
      auto position = mariadb_gtid_position::behind(*m);
      auto again = mariadb_gtid_position::parse(position.text());
      require(again.has_value() && *again == position);
      break;
    }
    case event_type::binlog_checkpoint:
      round_trip(event, decode_binlog_checkpoint(event),
                 [](encoder& out, const binlog_checkpoint_view& m) { encode_binlog_checkpoint(out, m); });
      break;
    case event_type::incident:
      round_trip(event, decode_incident(event),
                 [](encoder& out, const incident_view& m) { encode_incident(out, m); });
      break;
    case event_type::heartbeat: good(decode_heartbeat(event, format.mariadb()), size); break;
    case event_type::heartbeat_v2:
      stable(event, decode_heartbeat_v2(event), decode_heartbeat_v2, encode_heartbeat_v2);
      break;
    case event_type::intvar:
      round_trip(event, decode_intvar(event),
                 [](encoder& out, const intvar_event& m) { encode_intvar(out, m); });
      break;
    case event_type::rand:
      round_trip(event, decode_rand(event), [](encoder& out, const rand_event& m) { encode_rand(out, m); });
      break;
    case event_type::user_var: stable(event, decode_user_var(event), decode_user_var, encode_user_var); break;
    case event_type::begin_load_query:
    case event_type::append_block:
      round_trip(event, decode_load_block(event),
                 [](encoder& out, const load_block_view& m) { encode_load_block(out, m); });
      break;
    case event_type::delete_file: good(decode_delete_file(event), size); break;
    case event_type::rows_query: good(decode_rows_query(event), size); break;
    case event_type::annotate_rows: good(decode_annotate_rows(event), size); break;
    case event_type::view_change: good(decode_view_change(event), size); break;
    case event_type::transaction_context: good(decode_transaction_context(event), size); break;
    case event_type::table_map: good(s.tables.add(event, format), size); break;
    case event_type::transaction_payload: use_payload(s, event, format); break;
    default:
      if (is_compressed(event.header.type)) {
        auto plain = s.decompressor.decompress(event, format);
        if (good(plain, size)) {
          std::vector<std::uint8_t> kept = exact(plain->bytes);
          use(s, event_view{plain->header, kept}, format);
        }
      } else if (is_rows(event.header.type)) {
        auto rows = decode_rows(event, format);
        if (!good(rows, size)) break;
        if (const table_definition* table = s.tables.find(rows->table_id)) use_rows(event, format, *table);
        if (rows->ends_statement()) s.tables.end_statement();
      }
  }
}

struct reading {
  std::vector<std::uint64_t> offsets;
  std::uint64_t end = 0;
  std::size_t lost = 0;
  decode_error error;
};

reading read_windows(byte_view file, std::size_t step, bool decode) {
  reading result;
  event_framer::options trusting;
  trusting.verify = false;  // a fuzzer can't make checksums
  trusting.event_bytes = std::uint32_t{1} << 24;
  event_reader reader(trusting);
  state s;
  std::size_t end = 0;
  std::vector<std::uint8_t> window;
  for (;;) {
    std::size_t wanted =
        std::max(end + step, static_cast<std::size_t>(reader.offset()) + reader.wanted_bytes());
    end = std::min(wanted, file.size());
    window = exact(file.subspan(reader.offset(), end - reader.offset()));
    reader.give(window);
    for (;;) {
      auto event = reader.next();
      if (!event) {
        check_error(event.error(), ~std::size_t{0});
        result.error = event.error();
        result.end = reader.offset();
        return result;
      }
      if (!*event) break;
      result.offsets.push_back(reader.event_offset());
      if (decode) {
        std::vector<std::uint8_t> kept = exact((*event)->bytes);
        use(s, event_view{(*event)->header, kept}, reader.format());
      }
    }
    if (end == file.size()) break;
  }
  result.end = reader.offset();
  result.lost = reader.unread_bytes();
  require(result.end + result.lost == file.size());
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  byte_view file(data, size);
  reading whole = read_windows(file, size + 1, true);
  reading pieces = read_windows(file, 1 + size % 61, false);
  require(whole.offsets == pieces.offsets && whole.end == pieces.end && whole.error == pieces.error);
  event_reader verifying(file);
  for (;;) {
    auto event = verifying.next();
    sink(event);
    if (!event || !*event) break;
  }
  return 0;
}
