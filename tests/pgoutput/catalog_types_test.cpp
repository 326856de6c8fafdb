#include "pgoutput/catalog_types.hpp"

#include <catch2/catch_test_macros.hpp>
#include <string>

#include "core/failure.hpp"
#include "pgoutput/row_changes.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;

namespace {

using row = std::vector<std::optional<std::string>>;

constexpr std::uint32_t mood = 20000, moods = 20001, pair = 20002, positive = 20003, span_of = 20004,
                        spans = 20005, odd = 20006;

wire::result_set catalogue() {
  wire::result_set found;
  found.rows = {
      row{"20000", "enum_send", "0", std::nullopt, std::nullopt, ","},
      row{"20001", "array_send", "0", std::nullopt, std::nullopt, ","},
      row{"20002", "record_send", "0", std::nullopt, std::nullopt, ","},
      row{"20003", "numeric_send", "1700", std::nullopt, std::nullopt, ","},
      row{"20004", "range_send", "0", "20000", std::nullopt, ","},
      row{"20005", "multirange_send", "0", std::nullopt, "20004", ","},
      row{"20006", "odd_send", "0", std::nullopt, std::nullopt, ";"},
  };
  return found;
}

/// A table of an id and a value in binary form, whose type is `type`.
class typed_rows {
 public:
  explicit typed_rows(std::uint32_t type) : type_(type) { changes_.write_to(out_); }

  void take(auto encode) {
    std::vector<std::uint8_t> message;
    encoder out(message);
    encode(out);
    REQUIRE(out.ok());
    std::size_t size = message.size();
    message.resize(size + 64);
    changes_.take({message.data(), size});
  }
  void begin() {
    take([](encoder& out) { encode_begin(out, {wire::lsn{100}, 0, 7}); });
    relation_view of;
    of.oid = 16384;
    of.schema = "public";
    of.name = "t";
    std::vector<column_view> columns{{1, "id", 25, -1}, {0, "v", type_, -1}};
    take([&](encoder& out) { encode_relation(out, of, columns, false); });
  }
  void insert(std::string_view id, std::string_view binary) {
    row_view row;
    row.relation = 16384;
    auto sent = [](std::string_view of) {
      return value{of.data(), static_cast<std::uint32_t>(of.size()), value_kind::binary};
    };
    std::vector<value> values{sent(id), sent(binary)};
    take([&](encoder& out) { encode_insert(out, row, values, false); });
  }
  std::string code_of_insert(std::string_view id, std::string_view binary) {
    try {
      insert(id, binary);
    } catch (const failure& why) {
      CHECK(why.kind == failure_kind::transient);
      return why.code;
    }
    return "";
  }
  void commit() {
    take([](encoder& out) { encode_commit(out, {wire::lsn{100}, wire::lsn{120}, 0}); });
  }
  std::size_t count(std::string_view wanted) const {
    std::string all(out_.view());
    std::size_t n = 0;
    for (std::size_t at = 0; (at = all.find(wanted, at)) != all.npos; at += wanted.size()) ++n;
    return n;
  }
  row_changes& changes() { return changes_; }

 private:
  std::uint32_t type_;
  row_changes changes_{{}};
  json::buffer out_;
};

}  // namespace

TEST_CASE("the catalogue says how types that are not built in are sent") {
  catalog_types types(catalogue());
  CHECK(types.find(mood)->form == binary_form::text);
  CHECK(types.find(moods)->form == binary_form::array);
  CHECK(types.find(pair)->form == binary_form::composite);
  CHECK(types.find(positive)->form == binary_form::domain);
  CHECK(types.find(positive)->element == 1700);
  CHECK(types.find(span_of)->form == binary_form::range);
  CHECK(types.find(span_of)->element == mood);
  CHECK(types.find(spans)->form == binary_form::multirange);
  CHECK(types.find(spans)->element == span_of);
  CHECK(types.find(odd)->form == binary_form::none);
  CHECK(types.find(odd)->delimiter == ';');
  CHECK(types.find(30000) == nullptr);
}

TEST_CASE("rows of a catalogue that are not of its form are left out") {
  wire::result_set found = catalogue();
  found.rows = {row{}, row{"20000"}, row{std::nullopt, "enum_send", "0", std::nullopt, std::nullopt, ","},
                row{"x", "enum_send", "0", std::nullopt, std::nullopt, ","},
                row{"20001", std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt}};
  catalog_types types(found);
  CHECK(types.find(mood) == nullptr);
  CHECK(types.find(moods)->form == binary_form::none);
}

TEST_CASE("a value of a type that was made since is not counted before the catalogue was read again") {
  typed_rows rows(mood);
  wire::result_set before;
  before.rows = {row{"19999", "enum_send", "0", std::nullopt, std::nullopt, ","}};
  rows.changes().know_types(catalog_types(before));
  rows.begin();
  CHECK(rows.code_of_insert("1", "sad") == "TW-PG-NEW-TYPE");
  CHECK(rows.count(R"("op":"insert")") == 0);

  rows.changes().connected(wire::lsn{0});
  rows.changes().know_types(catalog_types(catalogue()));
  rows.begin();
  rows.insert("1", "sad");
  rows.insert("2", "glad");
  rows.commit();
  CHECK(rows.count(R"("op":"insert")") == 2);
  CHECK(rows.count(R"("v":"sad")") == 1);
  CHECK(rows.count(R"("v":"glad")") == 1);
  CHECK(rows.count(R"("op":"begin")") == 1);
  CHECK(rows.changes().done().changes == 2);
}

TEST_CASE("of a type that the catalogue does not have after one more look the text is wanted") {
  typed_rows rows(30000);
  rows.changes().know_types(catalog_types(catalogue()));
  rows.begin();
  CHECK(rows.code_of_insert("1", "sad") == "TW-PG-NEW-TYPE");
  rows.changes().connected(wire::lsn{0});
  rows.changes().know_types(catalog_types(catalogue()));
  rows.begin();
  CHECK(rows.code_of_insert("1", "sad") == "TW-PG-BINARY-TYPE");
  rows.changes().connected(wire::lsn{0});
  rows.begin();
  CHECK(rows.code_of_insert("1", "sad") == "TW-PG-BINARY-TYPE");
  CHECK(rows.count(R"("op":"insert")") == 0);
}

TEST_CASE("what a name stands for is asked for as text at once") {
  constexpr std::uint32_t regclass = 2205;
  typed_rows rows(regclass);
  rows.changes().know_types(catalog_types(catalogue()));
  rows.begin();
  CHECK(rows.code_of_insert("1", std::string("\0\0\4\353", 4)) == "TW-PG-BINARY-TYPE");
}

TEST_CASE("without a catalogue nobody is asked") {
  typed_rows rows(mood);
  rows.begin();
  rows.insert("1", "sad");
  rows.commit();
  CHECK(rows.count(R"("v":{"binary":"736164"})") == 1);
}
