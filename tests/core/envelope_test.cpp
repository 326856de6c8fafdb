#include "core/envelope.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <string>

using namespace tidewire;

namespace {

/// Values with the padding that the writer needs behind them.
class row {
 public:
  row& text(std::string_view bytes) { return add(value_kind::text, bytes); }
  row& binary(std::string_view bytes) { return add(value_kind::binary, bytes); }
  row& add(value_kind kind, std::string_view bytes = {}) {
    auto copy = std::make_unique<std::string>(bytes);
    copy->append(json::input_padding, '"');
    values_.push_back({copy->data(), static_cast<std::uint32_t>(bytes.size()), kind});
    bytes_ += bytes.size();
    owned_.push_back(std::move(copy));
    return *this;
  }
  std::span<const value> values() const { return values_; }
  std::size_t bytes() const { return bytes_; }

 private:
  std::vector<std::unique_ptr<std::string>> owned_;
  std::vector<value> values_;
  std::size_t bytes_ = 0;
};

table items() {
  return {16385,
          "public",
          "items",
          "default",
          {{"id", 23, -1, true, json_form::integer},
           {"name", 25, -1, false, json_form::string},
           {"price", 701, -1, false, json_form::number},
           {"on", 16, -1, false, json_form::boolean},
           {"doc", 3802, -1, false, json_form::json}}};
}

struct fixture {
  json::buffer out;
  envelope_writer writer{out};
  table of = items();
  table_plan plan{of};

  fixture() { writer.enter("0/16B3748", 731, 1'709'210'096'123'456); }
  static std::string padded_content() { return "hi\"x" + std::string(json::input_padding, 0); }
  std::string line() {
    std::string taken(out.view());
    out.clear();
    return taken;
  }
};

const std::string common = R"("lsn":"0/16B3748","xid":731,"ts":"2024-02-29T12:34:56.123456Z")";

}  // namespace

TEST_CASE_METHOD(fixture, "an insert has all values of its columns' forms") {
  row after;
  after.text("7").text("a \"b\"\n").text("1.50").text("t").text(R"({"k": [1]})");
  writer.row(row_op::insert, plan, 1, old_row::none, {}, after.values(), after.bytes());
  CHECK(line() ==
        R"({"v":1,"op":"insert","schema":"public","table":"items",)" + common +
            R"(,"seq":1,"after":{"id":7,"name":"a \"b\"\n","price":1.50,"on":true,"doc":{"k": [1]}}})"
            "\n");
}

TEST_CASE_METHOD(fixture, "what does not fit its form is a string, and null is null") {
  row after;
  after.text("07").add(value_kind::null).text("NaN").text("x").text("{broken");
  writer.row(row_op::insert, plan, 12345, old_row::none, {}, after.values(), after.bytes());
  CHECK(line() ==
        R"({"v":1,"op":"insert","schema":"public","table":"items",)" + common +
            R"(,"seq":12345,"after":{"id":"07","name":null,"price":"NaN","on":"x","doc":"{broken"}})"
            "\n");
}

TEST_CASE_METHOD(fixture, "a json column's own null is told from SQL's") {
  row before, after;
  before.text("7").text("null").text("1").text("f").text("null");
  after.text("7").text("x").add(value_kind::null).text("f").text(" null\n");
  writer.row(row_op::update, plan, 2, old_row::full, before.values(), after.values(), 64);
  std::string written = line();
  CHECK(written.ends_with(R"(,"after":{"id":7,"name":"x","price":null,"on":false,"doc": null },)"
                          R"("json_null":{"before":["doc"],"after":["doc"]}})"
                          "\n"));
  CHECK(written.find(R"("before":{"id":7,"name":"null","price":1,"on":false,"doc":null})") != written.npos);
  row sql_null;
  sql_null.text("7").text("null").text("1").text("f").add(value_kind::null);
  writer.row(row_op::insert, plan, 3, old_row::none, {}, sql_null.values(), 64);
  CHECK(line().ends_with(R"("doc":null}})"
                         "\n"));
  row inside;
  inside.text("7").text("x").text("1").text("f").text("[null]");
  writer.row(row_op::insert, plan, 4, old_row::none, {}, inside.values(), 64);
  CHECK(line().ends_with(R"("doc":[null]}})"
                         "\n"));
}

TEST_CASE_METHOD(fixture, "a huge json null is one") {
  row after;
  std::string blank(100'000, ' ');
  after.text("7").add(value_kind::unchanged).text("1").text("f").text(blank + "null");
  writer.row(row_op::insert, plan, 2, old_row::none, {}, after.values(), after.bytes());
  CHECK(line().ends_with(R"(null},"unchanged":["name"],"json_null":{"after":["doc"]}})"
                         "\n"));
}

TEST_CASE_METHOD(fixture, "unchanged values are named, not invented") {
  row after;
  after.text("7").add(value_kind::unchanged).add(value_kind::null).text("f").add(value_kind::unchanged);
  writer.row(row_op::update, plan, 2, old_row::none, {}, after.values(), after.bytes());
  CHECK(line() == R"({"v":1,"op":"update","schema":"public","table":"items",)" + common +
                      R"(,"seq":2,"after":{"id":7,"price":null,"on":false},"unchanged":["name","doc"]})"
                      "\n");
}

TEST_CASE_METHOD(fixture, "an old key has the key columns only, a full old row all") {
  row key, full, after;
  key.text("6")
      .add(value_kind::absent)
      .add(value_kind::absent)
      .add(value_kind::absent)
      .add(value_kind::absent);
  full.text("6").add(value_kind::null).text("2").text("f").text("[]");
  after.text("7").text("n").text("3").text("t").text("{}");
  writer.row(row_op::update, plan, 3, old_row::key, key.values(), after.values(), 64);
  CHECK(line() == R"({"v":1,"op":"update","schema":"public","table":"items",)" + common +
                      R"(,"seq":3,"key":{"id":6},"after":{"id":7,"name":"n","price":3,"on":true,"doc":{}}})"
                      "\n");
  writer.row(row_op::remove, plan, 4, old_row::full, full.values(), {}, 64);
  CHECK(line() == R"({"v":1,"op":"delete","schema":"public","table":"items",)" + common +
                      R"(,"seq":4,"before":{"id":6,"name":null,"price":2,"on":false,"doc":[]}})"
                      "\n");
}

TEST_CASE_METHOD(fixture, "binary values are marked") {
  row after;
  after.binary(std::string_view("\0\xff", 2)).add(value_kind::null).add(value_kind::null).text("t").text("1");
  writer.row(row_op::insert, plan, 1, old_row::none, {}, after.values(), after.bytes());
  CHECK(line().find(R"("after":{"id":{"binary":"00ff"},"name":null)") != std::string::npos);
}

TEST_CASE_METHOD(fixture, "a row of any size gives the same line as a small one would") {
  for (std::size_t size : {4000u, 4097u, 65'535u, 65'537u, 300'000u}) {
    std::string text;
    while (text.size() < size) text += "some \"text\" with é and 漢字\n";
    text.resize(size);
    while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0x80)) text.back() = '.';
    std::string document = R"({"text":")" + std::string(size, 'x') + "\"}";
    row after;
    after.text("7").text(text).text("1").text("t").text(document);
    writer.row(row_op::insert, plan, 1, old_row::none, {}, after.values(), after.bytes());
    std::string escaped(text.size() * 6 + 64, 0);
    char* end = json::put_escaped_scalar(escaped.data(), text.data(), text.data() + text.size());
    REQUIRE(end);
    escaped.resize(static_cast<std::size_t>(end - escaped.data()));
    bool same = line() == R"({"v":1,"op":"insert","schema":"public","table":"items",)" + common +
                              R"(,"seq":1,"after":{"id":7,"name":")" + escaped +
                              R"(","price":1,"on":true,"doc":)" + document + "}}\n";
    CHECK(same);
  }
}

TEST_CASE_METHOD(fixture, "long invalid text is hex as a whole") {
  std::string text(200'000, 'a');
  text[150'000] = '\xff';
  row after;
  after.text("7").text(text).text("1").text("t").text("1");
  writer.row(row_op::insert, plan, 1, old_row::none, {}, after.values(), after.bytes());
  auto got = line();
  CHECK(got.find(R"("name":{"hex":"6161)") != std::string::npos);
  CHECK(got.find("61ff61") != std::string::npos);
}

TEST_CASE_METHOD(fixture, "names are escaped wherever they stand") {
  table odd{1, "s\"s", "t\nt", "full", {{"a\\\"b", 23, -1, true, json_form::integer}}};
  table_plan odd_plan(odd);
  row after;
  after.add(value_kind::unchanged);
  writer.row(row_op::update, odd_plan, 1, old_row::none, {}, after.values(), 0);
  CHECK(line() == R"({"v":1,"op":"update","schema":"s\"s","table":"t\nt",)" + common +
                      R"(,"seq":1,"after":{},"unchanged":["a\\\"b"]})"
                      "\n");
}

TEST_CASE_METHOD(fixture, "a table with 1600 columns of long names fits") {
  table wide{1, "s", "t", "full", {}};
  row after;
  for (int i = 0; i < 1600; ++i) {
    wide.columns.push_back(
        {std::string(56, 'n') + std::to_string(10'000 + i), 25, -1, false, json_form::string});
    after.add(i % 2 ? value_kind::unchanged : value_kind::null);
  }
  table_plan wide_plan(wide);
  writer.row(row_op::update, wide_plan, 1, old_row::full, after.values(), after.values(), 0);
  CHECK(json::is_value(line() + std::string(json::input_padding, ' ')));
}

TEST_CASE_METHOD(fixture, "a copy's lines with fields of the source's own") {
  snapshot_mark mark;
  mark.fields = R"("pos":"b.000001:4","exact":true)";
  mark.tables = 2;
  writer.snapshot(mark);
  CHECK(line() == R"({"v":1,"op":"snapshot","stage":"begin","pos":"b.000001:4","exact":true,"tables":2})"
                  "\n");
  writer.enter_read_fields(R"("pos":"b.000001:4")");
  std::array<value, 2> nothing{};
  table two;
  two.schema = "s";
  two.name = "t";
  two.columns = {{.name = "a"}, {.name = "b"}};
  writer.read(table_plan(two), nothing, 0);
  CHECK(line() ==
        R"({"v":1,"op":"read","schema":"s","table":"t","pos":"b.000001:4","after":{"a":null,"b":null}})"
        "\n");
}

TEST_CASE_METHOD(fixture, "the lines around the rows") {
  writer.begin("0/16B3748", 731, 1'709'210'096'123'456);
  CHECK(line() == R"({"v":1,"op":"begin",)" + common + "}\n");
  writer.end("commit", "0/16B3790", 3);
  CHECK(line() == R"({"v":1,"op":"commit",)" + common +
                      R"(,"end_lsn":"0/16B3790","changes":3})"
                      "\n");
  writer.begin("0/16B3748", 731, 1'709'210'096'123'456, "tx 'a'");
  CHECK(line() == R"({"v":1,"op":"begin",)" + common +
                      R"(,"gid":"tx 'a'"})"
                      "\n");
  writer.end("prepare", "0/16B3790", 0, "g");
  CHECK(line() == R"({"v":1,"op":"prepare",)" + common +
                      R"(,"end_lsn":"0/16B3790","changes":0,"gid":"g"})"
                      "\n");
  std::array<const table*, 2> tables{&of, &of};
  writer.truncate(5, tables, true, false);
  CHECK(line() ==
        R"({"v":1,"op":"truncate",)" + common +
            R"(,"seq":5,"tables":[{"schema":"public","table":"items"},{"schema":"public","table":"items"}])" +
            R"(,"cascade":true,"restart_identity":false})"
            "\n");
  std::string text = padded_content();
  writer.message(6, "app", std::string_view(text).substr(0, 4));
  CHECK(line() == R"({"v":1,"op":"message",)" + common +
                      R"(,"seq":6,"prefix":"app","transactional":true,"content":"hi\"x"})"
                      "\n");
  writer.lone_message("0/1", "app", std::string_view(text).substr(0, 2));
  CHECK(line() == R"({"v":1,"op":"message","lsn":"0/1","prefix":"app","transactional":false,"content":"hi"})"
                  "\n");
  writer.schema(of);
  CHECK(line().starts_with(
      R"({"v":1,"op":"schema","schema":"public","table":"items","oid":16385,)"
      R"("identity":"default","columns":[{"name":"id","type_oid":23,"typmod":-1,"key":true},)"));
  writer.origin("up", "0/2");
  CHECK(line() == R"({"v":1,"op":"origin","name":"up","origin_lsn":"0/2"})"
                  "\n");
}
