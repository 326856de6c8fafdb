#include "pgoutput/relation.hpp"

#include <deque>

#include "tests/pgoutput/codec_case.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::pgoutput::testing;

namespace {

/// Relation messages, kept so that their views stay valid.
class announcer {
 public:
  relation_view make(std::uint32_t oid, std::string_view name, std::vector<column_view> columns,
                     std::string_view schema = "public",
                     replica_identity identity = replica_identity::primary_key) {
    relation_view head{0, oid, schema, name, identity, 0, {}};
    kept_.push_back(encoded([&](encoder& out) { encode_relation(out, head, columns, false); }));
    return *decode_relation(body_of(kept_.back()), false);
  }

 private:
  std::deque<bytes> kept_;
};

const std::vector<column_view> id_and_name{{1, "id", 23, -1}, {0, "name", 25, -1}};

row_view row_of(std::uint32_t oid, std::uint16_t new_count) {
  row_view row;
  row.relation = oid;
  row.new_count = new_count;
  row.new_offset = 5;
  return row;
}

}  // namespace

TEST_CASE("a relation is found by the oid under which it was announced, however large") {
  announcer make;
  relation_cache cache;
  auto told = cache.announce(make.make(0xfffffff0, "items", id_and_name));
  REQUIRE(told.has_value());
  CHECK(told->changed);
  auto found = cache.find(0xfffffff0, false);
  REQUIRE(found.has_value());
  const relation& items = **found;
  CHECK(&items == told->known);
  CHECK(items.oid == 0xfffffff0);
  CHECK(items.version == 1);
  CHECK(items.schema == "public");
  CHECK(items.name == "items");
  REQUIRE(items.columns.size() == 2);
  CHECK(items.columns[0].name == "id");
  CHECK(items.columns[0].type_id == 23);
  CHECK(items.columns[0].key());
  CHECK(!items.columns[1].key());
  CHECK(cache.announce(make.make(2, "t", {}, ""))->known->schema == "pg_catalog");
  CHECK(cache.size() == 2);
}

TEST_CASE("a row of a relation that was never announced") {
  announcer make;
  relation_cache cache;
  CHECK(cache.find(16385, false).error() == decode_error{decode_errc::unknown_reference, 0, "relation"});
  CHECK(cache.find(16385, true).error() == decode_error{decode_errc::unknown_reference, 4, "relation"});
  REQUIRE(cache.announce(make.make(16385, "t", id_and_name)).has_value());
  CHECK(cache.find(16385, true).has_value());
  CHECK(cache.find(16386, true).error().code == decode_errc::unknown_reference);
  CHECK(cache.find(16385, true).has_value());
}

TEST_CASE("only a changed description raises the version; the address stays") {
  announcer make;
  relation_cache cache;
  using columns = std::vector<column_view>;
  const relation* known = cache.announce(make.make(1, "t", id_and_name))->known;
  auto again = cache.announce(make.make(1, "t", id_and_name));
  CHECK(!again->changed);
  CHECK(again->known->version == 1);

  std::uint32_t version = 1;
  for (const relation_view& other :
       {make.make(1, "renamed", id_and_name), make.make(1, "renamed", id_and_name, "moved"),
        make.make(1, "renamed", id_and_name, "moved", replica_identity::full),
        make.make(1, "renamed", columns{{1, "id", 20, -1}, {0, "name", 25, -1}}, "moved"),
        make.make(1, "renamed", columns{{1, "id", 20, -1}, {0, "name", 25, 36}}, "moved"),
        make.make(1, "renamed", columns{{1, "id", 20, -1}, {1, "name", 25, 36}}, "moved"),
        make.make(1, "renamed", columns{{1, "id", 20, -1}, {1, "nom", 25, 36}}, "moved"),
        make.make(1, "renamed", columns{{1, "id", 20, -1}}, "moved"), make.make(1, "renamed", {}, "moved")}) {
    CHECK(!same_description(*known, other));
    auto told = cache.announce(other);
    REQUIRE(told.has_value());
    CHECK(told->changed);
    CHECK(told->known == known);
    CHECK(known->version == ++version);
    CHECK(same_description(*known, other));
    CHECK(!cache.announce(other)->changed);
    CHECK(known->version == version);
  }
  for (std::uint32_t oid = 2; oid < 5000; ++oid)
    REQUIRE(cache.announce(make.make(oid, "t", id_and_name)).has_value());
  CHECK(*cache.find(1, false) == known);
}

TEST_CASE("relations are told apart however many take turns") {
  announcer make;
  relation_cache cache;
  for (std::uint32_t oid = 1; oid <= 300; ++oid)
    REQUIRE(cache.announce(make.make(oid * 7, "t" + std::to_string(oid), id_and_name)).has_value());
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t oid = 1; oid <= 300; ++oid) {
      REQUIRE(cache.find(oid * 7, false).has_value());
      REQUIRE((*cache.find(oid * 7, false))->oid == oid * 7);
      REQUIRE(!cache.find(oid * 7 + 1, false).has_value());
    }
  }
  CHECK(!cache.find(0, false).has_value());
  cache.clear();
  for (std::uint32_t oid = 1; oid <= 300; ++oid) REQUIRE(!cache.find(oid * 7, false).has_value());
}

TEST_CASE("a row must have its relation's columns") {
  announcer make;
  relation_cache cache;
  REQUIRE(cache.announce(make.make(1, "t", id_and_name)).has_value());
  CHECK(cache.find(row_of(1, 2), false).has_value());
  CHECK(cache.find(row_of(1, 1), false).error() == decode_error{decode_errc::bad_value, 5, "column count"});
  CHECK(cache.find(row_of(1, 3), false).error() == decode_error{decode_errc::bad_value, 5, "column count"});
  CHECK(cache.find(row_of(2, 2), true).error().code == decode_errc::unknown_reference);
  row_view removed;
  removed.relation = 1;
  removed.old = old_tuple::key;
  removed.old_offset = 9;
  removed.old_count = 2;
  CHECK(cache.find(removed, true).has_value());
  removed.old_count = 1;
  CHECK(cache.find(removed, true).error() == decode_error{decode_errc::bad_value, 9, "column count"});
}

TEST_CASE("in a key-only old row the other columns are absent, not null") {
  announcer make;
  relation_cache cache;
  const relation* table =
      cache.announce(make.make(1, "t", {{0, "a", 25, -1}, {1, "id", 23, -1}, {0, "b", 25, -1}}))->known;
  std::vector<value> old{
      {nullptr, 0, value_kind::null}, {"7", 1, value_kind::text}, {nullptr, 0, value_kind::null}};
  mark_absent(old, *table);
  CHECK(old[0].kind == value_kind::absent);
  CHECK(old[1].kind == value_kind::text);
  CHECK(old[2].kind == value_kind::absent);
  std::vector<value> null_key{{}, {}, {}};
  mark_absent(null_key, *table);
  CHECK(null_key[1].kind == value_kind::null);
}

TEST_CASE("after a reconnect all must be announced again, and what did not change is recognised") {
  announcer make;
  relation_cache cache;
  REQUIRE(cache.announce(make.make(1, "t", id_and_name)).has_value());
  REQUIRE(cache.announce(make.make(2, "u", id_and_name)).has_value());
  CHECK(cache.find(1, false).has_value());
  cache.reconnected();
  CHECK(cache.find(1, false).error().code == decode_errc::unknown_reference);
  CHECK(!cache.announce(make.make(1, "t", id_and_name))->changed);
  CHECK(cache.find(1, false).has_value());
  CHECK(cache.find(2, false).error().code == decode_errc::unknown_reference);
  CHECK(cache.announce(make.make(2, "v", id_and_name))->changed);
  CHECK((*cache.find(2, false))->version == 2);
  cache.clear();
  CHECK(cache.find(1, false).error().code == decode_errc::unknown_reference);
  CHECK(cache.bytes() == 0);
}

TEST_CASE("the cache has limits, and keeps what it has") {
  announcer make;
  relation_cache few({2, 1 << 20});
  REQUIRE(few.announce(make.make(1, "t", id_and_name)).has_value());
  REQUIRE(few.announce(make.make(2, "u", id_and_name)).has_value());
  CHECK(few.announce(make.make(3, "v", id_and_name)).error() ==
        decode_error{decode_errc::limit_exceeded, 0, "number of relations"});
  CHECK(few.announce(make.make(2, "w", id_and_name)).has_value());

  relation_cache small({100, 1000});
  std::string long_name(2000, 'x');
  REQUIRE(small.announce(make.make(1, "t", id_and_name)).has_value());
  std::size_t bytes = small.bytes();
  CHECK(small.announce(make.make(1, long_name, id_and_name)).error() ==
        decode_error{decode_errc::limit_exceeded, 0, "bytes of relations"});
  CHECK(small.bytes() == bytes);
  CHECK((*small.find(1, false))->name == "t");
  // A description that is replaced gives its room back.
  for (int i = 0; i < 100; ++i)
    REQUIRE(small.announce(make.make(1, i % 2 ? "t" : "longer name", id_and_name)).has_value());
  CHECK(small.bytes() == bytes);
}

TEST_CASE("type names") {
  type_names types;
  CHECK(types.find(0x80004005) == nullptr);
  REQUIRE(types.announce({0, 0x80004005, "public", "mood"}).has_value());
  // A domain over int4 is announced under the domain's oid with its base type's name.
  REQUIRE(types.announce({0, 0x4006, "", "int4"}).has_value());
  CHECK(types.find(0x80004005)->schema == "public");
  CHECK(types.find(0x80004005)->type == "mood");
  CHECK(types.find(0x4006)->schema == "pg_catalog");
  CHECK(types.find(0x4006)->type == "int4");
  REQUIRE(types.announce({0, 0x4006, "public", "renamed"}).has_value());
  CHECK(types.find(0x4006)->type == "renamed");
  CHECK(types.size() == 2);

  type_names few({1, 1 << 20});
  REQUIRE(few.announce({0, 1, "a", "b"}).has_value());
  CHECK(few.announce({0, 2, "a", "b"}).error() ==
        decode_error{decode_errc::limit_exceeded, 0, "number of types"});
  type_names small({10, 200});
  CHECK(small.announce({0, 1, "a", std::string(300, 'x')}).error() ==
        decode_error{decode_errc::limit_exceeded, 0, "bytes of types"});
  CHECK(small.size() == 0);
}
