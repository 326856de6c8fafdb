#include "pgoutput/row_changes.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace tidewire;
using namespace tidewire::pgoutput;

namespace {

using bytes = std::vector<std::uint8_t>;

/// Messages as a server sends them, each followed by readable padding.
class messages {
 public:
  template <class Encode>
  static bytes make(Encode encode) {
    bytes made;
    encoder out(made);
    encode(out);
    REQUIRE(out.ok());
    return made;
  }

  static bytes begin(std::uint64_t commit, std::uint32_t xid = 7) {
    return make([&](encoder& out) { encode_begin(out, {wire::lsn{commit}, 0, xid}); });
  }
  static bytes commit(std::uint64_t commit, std::uint64_t end) {
    return make([&](encoder& out) { encode_commit(out, {wire::lsn{commit}, wire::lsn{end}, 0}); });
  }
  static bytes relation(std::string_view name = "t", std::uint32_t xid = 0, std::uint32_t oid = 16384) {
    relation_view of;
    of.xid = xid;
    of.oid = oid;
    of.schema = "public";
    of.name = name;
    std::vector<column_view> columns{{1, "id", 23, -1}, {0, "note", 25, -1}};
    return make([&](encoder& out) { encode_relation(out, of, columns, xid != 0); });
  }
  static bytes insert(std::string_view id, std::string_view note, std::uint32_t xid = 0) {
    row_view row;
    row.xid = xid;
    row.relation = 16384;
    std::vector<value> values{text(id), text(note)};
    return make([&](encoder& out) { encode_insert(out, row, values, xid != 0); });
  }
  static value text(std::string_view of) {
    return {of.data(), static_cast<std::uint32_t>(of.size()), value_kind::text};
  }
};

class lines_of {
 public:
  lines_of() : changes({}) { changes.write_to(out); }

  bool take(const bytes& message) {
    bytes padded = message;
    padded.resize(message.size() + 64);
    bool taken = changes.take({padded.data(), message.size()});
    while (changes.replaying()) changes.replay_more();
    return taken;
  }
  void take_all(std::initializer_list<bytes> many) {
    for (const bytes& each : many) REQUIRE(take(each));
  }
  /// What was written since the last call.
  std::string text() {
    std::string all(out.view().substr(seen));
    seen = out.size();
    return all;
  }
  std::string code(const bytes& message) {
    try {
      take(message);
    } catch (const failure& error) {
      CHECK(error.kind == failure_kind::refused);
      CHECK(!error.hint.empty());
      return error.code + " " + error.what();
    }
    return "";
  }

  json::buffer out;
  row_changes changes;
  std::size_t seen = 0;
};

std::size_t count(const std::string& text, std::string_view what) {
  std::size_t found = 0;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + 1)) ++found;
  return found;
}

}  // namespace

TEST_CASE("A transaction becomes lines, its table is described once", "[row_changes]") {
  lines_of lines;
  lines.take_all({messages::begin(0x100), messages::relation(), messages::insert("1", "a"),
                  messages::insert("2", "b"), messages::commit(0x100, 0x130)});
  CHECK(lines.text() ==
        R"({"v":1,"op":"begin","lsn":"0/100","xid":7,"ts":"2000-01-01T00:00:00.000000Z"})"
        "\n"
        R"({"v":1,"op":"schema","schema":"public","table":"t","oid":16384,"identity":"default","columns":[)"
        R"({"name":"id","type":"int4","type_oid":23,"typmod":-1,"key":true},)"
        R"({"name":"note","type":"text","type_oid":25,"typmod":-1,"key":false}]})"
        "\n"
        R"({"v":1,"op":"insert","schema":"public","table":"t","lsn":"0/100","xid":7,)"
        R"("ts":"2000-01-01T00:00:00.000000Z","seq":1,"after":{"id":1,"note":"a"}})"
        "\n"
        R"({"v":1,"op":"insert","schema":"public","table":"t","lsn":"0/100","xid":7,)"
        R"("ts":"2000-01-01T00:00:00.000000Z","seq":2,"after":{"id":2,"note":"b"}})"
        "\n"
        R"({"v":1,"op":"commit","lsn":"0/100","xid":7,"ts":"2000-01-01T00:00:00.000000Z",)"
        R"("end_lsn":"0/130","changes":2})"
        "\n");
  CHECK(lines.changes.done().end == wire::lsn{0x130});
  CHECK(lines.changes.done().transactions == 1);
  CHECK(lines.changes.done().changes == 2);
  CHECK(lines.changes.done_bytes() == lines.out.size());
  lines.take_all({messages::begin(0x200), messages::insert("3", "c"), messages::commit(0x200, 0x230)});
  CHECK(count(lines.text(), "schema\",\"schema") == 0);
}

TEST_CASE("A transaction without changes leaves nothing but its position", "[row_changes]") {
  lines_of lines;
  lines.take_all({messages::begin(0x100), messages::commit(0x100, 0x130)});
  CHECK(lines.text().empty());
  CHECK(lines.changes.done().end == wire::lsn{0x130});
  CHECK(lines.changes.done().transactions == 0);
}

TEST_CASE("After a reconnect nothing comes twice", "[row_changes]") {
  lines_of lines;
  lines.changes.connected(wire::lsn{0x80});
  lines.take_all({messages::begin(0x100), messages::relation(), messages::insert("1", "a"),
                  messages::commit(0x100, 0x130), messages::begin(0x200), messages::insert("2", "b"),
                  messages::insert("3", "c")});
  lines.text();
  lines.changes.connected(lines.changes.done().end);
  // The server begins where it knows us to be, before what we have.
  lines.take_all({messages::begin(0x100), messages::relation(), messages::insert("1", "a"),
                  messages::commit(0x100, 0x130)});
  CHECK(lines.text().empty());
  CHECK(lines.changes.done().end == wire::lsn{0x130});
  // The one that was cut off goes on where it stopped, and counts all its changes.
  lines.take_all({messages::begin(0x200), messages::insert("2", "b"), messages::insert("3", "c")});
  CHECK(lines.text().empty());
  lines.take_all({messages::insert("4", "d"), messages::commit(0x200, 0x230)});
  std::string rest = lines.text();
  CHECK(count(rest, "\"op\":\"begin\"") == 0);
  CHECK(count(rest, "\"seq\":3,") == 1);
  CHECK(count(rest, "\"changes\":3}") == 1);
  CHECK(lines.changes.done().transactions == 2);
  CHECK(lines.changes.done().changes == 4);
}

TEST_CASE("A second cut inside what came again changes nothing", "[row_changes]") {
  lines_of lines;
  lines.changes.connected(wire::lsn{0x80});
  lines.take_all(
      {messages::begin(0x200), messages::relation(), messages::insert("2", "b"), messages::insert("3", "c")});
  lines.changes.connected(lines.changes.done().end);
  lines.take_all({messages::begin(0x200), messages::relation(), messages::insert("2", "b")});
  lines.changes.connected(lines.changes.done().end);
  lines.text();
  lines.take_all({messages::begin(0x200), messages::relation(), messages::insert("2", "b"),
                  messages::insert("3", "c"), messages::commit(0x200, 0x230)});
  std::string rest = lines.text();
  CHECK(count(rest, "\n") == 1);
  CHECK(count(rest, "\"changes\":2}") == 1);
}

TEST_CASE("A server with another history is refused", "[row_changes]") {
  lines_of lines;
  lines.changes.connected(wire::lsn{0x80});
  lines.take_all({messages::begin(0x200), messages::relation(), messages::insert("2", "b")});
  lines.changes.connected(lines.changes.done().end);
  CHECK(lines.code(messages::begin(0x208)).starts_with("TW-PG-HISTORY"));

  lines_of shorter;
  shorter.changes.connected(wire::lsn{0x80});
  shorter.take_all({messages::begin(0x200), messages::relation(), messages::insert("2", "b")});
  shorter.changes.connected(shorter.changes.done().end);
  shorter.take_all({messages::begin(0x200)});
  CHECK(shorter.code(messages::commit(0x200, 0x230)).starts_with("TW-PG-HISTORY"));
}

TEST_CASE("A relation has to be announced on each connection", "[row_changes]") {
  lines_of lines;
  lines.take_all({messages::begin(0x100), messages::relation(), messages::insert("1", "a"),
                  messages::commit(0x100, 0x130)});
  lines.changes.connected(lines.changes.done().end);
  lines.take_all({messages::begin(0x200)});
  std::string error = lines.code(messages::insert("2", "b"));
  CHECK(error.starts_with("TW-PG-DECODE"));
  CHECK(error.find("unknown_reference at offset 0 (relation), in the transaction that commits at 0/200") !=
        error.npos);
}

TEST_CASE("A table that changed is described again, where it happened", "[row_changes]") {
  lines_of lines;
  lines.take_all({messages::begin(0x100), messages::relation("t"), messages::insert("1", "a"),
                  messages::relation("t"), messages::insert("2", "b"), messages::relation("u"),
                  messages::insert("3", "c"), messages::commit(0x100, 0x130)});
  std::string text = lines.text();
  CHECK(count(text, "\"op\":\"schema\"") == 2);
  std::size_t at = text.find("\"table\":\"u\",\"oid\"");
  REQUIRE(at != text.npos);
  CHECK(text.find("\"seq\":2,") < at);
  CHECK(text.find("\"seq\":3,") > at);
}

TEST_CASE("Streamed transactions come at their commit, without what was rolled back", "[row_changes]") {
  lines_of lines;
  auto start = [](std::uint32_t xid, bool first) {
    return messages::make([&](encoder& out) { encode_stream_start(out, {xid, first}); });
  };
  auto stop = messages::make([](encoder& out) { encode_stream_stop(out, {}); });
  auto abort = [](std::uint32_t xid, std::uint32_t subxid) {
    stream_abort_message m;
    m.xid = xid;
    m.subxid = subxid;
    return messages::make([&](encoder& out) { encode_stream_abort(out, m); });
  };
  lines.take_all({start(50, true), messages::relation("t", 50), messages::insert("1", "a", 50),
                  messages::insert("2", "gone", 51), stop, start(60, true), messages::relation("t", 60),
                  messages::insert("9", "z", 60), stop, abort(50, 51), start(50, false),
                  messages::insert("3", "c", 52), stop, abort(60, 60)});
  CHECK(lines.text().empty());
  CHECK(lines.changes.waiting().open_transactions() == 1);
  lines.take_all({messages::make(
      [](encoder& out) { encode_stream_commit(out, {50, wire::lsn{0x300}, wire::lsn{0x330}, 0}); })});
  std::string text = lines.text();
  CHECK(count(text, "\"op\":\"insert\"") == 2);
  CHECK(count(text, "\"xid\":50,") == 4);
  CHECK(count(text, "gone") == 0);
  CHECK(count(text, "\"seq\":2,\"after\":{\"id\":3,") == 1);
  CHECK(count(text, "\"end_lsn\":\"0/330\",\"changes\":2}") == 1);
  CHECK(lines.changes.done().end == wire::lsn{0x330});
}

TEST_CASE("Prepared transactions and their outcome", "[row_changes]") {
  lines_of lines;
  prepare_view prepared{wire::lsn{0x400}, wire::lsn{0x430}, 0, 9, "order 1"};
  lines.take_all({messages::make([&](encoder& out) { encode_begin_prepare(out, prepared); }),
                  messages::relation(), messages::insert("1", "a"),
                  messages::make([&](encoder& out) { encode_prepare(out, prepared); })});
  std::string text = lines.text();
  CHECK(count(text,
              "\"op\":\"begin\",\"lsn\":\"0/"
              "400\",\"xid\":9,\"ts\":\"2000-01-01T00:00:00.000000Z\",\"gid\":\"order 1\"}") == 1);
  CHECK(count(text, "\"op\":\"prepare\"") == 1);
  CHECK(lines.changes.done().end == wire::lsn{0x430});
  lines.take_all({messages::make([](encoder& out) {
    encode_commit_prepared(out, {wire::lsn{0x500}, wire::lsn{0x530}, 0, 9, "order 1"});
  })});
  CHECK(count(lines.text(), "\"op\":\"commit_prepared\",\"lsn\":\"0/500\"") == 1);
  lines.take_all({messages::make([](encoder& out) {
    encode_rollback_prepared(out, {wire::lsn{0x600}, wire::lsn{0x630}, 0, 0, 9, "order 2"});
  })});
  CHECK(count(lines.text(), "\"op\":\"rollback_prepared\",\"lsn\":\"0/630\"") == 1);
  CHECK(lines.changes.done().end == wire::lsn{0x630});
  // All of it is passed over when it comes again.
  lines.changes.connected(wire::lsn{0x630});
  lines.take_all({messages::make([&](encoder& out) { encode_begin_prepare(out, prepared); }),
                  messages::relation(), messages::insert("1", "a"),
                  messages::make([&](encoder& out) { encode_prepare(out, prepared); }),
                  messages::make([](encoder& out) {
                    encode_rollback_prepared(out, {wire::lsn{0x600}, wire::lsn{0x630}, 0, 0, 9, "order 2"});
                  })});
  CHECK(lines.text().empty());
}

TEST_CASE("The stream ends before a limit, and the limit's transaction is not taken", "[row_changes]") {
  lines_of lines;
  lines.changes.stop_before(wire::lsn{0x200});
  lines.take_all({messages::begin(0x1ff), messages::relation(), messages::insert("1", "a"),
                  messages::commit(0x1ff, 0x230)});
  CHECK(!lines.take(messages::begin(0x200)));
  CHECK(lines.changes.done().end == wire::lsn{0x230});
}

TEST_CASE("A keepalive moves the position between transactions only", "[row_changes]") {
  lines_of lines;
  lines.changes.idle_at(wire::lsn{0x90});
  CHECK(lines.changes.done().end == wire::lsn{0x90});
  lines.changes.idle_at(wire::lsn{0x80});
  CHECK(lines.changes.done().end == wire::lsn{0x90});
  lines.take_all({messages::begin(0x100), messages::relation(), messages::insert("1", "a")});
  lines.changes.idle_at(wire::lsn{0x500});
  CHECK(lines.changes.done().end == wire::lsn{0x90});
  CHECK(!lines.changes.between_transactions());
}

TEST_CASE("Logical messages, inside and outside of transactions", "[row_changes]") {
  lines_of lines;
  lines.changes.connected(wire::lsn{0x50});
  auto message = [](std::uint64_t lsn, bool transactional) {
    logical_message_view m;
    m.flags = transactional;
    m.lsn = wire::lsn{lsn};
    m.prefix = "app";
    m.content = as_bytes("hello");
    return messages::make([&](encoder& out) { encode_logical_message(out, m, false); });
  };
  lines.take_all({message(0x60, false)});
  CHECK(lines.text() ==
        R"({"v":1,"op":"message","lsn":"0/60","prefix":"app","transactional":false,"content":"hello"})"
        "\n");
  CHECK(lines.changes.done().end == wire::lsn{0x61});
  lines.take_all({messages::begin(0x100), message(0x90, true), messages::commit(0x100, 0x130)});
  CHECK(count(lines.text(), "\"seq\":1,\"prefix\":\"app\",\"transactional\":true") == 1);
  lines.changes.connected(wire::lsn{0x130});
  lines.take_all({message(0x60, false)});
  CHECK(lines.text().empty());
}

TEST_CASE("Origins come after the begin, and not for nothing", "[row_changes]") {
  lines_of lines;
  auto origin = messages::make([](encoder& out) { encode_origin(out, {wire::lsn{0xAB}, "elsewhere"}); });
  lines.take_all({messages::begin(0x100), origin, messages::commit(0x100, 0x130)});
  CHECK(lines.text().empty());
  lines.take_all({messages::begin(0x200), origin, messages::relation(), messages::insert("1", "a"),
                  messages::commit(0x200, 0x230)});
  std::string text = lines.text();
  CHECK(text.find("\"op\":\"begin\"") <
        text.find("\"op\":\"origin\",\"name\":\"elsewhere\",\"origin_lsn\":\"0/AB\""));
  CHECK(text.find("\"op\":\"origin\"") < text.find("\"op\":\"schema\""));
}

TEST_CASE("A column's name that JSON can't have as a key is refused", "[row_changes]") {
  relation_view of;
  of.oid = 16384;
  of.schema = "public";
  of.name = "t\xff";
  std::vector<column_view> good{{1, "\xc3\xa4", 23, -1}, {0, "note", 25, -1}};
  std::vector<column_view> bad{{1, "id", 23, -1}, {0, "n\xff", 25, -1}};
  auto described = [&](const std::vector<column_view>& columns) {
    return messages::make([&](encoder& out) { encode_relation(out, of, columns, false); });
  };
  lines_of lines;
  lines.take_all({messages::begin(0x100), described(good), messages::insert("1", "a")});
  CHECK(count(lines.text(), R"("table":{"hex":"74ff"})") == 2);
  lines.take_all({described(bad)});
  CHECK(lines.code(messages::insert("2", "b")).starts_with("TW-PG-COLUMN-NAME"));
  CHECK(lines.text().empty());
}

TEST_CASE("A value that fills a gap of the new row takes its room twice", "[row_changes]") {
  row_view row;
  row.relation = 16384;
  row.old = old_tuple::full;
  std::string note(20'000, '\x01');
  std::vector<value> before{messages::text("1"), messages::text(note)};
  std::vector<value> after{messages::text("1"), {nullptr, 0, value_kind::unchanged}};
  bytes update = messages::make([&](encoder& out) { encode_update(out, row, after, before, false); });
  lines_of lines;
  lines.take_all({messages::begin(0x100), messages::relation(), messages::insert("1", "a")});
  // A buffer that has no room yet is given no more than was asked for.
  json::buffer fresh;
  lines.changes.write_to(fresh);
  lines.take(update);
  std::string line(fresh.view());
  CHECK(fresh.size() <= fresh.capacity());
  CHECK(count(line, "\\u0001") == 2 * note.size());
  CHECK(line.ends_with("\"}}\n"));
}

TEST_CASE("Truncates name every table", "[row_changes]") {
  lines_of lines;
  truncate_view truncate;
  truncate.flags = 3;
  std::vector<std::uint32_t> oids{16384, 16400};
  lines.take_all({messages::begin(0x100), messages::relation("a"), messages::relation("b", 0, 16400),
                  messages::make([&](encoder& out) { encode_truncate(out, truncate, oids, false); }),
                  messages::commit(0x100, 0x130)});
  std::string text = lines.text();
  CHECK(count(text, "\"op\":\"schema\"") == 2);
  CHECK(count(text, R"("seq":1,"tables":[{"schema":"public","table":"a"},{"schema":"public","table":"b"}],)"
                    R"("cascade":true,"restart_identity":true})") == 1);
}

TEST_CASE("Every cut message is refused with its place, and nothing of it is written", "[row_changes]") {
  std::vector<bytes> good{messages::begin(0x100), messages::relation(), messages::insert("1", "a"),
                          messages::commit(0x100, 0x130)};
  for (std::size_t which = 0; which < good.size(); ++which) {
    for (std::size_t size = 0; size < good[which].size(); ++size) {
      lines_of lines;
      for (std::size_t i = 0; i < which; ++i) lines.take(good[i]);
      lines.text();
      bytes cut(good[which].begin(), good[which].begin() + static_cast<std::ptrdiff_t>(size));
      std::string error = lines.code(cut);
      INFO(which << " " << size << " " << error);
      CHECK(error.starts_with("TW-PG-DECODE"));
      CHECK(error.find(" at offset ") != error.npos);
      CHECK(lines.text().empty());
    }
  }
}

TEST_CASE("Messages out of order are refused", "[row_changes]") {
  for (const bytes& message :
       {messages::insert("1", "a"), messages::commit(0x100, 0x130), messages::relation()}) {
    lines_of lines;
    CHECK(lines.code(message).find("bad_state") != std::string::npos);
  }
}
