#include "binlog/query.hpp"

#include "binlog/query_kind.hpp"
#include "tests/binlog/event_case.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::testing;

namespace {

const format_description format = format_of("8.0.33");

auto decode(const event_view& event) {
  return decode_query(event, format);
}

}  // namespace

TEST_CASE("binlog: query") {
  bytes body = hex("05000000 02000000 04 0000 0500 00 01020304 'test' 00 'BEGIN'");
  owned_event event = make_event(event_type::query, body);
  auto m = decode(event.view());
  REQUIRE(m.has_value());
  CHECK(m->thread_id == 5);
  CHECK(m->execution_seconds == 2);
  CHECK(m->error_code == 0);
  CHECK(m->database == "test");
  CHECK(m->sql == "BEGIN");
  CHECK(m->status_vars_at == 32);
  CHECK(encoded([&](encoder& out) { encode_query(out, *m); }) == body);
  check_extent(event_type::query, body, decode, {}, true);
  check_malformed(event_type::query,
                  {{"05000000 02000000 04 0000 0000 'test' 01 'x'",
                    {decode_errc::unterminated_string, 36, "database end"}},
                   {"05000000 02000000 ff 0000 0000 'test' 00", {decode_errc::truncated, 32, "database"}},
                   {"05000000 02000000 00 0000 ffff 00", {decode_errc::truncated, 32, "status variables"}}},
                  decode);

  format_description other = format_of("8.0.33");
  other.post_header_bytes[static_cast<int>(event_type::query)] = 11;
  CHECK(decode_query(event.view(), other).error().code == decode_errc::unsupported);
  // A newer server's longer post-header is passed over.
  other.post_header_bytes[static_cast<int>(event_type::query)] = 15;
  bytes longer = hex("05000000 02000000 04 0000 0000 ffff 'test' 00 'BEGIN'");
  auto newer = decode_query(make_event(event_type::query, longer).view(), other);
  REQUIRE(newer.has_value());
  CHECK(newer->sql == "BEGIN");
}

TEST_CASE("binlog: status variables") {
  query_view query;
  query.status_vars_at = 32;
  bytes vars =
      hex(R"(00 00000000 01 2000a05500000000 06 03 'std' 03 0200 0100 04 2100 2100 0800 05 03 'UTC' 07 0500
      08 1c00 09 0100000000000000 0a 01020304 0b 01 'u' 02 'hh' 0c 02 'a' 00 'bc' 00 0d 40e201 10 01
      11 0900000000000000 12 ff00 13 00 14 01)");
  query.status_vars = vars;
  auto m = decode_status_vars(query);
  REQUIRE(m.has_value());
  CHECK(m->has_flags2);
  CHECK(m->has_sql_mode);
  CHECK(m->sql_mode == 0x55a00020);
  CHECK(m->catalog == "std");
  CHECK(m->auto_increment_increment == 2);
  CHECK(m->auto_increment_offset == 1);
  CHECK(m->client_collation == 33);
  CHECK(m->server_collation == 8);
  CHECK(m->time_zone == "UTC");
  CHECK(m->lc_time_names == 5);
  CHECK(m->database_collation == 28);
  CHECK(m->table_map_for_update == 1);
  CHECK(m->invoker_user == "u");
  CHECK(m->invoker_host == "hh");
  CHECK(m->updated_database_count == 2);
  CHECK(m->updated_databases.size() == 5);
  CHECK(m->microseconds == 123456);
  CHECK(m->xid == 9);
  CHECK(m->unknown == 0);
  // Cut off anywhere but between two variables is an error, at its place in the event.
  std::size_t good = 0;
  for (std::size_t size = 0; size < vars.size(); ++size) {
    bytes cut = copy_of(byte_view(vars).first(size));
    query.status_vars = cut;
    auto result = decode_status_vars(query);
    if (result) {
      ++good;
      continue;
    }
    CHECK(result.error().offset <= 32 + size);
    CHECK(result.error().offset >= 32);
  }
  CHECK(good == 18);  // before each of the variables

  // MariaDB's own, in its order: character_set_collations comes before the character sets.
  vars = hex(
      "80 40e201 81 0900000000000000 82 0800 0700000000000000 82 0000 83 01 2d00 0009 04 2d00 2d00 2d00 ff");
  query.status_vars = vars;
  m = decode_status_vars(query);
  REQUIRE(m.has_value());
  CHECK(m->microseconds == 123456);
  CHECK(m->xid == 9);
  CHECK(m->client_collation == 45);
  CHECK(m->unknown == 0);

  vars = hex("04 2d00 2d00 2d00 63 010203");
  query.status_vars = vars;
  m = decode_status_vars(query);
  REQUIRE(m.has_value());
  CHECK(m->client_collation == 45);
  CHECK(m->unknown == 0x63);

  vars = hex("02 03 'std' 00 0c fe");
  query.status_vars = vars;
  m = decode_status_vars(query);
  REQUIRE(m.has_value());
  CHECK(m->catalog == "std");
  CHECK(m->updated_database_count == 254);
}

TEST_CASE("binlog: what a statement is") {
  struct {
    const char* sql;
    query_kind kind;
  } cases[] = {
      {"BEGIN", query_kind::begin},
      {"begin", query_kind::begin},
      {"START TRANSACTION", query_kind::begin},
      {"START SLAVE", query_kind::other},
      {"COMMIT", query_kind::commit},
      {"ROLLBACK", query_kind::rollback},
      {"ROLLBACK TO `a`", query_kind::rollback_to},
      {"ROLLBACK WORK TO SAVEPOINT a", query_kind::rollback_to},
      {"SAVEPOINT `a`", query_kind::savepoint},
      {"XA START X'67',X'62',7", query_kind::xa_start},
      {"XA END X'67'", query_kind::xa_end},
      {"XA PREPARE X'67'", query_kind::xa_prepare},
      {"XA COMMIT X'67'", query_kind::xa_commit},
      {"XA ROLLBACK X'67'", query_kind::xa_rollback},
      {"insert into t values(1)", query_kind::change},
      {"/* hello */ UPDATE t SET a=1", query_kind::change},
      {"-- hello\nDELETE FROM t", query_kind::change},
      {"# hello\n  REPLACE INTO t VALUES (1)", query_kind::change},
      {"/*!50001 INSERT INTO t */ VALUES (1)", query_kind::change},
      {"/*M!100100 DELETE */ FROM t", query_kind::change},
      {"WITH x AS (SELECT 1) UPDATE t SET a = 1", query_kind::change},
      {"LOAD DATA INFILE 'x' INTO TABLE t", query_kind::change},
      {"(SELECT f())", query_kind::change},
      {"TRUNCATE t", query_kind::truncate},
      {"truncate table t", query_kind::truncate},
      {"CREATE TABLE t (a INT)", query_kind::ddl},
      {"CREATE TABLE `b` (\n `id` int\n) START TRANSACTION", query_kind::create_and_begin},
      {"CREATE TABLE `b` (id int) START TRANSACTION;", query_kind::create_and_begin},
      {"ALTER TABLE t ADD b INT", query_kind::ddl},
      {"DROP TABLE t /* generated by server */", query_kind::ddl},
      {"RENAME TABLE a TO b", query_kind::ddl},
      {"INSERTX", query_kind::ddl},
      {"FLUSH TABLES", query_kind::other},
      {"SET @a = 1", query_kind::other},
      {"SET STATEMENT max_statement_time=10 FOR INSERT INTO t VALUES (1)", query_kind::change},
      {"set statement a=1, b='x' for ALTER TABLE t FORCE", query_kind::ddl},
      {"SET STATEMENT nonsense", query_kind::ddl},
      {"SET STATEMENT a='x FOR BEGIN', b=\"it\"\"s \\\" FOR\" FOR ALTER TABLE t ADD c INT", query_kind::ddl},
      {"SET STATEMENT a='x FOR INSERT", query_kind::ddl},
      {"SET STATEMENT wait_for_x=1, for_x=1 FOR COMMIT", query_kind::commit},
      {"SET STATEMENT a=1 FOR SET STATEMENT a=1 FOR COMMIT", query_kind::ddl},
      {"CREATE USER 'a' IDENTIFIED WITH 'x' AS 'hash'", query_kind::other},
      {"CREATE OR REPLACE USER a", query_kind::other},
      {"ALTER USER a IDENTIFIED BY PASSWORD 'hash'", query_kind::other},
      {"DROP ROLE IF EXISTS r", query_kind::other},
      {"RENAME USER a TO b", query_kind::other},
      {"CREATE OR REPLACE TABLE user (a INT)", query_kind::ddl},
      {"DROP TABLE `user`", query_kind::ddl},
      {"GRANT ALL ON *.* TO x", query_kind::other},
      {"", query_kind::other},
      {"/* nothing", query_kind::other},
      {"XA", query_kind::ddl},
      {"?", query_kind::ddl},
  };
  for (const auto& each : cases) {
    CAPTURE(each.sql);
    CHECK(static_cast<int>(classify_query(each.sql)) == static_cast<int>(each.kind));
  }
}
