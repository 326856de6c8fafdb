#include "mongo_wire/reply.hpp"

#include "tests/mongo_wire/event_case.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;

namespace {

decode_error error_of(const char* text) {
  bytes document = bson_of(text);
  auto reply = decode_reply(view_of(document));
  REQUIRE(!reply.has_value());
  return reply.error();
}

}  // namespace

TEST_CASE("a reply with a cursor", "[mongo_event]") {
  bytes document = bson_of(
      R"({"cursor":{"nextBatch":[{"a":1},{"a":2}],"id":{"$numberLong":"77"},"ns":"shop.$cmd.aggregate",)"
      R"("postBatchResumeToken":{"_data":"82AB"}},"ok":1.0,"operationTime":{"$timestamp":{"t":7,"i":3}},)"
      R"("$clusterTime":{"clusterTime":{"$timestamp":{"t":7,"i":4}}},"unknown":[]})");
  auto reply = decode_reply(view_of(document));
  REQUIRE(reply.has_value());
  CHECK(reply->ok);
  REQUIRE(reply->cursor.has_value());
  CHECK(reply->cursor->id == 77);
  CHECK(reply->cursor->ns == "shop.$cmd.aggregate");
  CHECK(find(reply->cursor->post_batch_resume_token, "_data")->as_string() == "82AB");
  CHECK(reply->operation_time == bson_timestamp{7, 3});
  CHECK(find(reply->cluster_time, "clusterTime")->as_timestamp() == bson_timestamp{7, 4});
  bson_reader batch(reply->cursor->batch);
  int seen = 0;
  for (element_view each; batch.next(each);) CHECK(find(*each.as_document(), "a")->as_int32() == ++seen);
  CHECK(seen == 2);
}

TEST_CASE("a reply that is an error", "[mongo_event]") {
  bytes document = bson_of(R"({"ok":0,"code":286,"codeName":"ChangeStreamHistoryLost","errmsg":"gone",)"
                           R"("errorLabels":["NonResumableChangeStreamError",5]})");
  auto reply = decode_reply(view_of(document));
  REQUIRE(reply.has_value());
  CHECK_FALSE(reply->ok);
  CHECK(reply->code == 286);
  CHECK(reply->code_name == "ChangeStreamHistoryLost");
  CHECK(reply->message == "gone");
  CHECK(has_label(*reply, "NonResumableChangeStreamError"));
  CHECK_FALSE(has_label(*reply, "ResumableChangeStreamError"));
  bytes bare = bson_of(R"({"ok":true})");
  auto good = decode_reply(view_of(bare));
  REQUIRE(good.has_value());
  CHECK(good->ok);
  CHECK_FALSE(good->cursor.has_value());
  CHECK_FALSE(has_label(*good, ""));
}

TEST_CASE("a reply: fields of another type than they have", "[mongo_event]") {
  constexpr auto bad = decode_errc::bad_value;
  CHECK(error_of(R"({"ok":"1"})") == decode_error{bad, 4, "ok"});
  CHECK(error_of(R"({"code":"x"})") == decode_error{bad, 4, "code"});
  CHECK(error_of(R"({"errmsg":1})") == decode_error{bad, 4, "errmsg"});
  CHECK(error_of(R"({"errorLabels":{}})") == decode_error{bad, 4, "errorLabels"});
  CHECK(error_of(R"({"$clusterTime":1})") == decode_error{bad, 4, "$clusterTime"});
  CHECK(error_of(R"({"operationTime":1})") == decode_error{bad, 4, "operationTime"});
  CHECK(error_of(R"({"cursor":{"id":1,"ns":"a.b"}})").code == bad);
  CHECK(error_of(R"({"cursor":{"id":"1","firstBatch":[]}})") == decode_error{bad, 16, "cursor.id"});
  CHECK(error_of(R"({"cursor":{"firstBatch":{}}})") == decode_error{bad, 16, "cursor batch"});
}
