#include "binlog/file_events.hpp"

#include "binlog/group_replication.hpp"
#include "binlog/heartbeat.hpp"
#include "binlog/statement_events.hpp"
#include "binlog/transaction_end.hpp"
#include "tests/binlog/event_case.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::testing;

TEST_CASE("binlog: rotate and stop") {
  bytes body = hex("0400000000000000 'binlog.000002'");
  auto m = decode_rotate(make_event(event_type::rotate, body).view());
  REQUIRE(m.has_value());
  CHECK(m->position == 4);
  CHECK(m->file == "binlog.000002");
  CHECK(encoded([&](encoder& out) { encode_rotate(out, *m); }) == body);
  check_extent(event_type::rotate, body, decode_rotate, {}, true);
  check_malformed(event_type::rotate,
                  {{"04000000000000", {decode_errc::truncated, 19, "position"}},
                   {"0400000000000000", {decode_errc::truncated, 27, "file name"}}},
                  [](const event_view& event) { return decode_rotate(event); });
  bytes endless = hex("0400000000000000");
  endless.insert(endless.end(), 513, 'x');
  CHECK(decode_rotate(make_event(event_type::rotate, endless).view()).error().code ==
        decode_errc::limit_exceeded);
  CHECK(decode_rotate(make_event(event_type::stop, body).view()).error() ==
        decode_error{decode_errc::unknown_tag, 4, "event type"});

  CHECK(decode_stop(make_event(event_type::stop, "").view()).has_value());
  CHECK(decode_stop(make_event(event_type::stop, "00").view()).error().code == decode_errc::trailing_bytes);
}

TEST_CASE("binlog: checkpoint, encryption start, incident") {
  bytes body = hex("0d000000 'binlog.000002'");
  auto m = decode_binlog_checkpoint(make_event(event_type::binlog_checkpoint, body).view());
  REQUIRE(m.has_value());
  CHECK(m->file == "binlog.000002");
  CHECK(encoded([&](encoder& out) { encode_binlog_checkpoint(out, *m); }) == body);
  check_extent(event_type::binlog_checkpoint, body, decode_binlog_checkpoint);
  check_malformed(event_type::binlog_checkpoint,
                  {{"ffffffff 'x'", {decode_errc::limit_exceeded, 23, "file name"}},
                   {"02000000 'x'", {decode_errc::truncated, 23, "file name"}},
                   {"00000000", {decode_errc::truncated, 23, "file name"}}},
                  [](const event_view& event) { return decode_binlog_checkpoint(event); });

  bytes start = hex("01 02000000 000102030405060708090a0b");
  auto e = decode_start_encryption(make_event(event_type::start_encryption, start).view());
  REQUIRE(e.has_value());
  CHECK(e->scheme == 1);
  CHECK(e->key_version == 2);
  CHECK(e->nonce.size() == 12);
  CHECK(encoded([&](encoder& out) { encode_start_encryption(out, *e); }) == start);
  check_extent(event_type::start_encryption, start, decode_start_encryption);

  bytes lost = hex("0100 04 'lost'");
  auto i = decode_incident(make_event(event_type::incident, lost).view());
  REQUIRE(i.has_value());
  CHECK(i->number == 1);
  CHECK(i->message == "lost");
  CHECK(encoded([&](encoder& out) { encode_incident(out, *i); }) == lost);
  check_extent(event_type::incident, lost, decode_incident);
  bytes refused;
  encoder out(refused);
  std::string long_message(256, 'x');
  encode_incident(out, {1, long_message});
  CHECK(!out.ok());
}

TEST_CASE("binlog: heartbeats of both versions") {
  owned_event mysql = make_event(event_type::heartbeat, "'binlog.000003'", 30716);
  auto m = decode_heartbeat(mysql.view(), false);
  REQUIRE(m.has_value());
  CHECK(m->file == "binlog.000003");
  CHECK(m->position == 30716);
  CHECK(encoded([&](encoder& out) { encode_heartbeat(out, *m, 30716); }) == copy_of(mysql.view().body()));
  CHECK(decode_heartbeat(make_event(event_type::heartbeat, "").view(), false).error() ==
        decode_error{decode_errc::truncated, 19, "file name"});

  owned_event wide = make_event(event_type::heartbeat, "0000000002000000 'b.1'", 0);
  m = decode_heartbeat(wide.view(), true);
  REQUIRE(m.has_value());
  CHECK(m->file == "b.1");
  CHECK(m->position == std::uint64_t{2} << 32);
  CHECK(encoded([&](encoder& out) { encode_heartbeat(out, *m, 0); }) == copy_of(wide.view().body()));

  bytes body = hex("01 0d 'binlog.000003' 02 03 fc770100");
  body.pop_back();  // as a server sent it: fc 7701
  body = hex("01 0d 'binlog.000003' 02 03 fc7701 00");
  m = decode_heartbeat_v2(make_event(event_type::heartbeat_v2, body).view());
  REQUIRE(m.has_value());
  CHECK(m->file == "binlog.000003");
  CHECK(m->position == 0x177);
  CHECK(encoded([&](encoder& out) { encode_heartbeat_v2(out, *m); }) == body);
  // Its end mark may be missing, as in the server's own decoder, but not the name.
  check_extent(event_type::heartbeat_v2, body, decode_heartbeat_v2, {15, 20});
  auto v2 = [](const event_view& event) { return decode_heartbeat_v2(event); };
  CHECK(decode_heartbeat_v2(make_event(event_type::heartbeat_v2, "09 02 ffff 01 01 'x' 00").view())->file ==
        "x");
  check_malformed(event_type::heartbeat_v2,
                  {{"00", {decode_errc::truncated, 20, "file name"}},
                   {"02 01 05 00", {decode_errc::truncated, 23, "file name"}},
                   {"01 01 'x' 02 02 05 00", {decode_errc::bad_length, 23, "field length"}},
                   {"01 09 'x'", {decode_errc::truncated, 20, "field length"}},
                   {"fb", {decode_errc::bad_value, 19, "field type"}}},
                  v2);
}

TEST_CASE("binlog: context of statements") {
  bytes body = hex("02 0500000000000000");
  auto v = decode_intvar(make_event(event_type::intvar, body).view());
  REQUIRE(v.has_value());
  CHECK(v->kind == 2);
  CHECK(v->value == 5);
  CHECK(encoded([&](encoder& out) { encode_intvar(out, *v); }) == body);
  check_extent(event_type::intvar, body, decode_intvar);
  check_malformed(event_type::intvar, {{"03 0500000000000000", {decode_errc::bad_value, 19, "variable"}}},
                  [](const event_view& event) { return decode_intvar(event); });

  body = hex("0100000000000000 0200000000000000");
  auto r = decode_rand(make_event(event_type::rand, body).view());
  REQUIRE(r.has_value());
  CHECK(r->seed1 == 1);
  CHECK(r->seed2 == 2);
  CHECK(encoded([&](encoder& out) { encode_rand(out, *r); }) == body);
  check_extent(event_type::rand, body, decode_rand);

  body = hex("01000000 'u' 00 02 3f000000 08000000 0500000000000000 01");
  auto u = decode_user_var(make_event(event_type::user_var, body).view());
  REQUIRE(u.has_value());
  CHECK(u->name == "u");
  CHECK(!u->null);
  CHECK(u->type == 2);
  CHECK(u->collation == 63);
  CHECK(u->value.size() == 8);
  CHECK(u->has_flags);
  CHECK(encoded([&](encoder& out) { encode_user_var(out, *u); }) == body);
  check_extent(event_type::user_var, body, decode_user_var, {body.size() - 1});
  body = hex("01000000 'u' 01");
  u = decode_user_var(make_event(event_type::user_var, body).view());
  REQUIRE(u.has_value());
  CHECK(u->null);
  CHECK(encoded([&](encoder& out) { encode_user_var(out, *u); }) == body);
  CHECK(decode_user_var(make_event(event_type::user_var, "01000000 'u' 01 00 3f000000 00000000 00").view())
            ->null);

  body = hex("07000000 'a,b'");
  auto block = decode_load_block(make_event(event_type::begin_load_query, body).view());
  REQUIRE(block.has_value());
  CHECK(block->file_id == 7);
  CHECK(as_text(block->data) == "a,b");
  CHECK(encoded([&](encoder& out) { encode_load_block(out, *block); }) == body);
  CHECK(decode_load_block(make_event(event_type::append_block, body).view()).has_value());
  CHECK(!decode_load_block(make_event(event_type::rand, body).view()).has_value());
  check_extent(event_type::append_block, body, decode_load_block, {}, true);
  CHECK(decode_delete_file(make_event(event_type::delete_file, "07000000").view()).value() == 7);
  check_extent(event_type::delete_file, hex("07000000"), decode_delete_file);

  body = hex("08 'SELECT 1'");
  auto sql = decode_rows_query(make_event(event_type::rows_query, body).view());
  REQUIRE(sql.has_value());
  CHECK(*sql == "SELECT 1");
  CHECK(encoded([&](encoder& out) { encode_rows_query(out, *sql); }) == body);
  check_extent(event_type::rows_query, body, decode_rows_query, {}, true);
  CHECK(!decode_rows_query(make_event(event_type::rows_query, "").view()).has_value());
  CHECK(decode_annotate_rows(make_event(event_type::annotate_rows, "'INSERT'").view()).value() == "INSERT");
}

TEST_CASE("binlog: xid and XA prepare") {
  CHECK(decode_xid(make_event(event_type::xid, "f403000000000000").view()).value() == 1012);
  check_extent(event_type::xid, hex("f403000000000000"), decode_xid);

  bytes body = hex("00 07000000 01000000 01000000 6762");
  auto m = decode_xa_prepare(make_event(event_type::xa_prepare, body).view());
  REQUIRE(m.has_value());
  CHECK(!m->one_phase);
  CHECK(m->id.format == 7);
  CHECK(as_text(m->id.gtrid) == "g");
  CHECK(as_text(m->id.bqual) == "b");
  char text[xa_text_size];
  CHECK(std::string_view(text, put_xa_id(text, m->id)) == "X'67',X'62',7");
  CHECK(encoded([&](encoder& out) { encode_xa_prepare(out, *m); }) == body);
  check_extent(event_type::xa_prepare, body, decode_xa_prepare);
  check_malformed(event_type::xa_prepare,
                  {{"00 07000000 41000000 00000000", {decode_errc::limit_exceeded, 24, "XA id length"}},
                   {"00 07000000 01000000 ffffffff 67", {decode_errc::limit_exceeded, 24, "XA id length"}}},
                  [](const event_view& event) { return decode_xa_prepare(event); });
  bytes longest(64, 0xff);
  xa_id_view most{0xffffffff, longest, longest};
  CHECK(put_xa_id(text, most) - text <= static_cast<std::ptrdiff_t>(xa_text_size));
  CHECK(most == xa_id_view{0xffffffff, longest, longest});
  CHECK(!(most == xa_id_view{1, longest, longest}));
}

TEST_CASE("binlog: group replication") {
  std::string id = "15040:3" + std::string(33, '\0');
  bytes body = encoded([&](encoder& out) {
    out.text(id);
    out.le(std::uint64_t{9});
    out.le(std::uint32_t{1});
    out.le(std::uint16_t{2});
    out.text("kk");
    out.le(std::uint32_t{3});
    out.text("vvv");
  });
  auto m = decode_view_change(make_event(event_type::view_change, body).view());
  REQUIRE(m.has_value());
  CHECK(m->view_id == "15040:3");
  CHECK(m->sequence_number == 9);
  CHECK(m->certification_count == 1);
  CHECK(m->certification.size() == 11);
  check_extent(event_type::view_change, body, decode_view_change);

  body = encoded([&](encoder& out) {
    out.u8(4);
    out.le(std::uint32_t{11});
    out.u8(1);
    out.le(std::uint32_t{2});
    out.le(std::uint32_t{1});
    out.le(std::uint32_t{1});
    out.text("uuidss");
    for (const char* each : {"abc", "defg"}) {
      out.le(static_cast<std::uint16_t>(std::strlen(each)));
      out.text(each);
    }
  });
  auto c = decode_transaction_context(make_event(event_type::transaction_context, body).view());
  REQUIRE(c.has_value());
  CHECK(c->server_uuid == "uuid");
  CHECK(c->thread_id == 11);
  CHECK(c->gtid_specified);
  CHECK(c->writes.size() == 5);
  CHECK(c->reads.size() == 6);
  check_extent(event_type::transaction_context, body, decode_transaction_context);
}
