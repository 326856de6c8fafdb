// Whole transactions from events to lines.
#include "binlog/row_changes.hpp"

#include "binlog/file_events.hpp"
#include "binlog/schema_book.hpp"
#include "binlog/schema_history.hpp"
#include "binlog/xa_statement.hpp"
#include "tests/binlog/table_case.hpp"
#include "tests/core/failure_of.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::testing;

namespace {

/// Feeds events as a file would, each behind the one before.
struct feeder {
  explicit feeder(row_changes::settings with = {}, std::string_view version = "8.0.33")
      : format(format_of(version)), changes(prepared(std::move(with))) {
    changes.write_to(out);
    changes.file("b.000001");
    take(make_event(event_type::format_description, ""), 100);
  }

  row_changes::settings prepared(row_changes::settings with) {
    with.on_warning = [this](const std::string& code, const std::string&) { warnings.push_back(code); };
    return with;
  }

  feeder& take(const owned_event& event, std::uint64_t size = 0) {
    bytes padded = event.whole;
    padded.resize(event.whole.size() + event_padding);
    kept.push_back(std::move(padded));
    event_view view{event.header, byte_view(kept.back()).first(event.whole.size())};
    if (!size) size = event.whole.size();
    changes.take(view, format, {at, at + size});
    at += size;
    while (replay_by_itself && changes.replaying()) changes.replay_more(1 << 20);
    return *this;
  }

  feeder& query(std::string_view sql, std::string_view database = "db") {
    query_view m;
    m.database = database;
    m.sql = sql;
    return take(make_event(event_type::query, encoded([&](encoder& to) { encode_query(to, m); })), 50);
  }
  feeder& gtid(std::int64_t number) {
    gtid_event m;
    m.id.uuid.bytes[15] = 9;
    m.id.number = number;
    m.has_logical_time = m.has_commit_time = true;
    m.immediate_commit_us = m.original_commit_us = 1'700'000'000'123'456;
    return take(make_event(event_type::gtid, encoded([&](encoder& to) { encode_gtid(to, m); })), 10);
  }
  /// Two columns, id INT NOT NULL as key and t VARCHAR(20).
  feeder& table(bool metadata = true) {
    return take(
        table_map_event({"030f", "5000", metadata ? "0101 00 04 05 02'id' 01't' 0801 00 0203 fcff00" : ""}),
        10);
  }
  feeder& insert(int id) {
    char row[64];
    std::snprintf(row, sizeof row, "fc %02x000000 01'x'", id);
    owned_event event = rows_event(event_type::write_rows_v2, 2, row);
    event.whole[header_bytes + 6] = 0;  // the statement goes on
    return take(event, 10);
  }
  feeder& xid() { return take(make_event(event_type::xid, "0700000000000000"), 20); }
  feeder& xa_prepare(bool one_phase) {
    xa_prepare_view m;
    m.one_phase = one_phase;
    bytes name = hex("'a'");
    m.id.gtrid = name;
    return take(make_event(event_type::xa_prepare, encoded([&](encoder& to) { encode_xa_prepare(to, m); })),
                20);
  }

  /// op and what matters of it, line by line.
  std::string ops() const {
    std::string text;
    std::string_view left = out.view();
    while (!left.empty()) {
      std::string_view line = left.substr(0, left.find('\n'));
      left.remove_prefix(line.size() + 1);
      std::string_view op = line.substr(line.find("\"op\":\"") + 6);
      text += std::string(op.substr(0, op.find('"'))) + " ";
    }
    return text;
  }
  std::string line(std::size_t number) const {
    std::string_view left = out.view();
    while (number--) left.remove_prefix(left.find('\n') + 1);
    return std::string(left.substr(0, left.find('\n')));
  }

  format_description format;
  json::buffer out;
  std::deque<bytes> kept;
  std::vector<std::string> warnings;
  std::uint64_t at = 4;
  bool replay_by_itself = true;
  row_changes changes;
};

}  // namespace

TEST_CASE("binlog: a transaction's lines") {
  feeder f;
  f.gtid(5).query("BEGIN").table().insert(1).insert(2).xid();
  CHECK(f.ops() == "begin schema insert insert commit ");
  const std::string common = R"("gtid":"00000000-0000-0000-0000-000000000009:5","pos":"b.000001:104",)"
                             R"("ts":"2023-11-14T22:13:20.123456Z")";
  CHECK(f.line(0) == R"({"v":1,"op":"begin",)" + common + "}");
  CHECK(f.line(1) == R"({"v":1,"op":"schema","schema":"db","table":"t","columns":[)"
                     R"({"name":"id","type":"int","key":true},{"name":"t","type":"varchar","key":false}]})");
  CHECK(f.line(3) == R"({"v":1,"op":"insert","schema":"db","table":"t",)" + common +
                         R"(,"seq":2,"after":{"id":2,"t":"x"}})");
  CHECK(f.line(4) == R"({"v":1,"op":"commit",)" + common + R"(,"end_pos":"b.000001:214","changes":2})");
  CHECK(f.changes.between_transactions());
  CHECK(f.changes.done().transactions == 1);
  CHECK(f.changes.done().changes == 2);
  CHECK(f.changes.done().offset == 214);
  CHECK(f.changes.done_bytes() == f.out.size());
  CHECK(f.warnings.empty());

  // One without changes leaves nothing; the table is described once.
  f.gtid(6).query("BEGIN").query("COMMIT").gtid(7).query("BEGIN").table().insert(3).query("COMMIT");
  CHECK(f.ops() == "begin schema insert insert commit begin insert commit ");
}

TEST_CASE("binlog: a transaction without an id is known by its place") {
  feeder f;
  f.query("BEGIN").table().insert(1).xid();
  CHECK(f.line(0) == R"({"v":1,"op":"begin","pos":"b.000001:104","ts":"2023-11-14T22:13:20.000000Z"})");
}

TEST_CASE("binlog: statements among the lines") {
  feeder f;
  f.gtid(1).query("CREATE TABLE t (a INT)").query("ALTER TABLE t ADD b INT").query("TRUNCATE `a b`.t");
  f.query("CREATE USER x IDENTIFIED BY PASSWORD 'secret'").query("GRANT ALL ON *.* TO x");
  CHECK(f.ops() == "begin ddl commit begin ddl commit begin truncate commit ");
  const std::string ddl = R"_("seq":1,"schema":"db","sql":"CREATE TABLE t (a INT)"})_";
  CHECK(f.line(1).ends_with(ddl));
  CHECK(f.line(7).find(R"("tables":[{"schema":"a b","table":"t"}])") != std::string::npos);
  CHECK(f.changes.done().changes == 3);

  feeder atomic;
  atomic.gtid(1).query("CREATE TABLE t (id INT, t TEXT) START TRANSACTION").table().insert(1).xid();
  CHECK(atomic.ops() == "begin ddl schema insert commit ");

  feeder refusing;
  refusing.gtid(1).query("BEGIN");
  CHECK(tidewire::testing::failure_of([&] { refusing.query("INSERT INTO t VALUES (1)"); }).code ==
        "TW-MY-STATEMENT");
  row_changes::settings with;
  with.write_statements = true;
  feeder writing(with);
  writing.gtid(1).query("BEGIN").query("INSERT INTO t VALUES (1)").xid();
  CHECK(writing.ops() == "begin statement commit ");
}

TEST_CASE("binlog: what was rolled back leaves no lines") {
  feeder f;
  f.gtid(1).query("BEGIN").table().insert(1).query("ROLLBACK");
  CHECK(f.ops() == "");
  CHECK(f.warnings == std::vector<std::string>{"TW-MY-ROLLED-BACK"});
  // The description went too.
  f.gtid(2)
      .query("BEGIN")
      .table()
      .insert(1)
      .query("SAVEPOINT `a`")
      .insert(2)
      .query("ROLLBACK TO A")
      .insert(3)
      .xid();
  CHECK(f.ops() == "begin schema insert schema insert commit ");
  CHECK(f.line(4).find(R"("seq":2,"after":{"id":3)") != std::string::npos);
  CHECK(f.line(5).find(R"("changes":2})") != std::string::npos);

  // The savepoint before any change; then everything is undone.
  feeder all;
  all.gtid(1).query("BEGIN").query("SAVEPOINT s").table().insert(1).query("ROLLBACK TO s").query("COMMIT");
  CHECK(all.ops() == "");

  // Lines that are on their way can't be taken back.
  feeder late;
  late.gtid(1).query("BEGIN").query("SAVEPOINT s").table().insert(1);
  json::buffer next;
  late.changes.write_to(next);
  CHECK(tidewire::testing::failure_of([&] { late.query("ROLLBACK TO s"); }).code == "TW-MY-SAVEPOINT");
  late.query("ROLLBACK");
  CHECK(std::string(next.view()).find(R"("op":"rollback")") != std::string::npos);
}

TEST_CASE("binlog: a server that died in a transaction rolled it back") {
  feeder f;
  f.gtid(1).query("BEGIN").table().insert(1);
  f.take(make_event(event_type::format_description, ""), 100);
  CHECK(f.ops() == "");
  CHECK(f.warnings == std::vector<std::string>{"TW-MY-CUT"});
  f.gtid(2).query("BEGIN").table().insert(1).xid();
  CHECK(f.ops() == "begin schema insert commit ");
}

TEST_CASE("binlog: XA transactions wait for their outcome") {
  const std::string start = "XA START X'61',X'',1", commit = "XA COMMIT X'61',X'',1";
  for (std::size_t memory : {std::size_t{1} << 20, std::size_t{0}}) {
    row_changes::settings with;
    with.held_memory_bytes = memory;
    with.track_gtids = true;
    feeder f(with);
    f.gtid(1).query(start).table().insert(1).insert(2).query("XA END X'61',X'',1").xa_prepare(false);
    CHECK(f.ops() == "");
    CHECK(f.changes.held().count() == 1);
    CHECK((f.changes.held().disk_bytes() > 0) == (memory == 0));
    CHECK(f.changes.prepared().count() == 1);
    f.gtid(2).query("BEGIN").table().insert(9).xid();
    f.gtid(3).query(commit);
    CHECK(f.ops() == "begin schema insert commit begin insert insert commit ");
    CHECK(f.line(4).find("000000000009:3\"") != std::string::npos);
    CHECK(f.changes.held().count() == 0);
    CHECK(f.changes.held().memory_bytes() == 0);
    CHECK(f.changes.prepared().empty());
    CHECK(f.changes.done().executed.count() == 3);

    feeder rolled(with);
    rolled.gtid(1).query(start).table().insert(1).query("XA END X'61',X'',1").xa_prepare(false);
    rolled.gtid(2).query("XA ROLLBACK X'61',X'',1");
    CHECK(rolled.ops() == "");
    CHECK(rolled.changes.held().count() == 0);

    // Begun again: the first one's end was not logged.
    feeder again(with);
    for (int row : {1, 2})
      again.gtid(row).query(start).table().insert(row).query("XA END X'61',X'',1").xa_prepare(false);
    CHECK(again.changes.prepared().count() == 1);
    again.gtid(3).query(commit);
    CHECK(again.ops() == "begin schema insert commit ");
    CHECK(again.line(2).contains("\"id\":2"));
    CHECK(again.changes.prepared().empty());
    CHECK(again.warnings == std::vector<std::string>{"TW-MY-XA-UNKNOWN"});

    feeder once(with);
    once.gtid(1).query(start).table().insert(1).query("XA END X'61',X'',1").xa_prepare(true);
    CHECK(once.ops() == "begin schema insert commit ");
  }
  feeder unknown;
  unknown.gtid(1).query(commit);
  CHECK(unknown.ops() == "");
  CHECK(unknown.warnings == std::vector<std::string>{"TW-MY-XA-UNKNOWN"});
  row_changes::settings strict;
  strict.refuse_unknown_xa = true;
  feeder lost(strict);
  lost.gtid(1).query("BEGIN").table().insert(1).xid();
  lost.gtid(2).query("XA ROLLBACK X'61',X'',1");  // nothing is missing
  failure why = tidewire::testing::failure_of([&] { lost.gtid(3).query(commit); });
  CHECK((why.code == "TW-MY-XA-UNKNOWN" && why.kind == failure_kind::refused));
  CHECK(std::string_view(why.what()).contains("X'61',X'',1"));
  CHECK(lost.ops() == "begin schema insert commit ");
  CHECK(lost.warnings.empty());
  feeder other;
  other.gtid(1).query(start);
  CHECK(tidewire::testing::failure_of([&] { other.query("XA COMMIT X'62',X'',1"); }).code == "TW-MY-DECODE");
}

TEST_CASE("binlog: the ids of XA statements") {
  CHECK(xa_id_of("XA COMMIT X'6162',X'FF',7") == "X'6162',X'ff',7");
  CHECK(xa_id_of("XA COMMIT 'ab'") == "X'6162',X'',1");
  CHECK(xa_id_of("xa rollback x'6162',X''") == "X'6162',X'',1");
  CHECK(!xa_id_of("XA COMMIT"));
  CHECK(!xa_id_of("XA COMMIT X'616'"));
  CHECK(!xa_id_of("XA COMMIT X'6g'"));
  CHECK(!xa_id_of("XA COMMIT X'61',X'',99999999999"));
  CHECK(!xa_id_of("XA COMMIT X'61',X'',"));
  CHECK(!xa_id_of("XA COMMIT X'61"));
}

TEST_CASE("binlog: MariaDB's transactions begin with their id") {
  feeder f({}, "5.5.5-10.11.6-MariaDB-log");
  auto gtid = [&](std::uint64_t number, std::uint8_t flags) {
    mariadb_gtid_view m;
    m.id.sequence = number;
    m.flags = flags;
    bytes name = hex("'a'");
    m.xa.gtrid = name;
    f.take(make_event(event_type::mariadb_gtid, encoded([&](encoder& to) { encode_mariadb_gtid(to, m); })),
           40);
  };
  gtid(1, 0);
  f.table().insert(1).xid();
  CHECK(f.line(0).find(R"("gtid":"0-7-1")") != std::string::npos);
  gtid(2, mariadb_gtid_flag::standalone);
  f.query("CREATE TABLE x (a INT)");
  CHECK(f.ops() == "begin schema insert commit begin ddl commit ");
  // CREATE … SELECT: one transaction of both.
  gtid(3, mariadb_gtid_flag::ddl);
  f.query("CREATE TABLE y (id INT, t TEXT)").table().insert(1).query("COMMIT");
  CHECK(f.ops() == "begin schema insert commit begin ddl commit begin ddl insert commit ");
  gtid(4, mariadb_gtid_flag::prepared_xa);
  f.query("DROP TEMPORARY TABLE x").table().insert(1).query("XA END X'61',X'',1").xa_prepare(false);
  CHECK(f.changes.held().count() == 1);
  gtid(5, mariadb_gtid_flag::standalone | mariadb_gtid_flag::completed_xa);
  f.query("XA COMMIT X'61',X'',1");
  CHECK(f.changes.held().count() == 0);
  CHECK(f.ops() ==
        "begin schema insert commit begin ddl commit begin ddl insert commit begin ddl insert commit ");
  CHECK(f.changes.done().transactions == 4);
}

TEST_CASE("binlog: what does not belong where it stands is refused") {
  auto refused = [](auto doing) {
    feeder f;
    return tidewire::testing::failure_of([&] { doing(f); }).code == "TW-MY-DECODE";
  };
  CHECK(refused([](feeder& f) { f.table().insert(1); }));
  CHECK(refused([](feeder& f) { f.xid(); }));
  CHECK(refused([](feeder& f) { f.gtid(1).gtid(2); }));
  CHECK(refused([](feeder& f) { f.query("BEGIN").query("BEGIN"); }));
  CHECK(refused([](feeder& f) { f.query("BEGIN").insert(1); }));  // no table map
  CHECK(refused([](feeder& f) { f.gtid(1).query("XA START X'61',X'',1").xid(); }));
  CHECK(refused([](feeder& f) { f.gtid(1).xa_prepare(false); }));
  CHECK(refused([](feeder& f) { f.take(make_event(event_type::transaction_payload, "00")); }));
  CHECK(refused([](feeder& f) { f.changes.file(std::string(256, 'x')); }));
  feeder f;
  incident_view m{1, "gone"};
  auto incident = make_event(event_type::incident, encoded([&](encoder& to) { encode_incident(to, m); }));
  CHECK(tidewire::testing::failure_of([&] { f.take(incident); }).code == "TW-MY-INCIDENT");
}

TEST_CASE("binlog: after a reconnect nothing comes twice") {
  feeder f;
  f.gtid(1).query("BEGIN").table().insert(1).insert(2);
  f.changes.reconnected();
  f.gtid(1).query("BEGIN").table().insert(1).insert(2).insert(3).xid();
  CHECK(f.ops() == "begin schema insert insert insert commit ");
  CHECK(f.line(5).find(R"("changes":3})") != std::string::npos);

  feeder other;
  other.gtid(1).query("BEGIN").table().insert(1);
  other.changes.reconnected();
  CHECK(tidewire::testing::failure_of([&] { other.gtid(2); }).code == "TW-MY-HISTORY");
  feeder shorter;
  shorter.gtid(1).query("BEGIN").table().insert(1).insert(2);
  shorter.changes.reconnected();
  shorter.gtid(1).query("BEGIN").table().insert(1);
  CHECK(tidewire::testing::failure_of([&] { shorter.xid(); }).code == "TW-MY-HISTORY");
}

TEST_CASE("binlog: an XA transaction whose outcome comes twice") {
  row_changes::settings with;
  with.track_gtids = true;
  feeder f(with);
  const std::string start = "XA START X'61',X'',1";
  f.gtid(1).query(start).table().insert(1).insert(2).query("XA END X'61',X'',1").xa_prepare(false);
  f.replay_by_itself = false;
  f.gtid(2).query("XA COMMIT X'61',X'',1");
  f.changes.replay_more(300);  // not all of it
  REQUIRE(f.changes.replaying());
  f.changes.reconnected();
  CHECK(f.changes.prepared().count() == 1);
  f.replay_by_itself = true;
  f.gtid(2).query("XA COMMIT X'61',X'',1");
  CHECK(f.ops() == "begin schema insert insert commit ");
  CHECK(f.changes.prepared().empty());
  CHECK(f.changes.held().count() == 0);
}

TEST_CASE("binlog: images that lack columns") {
  feeder f;
  f.gtid(1).query("BEGIN").table();
  f.take(rows_event(event_type::update_rows_v2, 2, "fe 01000000 fe 01'y'", "01", "02"), 10);
  f.table().take(rows_event(event_type::delete_rows_v2, 2, "fe 01000000", "01"), 10).xid();
  CHECK(f.line(2).find(R"("key":{"id":1},"after":{"id":1,"t":"y"}})") != std::string::npos);
  CHECK(f.line(3).find(R"("key":{"id":1}})") != std::string::npos);
  // The old row has what the new one does not repeat.
  feeder nodup;
  nodup.gtid(1).query("BEGIN").table();
  nodup.take(rows_event(event_type::update_rows_v2, 2, "fc 01000000 01'x' fe 01'y'", "03", "02"), 10).xid();
  CHECK(nodup.line(2).find(R"("before":{"id":1,"t":"x"},"after":{"id":1,"t":"y"}})") != std::string::npos);
}

TEST_CASE("binlog: tables that the binlog gives no names") {
  feeder f;
  f.gtid(1).query("BEGIN").table(false).insert(1).table(false).insert(2).xid();
  CHECK(f.line(2).find(R"("after":{"@1":1,"@2":"x"}})") != std::string::npos);
  CHECK(f.warnings == std::vector<std::string>{"TW-MY-METADATA"});

  schema_book book =
      schema_book::parse("db\tt\tnumber\tint(10) unsigned\t\tPRI\ndb\tt\tword\tvarchar(80)\tutf8mb4\t\n");
  row_changes::settings with;
  with.schemas = &book;
  feeder known(with);
  known.gtid(1).query("BEGIN").table(false).take(
      rows_event(event_type::write_rows_v2, 2, "fc ffffffff 01'x'"), 10);
  known.xid();
  CHECK(known.line(2).find(R"("after":{"number":4294967295,"word":"x"}})") != std::string::npos);
  CHECK(known.line(1).find(R"({"name":"number","type":"int unsigned","key":true})") != std::string::npos);
  CHECK(known.warnings.empty());

  for (const char* wrong : {"db\tt\ta\tint\t\t\n", "db\tt\ta\tint\t\t\ndb\tt\tb\tint\t\t\n"}) {
    schema_book bad = schema_book::parse(wrong);
    with.schemas = &bad;
    feeder refusing(with);
    refusing.gtid(1).query("BEGIN").table(false);
    CHECK(tidewire::testing::failure_of([&] { refusing.insert(1); }).code == "TW-MY-SCHEMA");
  }
  // A name that the binlog tells too must be the same.
  schema_book renamed = schema_book::parse("db\tt\tid\tint\t\tPRI\ndb\tt\tother\tvarchar(80)\t\t\n");
  with.schemas = &renamed;
  feeder refusing(with);
  refusing.gtid(1).query("BEGIN").table();
  CHECK(tidewire::testing::failure_of([&] { refusing.insert(1); }).code == "TW-MY-SCHEMA");
}

TEST_CASE("binlog: rows of a table that is not known") {
  schema_history history(*parse_position("gtid:00000000-0000-0000-0000-000000000009:1"));
  row_changes::settings with;
  with.history = &history;
  int told = 0;
  with.on_schema_change = [&] { ++told, history.saved(); };
  feeder f(with);
  auto wanted = [&](auto&& what) -> std::string {
    try {
      what();
    } catch (const schema_wanted& of) {
      return of.schema + "." + of.table + " " + of.mark.substr(of.mark.rfind(':'));
    }
    return "";
  };
  auto learn = [&](const char* name) {
    history.learned("db", "t", {{name, "int", "", true}, {"w", "varchar(80)", "utf8mb4", false}});
  };
  f.gtid(2).query("BEGIN").table(false);
  CHECK(wanted([&] { f.insert(1); }) == "db.t :2");
  learn("one");
  f.changes.reconnected();
  f.gtid(2).query("BEGIN").table(false).insert(1).xid();
  CHECK(f.line(2).find(R"("after":{"one":1,"w":"x"}})") != std::string::npos);
  // A statement that creates and fills it comes again after the reconnect.
  f.gtid(3).query("CREATE TABLE t (two INT, w INT) START TRANSACTION").table(false);
  CHECK(told == 1);
  CHECK(wanted([&] { f.insert(2); }) == "db.t :3");
  learn("two");
  f.changes.reconnected();
  f.gtid(3).query("CREATE TABLE t (two INT, w INT) START TRANSACTION").table(false).insert(2).xid();
  CHECK(f.ops() == "begin schema insert commit begin ddl schema insert commit ");
  CHECK(f.line(7).find(R"("after":{"two":2,"w":"x"}})") != std::string::npos);
  // Tables that have names need no history.
  f.gtid(4).query("DROP TABLE t").gtid(5).query("BEGIN").table().insert(3).xid();
  CHECK(f.warnings.empty());
}

TEST_CASE("binlog: the schema file") {
  auto code = [](std::string_view text) {
    return tidewire::testing::failure_of([&] { schema_book::parse(text); }).code;
  };
  CHECK(schema_book::parse("").empty());
  CHECK(schema_book::parse("\n").empty());
  CHECK(code("db\tt\ta\tint\t\n") == "TW-MY-SCHEMA-FILE");
  CHECK(code("db\tt\ta\tstrange\t\t\n") == "TW-MY-SCHEMA-FILE");

  // Labels with quotes; MariaDB's UUID.
  schema_book book =
      schema_book::parse("db\tt\te\tenum('a','it''s','\\\\n')\tlatin1\t\ndb\tt\tu\tuuid\t\tPRI\n");
  table_definition table = defined({"fefe", "f701 fe10", ""}, true);
  const table_definition* better = book.improved(table);
  REQUIRE(better);
  CHECK(better->columns[0].labels == std::vector<std::string>{"a", "it's", "\n"});
  CHECK(better->columns[1].hint == column_hint::uuid);
  CHECK(better->columns[1].key);
  table.name = "other";
  CHECK(!book.improved(table));
}
