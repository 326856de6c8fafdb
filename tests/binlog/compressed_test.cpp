#include <zlib.h>
#include <zstd.h>

#include "binlog/compressed_event.hpp"
#include "binlog/query.hpp"
#include "binlog/transaction_payload.hpp"
#include "tests/binlog/table_case.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::testing;

namespace {

bytes deflated(byte_view plain) {
  bytes out(compressBound(plain.size()));
  uLongf size = out.size();
  REQUIRE(compress2(out.data(), &size, plain.data(), plain.size(), 6) == Z_OK);
  out.resize(size);
  return out;
}

/// The compressed form of an event whose first `head` bytes stay plain.
owned_event compressed(event_type type, byte_view body, std::size_t head) {
  bytes out = copy_of(body.first(head));
  byte_view plain = body.subspan(head);
  std::size_t width = plain.size() > 0xff ? 2 : 1;
  out.push_back(static_cast<std::uint8_t>(0x80 | width));
  for (std::size_t i = width; i-- > 0;) out.push_back(static_cast<std::uint8_t>(plain.size() >> (8 * i)));
  bytes data = deflated(plain);
  out.insert(out.end(), data.begin(), data.end());
  return make_event(type, out);
}

bytes zstd(byte_view plain) {
  bytes out(ZSTD_compressBound(plain.size()));
  std::size_t size = ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 3);
  REQUIRE(!ZSTD_isError(size));
  out.resize(size);
  return out;
}

owned_event payload_event(byte_view plain, byte_view payload, payload_compression compression,
                          std::uint64_t told) {
  (void)plain;
  return make_event(event_type::transaction_payload, encoded([&](encoder& out) {
                      encode_transaction_payload(out, {compression, told, payload, 0});
                    }));
}

bytes inner_events(int count, std::size_t size) {
  bytes plain;
  for (int i = 0; i < count; ++i) {
    bytes body(size, static_cast<std::uint8_t>(i));
    encode_event(plain, header_of(event_type::rows_query, 0), body, checksum_algorithm::none);
  }
  return plain;
}

}  // namespace

TEST_CASE("binlog: MariaDB's compressed query") {
  format_description format = format_of("10.11.18-MariaDB");
  std::string sql = "CREATE TABLE " + std::string(500, 'x');
  query_view q;
  bytes vars = hex("00 00000000");
  q.thread_id = 9;
  q.status_vars = vars;
  q.database = "db";
  q.sql = sql;
  bytes body = encoded([&](encoder& out) { encode_query(out, q); });
  owned_event event = compressed(event_type::query_compressed, body, 13 + 5 + 3);
  event_decompressor decompressor;
  auto plain = decompressor.decompress(event.view(), format);
  REQUIRE(plain.has_value());
  CHECK(plain->header.type == event_type::query);
  CHECK(plain->header.event_size == header_bytes + body.size());
  CHECK(copy_of(plain->body()) == body);
  auto query = decode_query(*plain, format);
  REQUIRE(query.has_value());
  CHECK(query->sql == sql);
  CHECK(*decode_event_header(plain->bytes) == plain->header);
  for (std::size_t size = header_bytes; size < event.whole.size(); ++size) {
    owned_event cut = event;
    cut.whole.resize(size);
    auto result = decompressor.decompress(cut.view(), format);
    REQUIRE(!result.has_value());
    CHECK(result.error().offset <= size);
  }
  event_decompressor small(300);
  CHECK(small.decompress(event.view(), format).error().code == decode_errc::limit_exceeded);
  CHECK(decompressor.decompress(make_event(event_type::query, body).view(), format).error().code ==
        decode_errc::unknown_tag);
}

TEST_CASE("binlog: MariaDB's compressed rows") {
  format_description format = format_of("10.11.18-MariaDB");
  table_definition table = defined({"03 0f", "3c00", ""});
  event_decompressor decompressor;
  std::string rows;
  for (int i = 0; i < 40; ++i) rows += "00 01000000 03 'abc'";
  struct {
    event_type compressed_type, plain_type;
    std::size_t head;
  } cases[] = {{event_type::write_rows_compressed_v1, event_type::write_rows_v1, 10},
               {event_type::update_rows_compressed_v1, event_type::update_rows_v1, 11},
               {event_type::delete_rows_compressed_v1, event_type::delete_rows_v1, 10},
               {event_type::write_rows_compressed_v2, event_type::write_rows_v2, 12},
               {event_type::update_rows_compressed_v2, event_type::update_rows_v2, 13},
               {event_type::delete_rows_compressed_v2, event_type::delete_rows_v2, 12}};
  for (const auto& each : cases) {
    owned_event plain_event = rows_event(each.plain_type, 2, rows);
    owned_event event = compressed(each.compressed_type, plain_event.view().body(), each.head);
    CHECK(event.whole.size() < plain_event.whole.size());
    auto plain = decompressor.decompress(event.view(), format);
    REQUIRE(plain.has_value());
    CHECK(plain->header.type == each.plain_type);
    CHECK(copy_of(plain->body()) == copy_of(plain_event.view().body()));
    CHECK(decode_rows(*plain, format).has_value());
  }
  auto refused = [&](std::string_view behind) {
    auto result = decompressor.decompress(
        make_event(event_type::write_rows_compressed_v1, "6d0000000000 0100 01 01" + std::string(behind))
            .view(),
        format);
    REQUIRE(!result.has_value());
    return result.error();
  };
  CHECK(refused("") == decode_error{decode_errc::truncated, 29, "compression header"});
  CHECK(refused("01 05 00") == decode_error{decode_errc::bad_value, 29, "compression header"});
  CHECK(refused("91 05 00") == decode_error{decode_errc::unsupported, 29, "compression algorithm"});
  CHECK(refused("80") == decode_error{decode_errc::bad_value, 29, "compression header"});
  CHECK(refused("85 0000000000") == decode_error{decode_errc::bad_value, 29, "compression header"});
  CHECK(refused("84 ffffffff 00").code == decode_errc::limit_exceeded);
  CHECK(refused("83 0fffff 00") == decode_error{decode_errc::bad_length, 29, "plain size"});
  CHECK(refused("81 05 0102") == decode_error{decode_errc::bad_value, 29, "deflated data"});
}

TEST_CASE("binlog: transaction payload, its fields") {
  bytes body = hex("02 01 00 03 03 fc e803 01 01 04 00 01020304");
  auto decode = [](const event_view& event) { return decode_transaction_payload(event); };
  owned_event event = make_event(event_type::transaction_payload, body);
  auto m = decode(event.view());
  REQUIRE(m.has_value());
  CHECK(m->compression == payload_compression::zstd);
  CHECK(m->plain_size == 1000);
  CHECK(m->payload.size() == 4);
  CHECK(m->payload_at == 19 + 12);
  CHECK(encoded([&](encoder& out) { encode_transaction_payload(out, *m); }) == body);
  check_extent(event_type::transaction_payload, body, decode);
  CHECK(decode(make_event(event_type::transaction_payload, "63 02 ffff 00 0102").view())->plain_size == 2);
  check_malformed(event_type::transaction_payload,
                  {{"02 01 07 00", {decode_errc::unsupported, 21, "compression type"}},
                   {"02 02 00 00 00", {decode_errc::bad_length, 20, "field length"}},
                   {"01 01 05 00 01", {decode_errc::bad_length, 21, "payload size"}},
                   {"02 09 00", {decode_errc::truncated, 20, "field length"}}},
                  decode);
}

TEST_CASE("binlog: transaction payloads are read event by event") {
  for (auto compression : {payload_compression::zstd, payload_compression::none})
    for (std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{5000}, std::size_t{300000}}) {
      bytes plain = inner_events(7, size);
      bytes packed = compression == payload_compression::zstd ? zstd(plain) : plain;
      owned_event event = payload_event(plain, packed, compression, plain.size());
      auto payload = decode_transaction_payload(event.view());
      REQUIRE(payload.has_value());
      payload_reader reader;
      for (int round = 0; round < 2; ++round) {
        REQUIRE(reader.begin(*payload).has_value());
        for (int i = 0; i < 7; ++i) {
          auto next = reader.next();
          REQUIRE(next.has_value());
          REQUIRE(next->has_value());
          CHECK((*next)->header.type == event_type::rows_query);
          CHECK((*next)->body().size() == size);
          if (size) CHECK((*next)->body().back() == i);
        }
        auto end = reader.next();
        REQUIRE(end.has_value());
        CHECK(!end->has_value());
        CHECK(!reader.next()->has_value());
        CHECK(reader.offset() == plain.size());
      }
    }
}

TEST_CASE("binlog: damaged and hostile payloads") {
  bytes plain = inner_events(3, 2000);
  bytes packed = zstd(plain);
  auto read = [](byte_view packed_bytes, std::uint64_t told, payload_compression compression,
                 payload_reader::limits bounds) {
    payload_reader reader(bounds);
    transaction_payload_view view{compression, told, packed_bytes, 40};
    if (auto begun = reader.begin(view); !begun) return begun.error();
    for (;;) {
      auto next = reader.next();
      if (!next) {
        CHECK(reader.next().error() == next.error());
        return next.error();
      }
      if (!*next) return decode_error{};
    }
  };
  auto zstd_error = [&](byte_view packed_bytes, std::uint64_t told) {
    return read(packed_bytes, told, payload_compression::zstd, {});
  };
  CHECK(zstd_error(packed, plain.size()).code == decode_errc::none);
  CHECK(zstd_error(packed, plain.size() + 1) ==
        decode_error{decode_errc::bad_length, 40, "uncompressed size"});
  CHECK(zstd_error(packed, plain.size() - 1) ==
        decode_error{decode_errc::bad_length, 40, "uncompressed size"});
  for (std::size_t size = 0; size < packed.size(); ++size)
    CHECK(zstd_error(copy_of(byte_view(packed).first(size)), plain.size()).code != decode_errc::none);
  bytes bad = packed;
  bad[0] ^= 1;
  CHECK(zstd_error(bad, plain.size()).code == decode_errc::bad_value);

  payload_reader::limits few;
  few.event_bytes = 1000;
  CHECK(read(packed, plain.size(), payload_compression::zstd, few) ==
        decode_error{decode_errc::limit_exceeded, 9, "event size"});
  payload_reader::limits small;
  small.plain_bytes = 1000;
  CHECK(read(packed, plain.size(), payload_compression::zstd, small).code == decode_errc::limit_exceeded);

  auto plain_error = [&](byte_view of) { return read(of, of.size(), payload_compression::none, {}); };
  CHECK(plain_error(byte_view(plain).first(plain.size() - 1)) ==
        decode_error{decode_errc::truncated, 9, "event size"});
  CHECK(plain_error(byte_view(plain).first(18)) == decode_error{decode_errc::truncated, 0, "event header"});
  auto with_cut = [&](std::size_t size) {
    bytes cut = copy_of(byte_view(plain).first(size));
    return zstd_error(zstd(cut), cut.size());
  };
  CHECK(with_cut(plain.size() - 1) == decode_error{decode_errc::truncated, 9, "event size"});
  CHECK(with_cut(10) == decode_error{decode_errc::truncated, 0, "event header"});

  for (auto type : {event_type::format_description, event_type::gtid, event_type::transaction_payload,
                    event_type::rotate}) {
    bytes wrong;
    encode_event(wrong, header_of(type), hex("00"), checksum_algorithm::none);
    CHECK(zstd_error(zstd(wrong), wrong.size()).code == decode_errc::bad_state);
  }
  bytes unknown;
  encode_event(unknown, header_of(static_cast<event_type>(99)), hex("00"), checksum_algorithm::none);
  CHECK(zstd_error(zstd(unknown), unknown.size()).code == decode_errc::unknown_tag);
  bytes short_size = plain;
  short_size[9] = 5;
  short_size[10] = 0;
  CHECK(zstd_error(zstd(short_size), short_size.size()) ==
        decode_error{decode_errc::bad_length, 9, "event size"});
}
