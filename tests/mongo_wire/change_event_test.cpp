#include "mongo_wire/change_event.hpp"

#include "mongo_wire/split_event.hpp"
#include "tests/mongo_wire/event_case.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;

namespace {

decode_error error_of(const char* text) {
  bytes document = bson_of(text);
  auto event = decode_change_event(view_of(document));
  REQUIRE(!event.has_value());
  return event.error();
}

bytes fragment(int number, int of, const std::string& fields) {
  return bson_of("{\"_id\":{\"_data\":\"82" + std::to_string(10 + number) +
                 "\"},\"splitEvent\":{\"fragment\":" + std::to_string(number) +
                 ",\"of\":" + std::to_string(of) + "}" + fields + "}");
}

decoded<std::optional<bson_view>> add(split_event& to, const bytes& document) {
  return to.add(event_of(document));
}

}  // namespace

TEST_CASE("a change event with all it can have", "[mongo_event]") {
  bytes document = bson_of(
      R"({"_id":{"_data":"8263"},"operationType":"update",)"
      R"("clusterTime":{"$timestamp":{"t":1700000000,"i":5}},)"
      R"("wallTime":{"$date":{"$numberLong":"1700000000123"}},"fullDocument":{"_id":1,"a":2},)"
      R"("ns":{"db":"shop","coll":"items","viewOn":"x"},"documentKey":{"_id":1},)"
      R"("updateDescription":{"updatedFields":{"a":2},"removedFields":["b"],"truncatedArrays":[],)"
      R"("disambiguatedPaths":{}},"fullDocumentBeforeChange":null,"to":{"db":"d","coll":"c"},)"
      R"("collectionUUID":{"$uuid":"73ffd264-44b3-4c69-90e8-e7d1dfc035d4"},"operationDescription":{"x":1},)"
      R"("stateBeforeChange":{"y":1},"lsid":{"id":{"$uuid":"73ffd264-44b3-4c69-90e8-e7d1dfc035d4"}},)"
      R"("txnNumber":{"$numberLong":"3"},"somethingNew":{"deep":[1]}})");
  change_event_view event = event_of(document);
  CHECK(find(event.token, "_data")->as_string() == "8263");
  CHECK(event.operation.as_string() == "update");
  CHECK(event.cluster_time == bson_timestamp{1'700'000'000, 5});
  CHECK(event.wall_time_ms == 1'700'000'000'123);
  CHECK(event.db.as_string() == "shop");
  CHECK(event.collection.as_string() == "items");
  CHECK(event.to_db.as_string() == "d");
  CHECK(event.to_collection.as_string() == "c");
  CHECK(find(*event.document_key.as_document(), "_id")->as_int32() == 1);
  CHECK(find(*event.full_document.as_document(), "a")->as_int32() == 2);
  CHECK(event.before.type == bson_type::null);
  CHECK(event.updated_fields);
  CHECK(event.removed_fields);
  CHECK(event.truncated_arrays);
  CHECK(event.disambiguated_paths);
  CHECK(event.details);
  CHECK(event.state_before_change);
  CHECK(event.collection_uuid);
  CHECK(event.session_id);
  CHECK(event.transaction == 3);
  CHECK(event.fragments == 0);
}

TEST_CASE("a change event of an operation that nobody knows yet", "[mongo_event]") {
  bytes document = bson_of(R"({"_id":{"_data":"82"},"operationType":"somethingNew","ns":{"db":"x"}})");
  change_event_view event = event_of(document);
  CHECK(event.operation.as_string() == "somethingNew");
  CHECK_FALSE(event.collection);
  CHECK_FALSE(event.document_key);
}

TEST_CASE("a change event: malformed", "[mongo_event]") {
  CHECK(error_of(R"({"operationType":"insert"})") == decode_error{decode_errc::bad_value, 0, "_id"});
  CHECK(error_of(R"({"_id":{}})") == decode_error{decode_errc::bad_value, 0, "operationType"});
  CHECK(error_of(R"({"_id":1,"operationType":"insert"})") == decode_error{decode_errc::bad_value, 4, "_id"});
  for (const char* field : {R"("operationType":1)",
                            R"("ns":"db.c")",
                            R"("ns":{"db":1})",
                            R"("ns":{"coll":null})",
                            R"("to":1)",
                            R"("fullDocument":1)",
                            R"("fullDocumentBeforeChange":[])",
                            R"("documentKey":null)",
                            R"("clusterTime":1)",
                            R"("wallTime":1)",
                            R"("updateDescription":1)",
                            R"("updateDescription":{"removedFields":{}})",
                            R"("updateDescription":{"updatedFields":[]})",
                            R"("lsid":1)",
                            R"("txnNumber":"x")",
                            R"("collectionUUID":"x")",
                            R"("operationDescription":1)",
                            R"("stateBeforeChange":1)",
                            R"("splitEvent":1)",
                            R"("splitEvent":{})",
                            R"("splitEvent":{"fragment":0,"of":2})",
                            R"("splitEvent":{"fragment":3,"of":2})",
                            R"("splitEvent":{"fragment":"1","of":2})",
                            R"("splitEvent":{"fragment":1,"of":-2})"}) {
    CAPTURE(field);
    decode_error error =
        error_of((std::string(R"({"_id":{},"operationType":"insert",)") + field + "}").c_str());
    CHECK(error.code == decode_errc::bad_value);
    CHECK(error.offset > 20);
  }
}

TEST_CASE("a change event: every length in it can lie", "[mongo_event]") {
  bytes document =
      bson_of(R"({"_id":{"_data":"8263"},"operationType":"insert","ns":{"db":"shop","coll":"items"},)"
              R"("documentKey":{}})");
  for (std::size_t at = 4; at + 1 < document.size(); ++at) {
    bytes damaged = document;
    damaged[at] ^= 0x41;
    auto event = decode_change_event(view_of(damaged));
    if (!event) CHECK(event.error().offset <= damaged.size());
  }
}

TEST_CASE("fragments of a split event become one", "[mongo_event]") {
  split_event parts;
  CHECK_FALSE(parts.incomplete());
  auto first = add(parts, fragment(1, 3, R"(,"operationType":"update","fullDocument":{"a":1})"));
  REQUIRE(first.has_value());
  CHECK_FALSE(first->has_value());
  CHECK(parts.incomplete());
  REQUIRE(add(parts, fragment(2, 3, R"(,"fullDocumentBeforeChange":{"a":0})")).has_value());
  auto last = add(parts, fragment(3, 3, R"(,"documentKey":{"_id":7})"));
  REQUIRE(last.has_value());
  REQUIRE(last->has_value());
  CHECK_FALSE(parts.incomplete());
  CHECK(canonical((*last)->bytes()) ==
        R"({"operationType":"update","fullDocument":{"a":{"$numberInt":"1"}},)"
        R"("fullDocumentBeforeChange":{"a":{"$numberInt":"0"}},"_id":{"_data":"8213"},)"
        R"("documentKey":{"_id":{"$numberInt":"7"}}})");
  // And the next one.
  CHECK(add(parts, fragment(1, 1, R"(,"operationType":"insert")"))->has_value());
  parts.shrink();
  CHECK(add(parts, fragment(1, 1, R"(,"operationType":"insert")"))->has_value());
}

TEST_CASE("fragments that do not follow each other", "[mongo_event]") {
  split_event parts;
  constexpr auto bad = decode_errc::bad_state;
  CHECK(add(parts, fragment(2, 3, "")).error().code == bad);
  CHECK(add(parts, fragment(1, 3, R"(,"operationType":"x")")).has_value());
  CHECK(add(parts, fragment(3, 3, "")).error().code == bad);
  CHECK_FALSE(parts.incomplete());
  CHECK(add(parts, fragment(1, 3, R"(,"operationType":"x")")).has_value());
  CHECK(add(parts, fragment(2, 4, "")).error().code == bad);
  CHECK(add(parts, fragment(1, 2, R"(,"operationType":"x")")).has_value());
  CHECK(add(parts, fragment(1, 2, R"(,"operationType":"x")")).error().code == bad);
  CHECK(add(parts, fragment(1, 2, R"(,"operationType":"x")")).has_value());
  parts.reset();
  CHECK(add(parts, fragment(1, 2, R"(,"operationType":"x")")).has_value());
}

TEST_CASE("fragments without end are limited", "[mongo_event]") {
  split_event parts;
  std::string half(max_document_bytes / 3, 'x');
  for (int number = 1; number <= 2; ++number)
    REQUIRE(
        add(parts, fragment(number, 9, ",\"f" + std::to_string(number) + "\":\"" + half + "\"")).has_value());
  CHECK(add(parts, fragment(3, 9, ",\"f3\":\"" + half + "\"")).error().code == decode_errc::limit_exceeded);
  CHECK_FALSE(parts.incomplete());
}
