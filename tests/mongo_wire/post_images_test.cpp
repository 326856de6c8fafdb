#include "mongo_wire/post_images.hpp"

#include "mongo_wire/event_feed.hpp"
#include "tests/core/failure_of.hpp"
#include "tests/core/scripted_sink.hpp"
#include "tests/mongo_wire/scripted_server.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;
using tidewire::testing::failure_of;
using tidewire::testing::play;
using tidewire::testing::scripted_sink;

namespace {

int next_token = 0;

std::string event(const std::string& operation, const std::string& table, const std::string& more = "") {
  char token[32];
  std::snprintf(token, sizeof token, "82%08X00000001", 1000 + ++next_token);
  return R"({"_id":{"_data":")" + std::string(token) + R"("},"operationType":")" + operation +
         R"(","ns":{"db":"shop","coll":")" + table + R"("})" + (more.empty() ? "" : "," + more) + "}";
}

const std::string no_image = R"("fullDocument":null,"documentKey":{"_id":{"k":7}})";
const std::string images_on = R"("operationDescription":{"changeStreamPreAndPostImages":{"enabled":true}})";
const std::string images_off = R"("operationDescription":{"changeStreamPreAndPostImages":{"enabled":false}})";

void show(image_watch& to, const std::string& text) {
  bytes document = bson_of(text);
  to.see(event_of(document));
}

std::string listed(const std::string& collections) {
  return R"({"ok":1,"cursor":{"id":{"$numberLong":"0"},"ns":"shop.$cmd.listCollections","firstBatch":[)" +
         collections + "]}}";
}

std::string collection(const std::string& name, const std::string& type, const std::string& options = "") {
  return R"({"name":")" + name + R"(","type":")" + type + R"(","options":{)" + options +
         R"(},"info":{"readOnly":false,)"
         R"("uuid":{"$binary":{"base64":"AAAAAAAAAAAAAAAAAAAAAA==","subType":"04"}}}})";
}

const std::string enabled = R"("changeStreamPreAndPostImages":{"enabled":true})";

std::size_t prepare(const script& steps, post_images mode) {
  cluster_clock clock;
  tidewire::link over(message_size);
  session with(over, clock);
  tidewire::testing::player other(steps, over);
  return other.play(prepare_images(with, "shop", mode));
}

}  // namespace

TEST_CASE("post-images: a missing one names its document", "[mongo_images]") {
  for (post_images mode : {post_images::auto_configure, post_images::read_only}) {
    image_watch watch(mode);
    show(watch, event("update", "c", R"("fullDocument":{"_id":1})"));
    show(watch, event("delete", "c"));
    show(watch, event("insert", "c", R"("fullDocument":{"_id":1})"));
    failure why = failure_of([&] { show(watch, event("update", "c\\u0007", no_image)); });
    CHECK(why.code == "TW-MONGO-IMAGE-MISSING");
    CHECK(std::string(why.what()).find(R"({"_id":{"k":7}} in shop.c? )") != std::string::npos);
    CHECK(why.hint.find("--start-at 82") != std::string::npos);
    // Also where the event has no such field at all.
    CHECK(failure_of([&] { show(watch, event("update", "c")); }).code == "TW-MONGO-IMAGE-MISSING");
  }
}

TEST_CASE("post-images: a new collection is watched until its images are on", "[mongo_images]") {
  image_watch watch(post_images::auto_configure);
  show(watch, event("create", "with", R"("operationDescription":{)" + enabled + "}"));
  show(watch, event("create", "view", R"("operationDescription":{"viewOn":"c"})"));
  show(watch, event("create", "system.js"));
  CHECK_FALSE(watch.holds());
  CHECK(watch.take_wishes().empty());
  show(watch, event("create", "c", R"("operationDescription":{"idIndex":{}})"));
  CHECK(watch.holds());
  CHECK(watch.take_wishes() == std::vector<image_watch::names>{{"shop", "c"}});
  CHECK(watch.take_wishes().empty());
  show(watch, event("update", "c", no_image));
  CHECK(failure_of([&] { show(watch, event("update", "other", no_image)); }).code ==
        "TW-MONGO-IMAGE-MISSING");
  show(watch, event("rename", "c", R"("to":{"db":"shop","coll":"d"})"));
  CHECK(watch.take_wishes() == std::vector<image_watch::names>{{"shop", "d"}});
  show(watch, event("update", "d", no_image));
  show(watch, event("modify", "d", R"("operationDescription":{"validator":{}})"));
  CHECK(watch.holds());
  show(watch, event("modify", "d", images_on));
  CHECK_FALSE(watch.holds());
  CHECK(failure_of([&] { show(watch, event("update", "d", no_image)); }).code == "TW-MONGO-IMAGE-MISSING");
  // Somebody turned them off.
  show(watch, event("modify", "d", images_off));
  CHECK(watch.holds());
  CHECK(watch.take_wishes().size() == 1);
  for (const char* end : {"drop", "dropDatabase", "invalidate"}) {
    show(watch, event("create", "d"));
    CHECK(watch.holds());
    show(watch, event(end, "d"));
    CHECK_FALSE(watch.holds());
  }
  // What takes the name of a new one is not new.
  show(watch, event("create", "d"));
  show(watch, event("rename", "e", R"("to":{"db":"shop","coll":"d"})"));
  CHECK_FALSE(watch.holds());
  // read_only turns nothing on.
  image_watch only(post_images::read_only);
  show(only, event("create", "c"));
  CHECK_FALSE(only.holds());
  CHECK(only.take_wishes().empty());
}

TEST_CASE("post-images: no position is kept while a collection is new", "[mongo_images]") {
  scripted_sink to;
  pipeline lines(to, nullptr, {}, {}, [] {});
  event_feed feed(lines, {"@1000.1", 0, 0, 0}, {});
  image_watch watch(post_images::auto_configure);
  feed.watch_images(watch);
  auto take = [&](const std::string& text) {
    REQUIRE(feed.has_room());
    bytes document = bson_of(text);
    feed.take(view_of(document));
    return feed.next();
  };
  auto durable = [&] {
    auto at = lines.durable();
    return at ? at->position : "";
  };
  next_token = 0;
  std::string before = take(event("insert", "c", R"("fullDocument":{})"));
  take(event("create", "new"));
  take(event("update", "new", no_image));
  bytes token = bson_of(R"({"_data":"82000003EB00000009"})");
  feed.batch_done(view_of(token));
  while (durable() != before) std::this_thread::yield();
  // Nor by a batch without events.
  feed.batch_done(view_of(token));
  std::string after = take(event("modify", "new", images_on));
  feed.hand_over();
  lines.finish();
  CHECK(durable() == after);
  CHECK(to.data().find(R"("after":null,"after_missing":true)") != std::string::npos);
}

TEST_CASE("post-images: what holds positions back is cut off at the end", "[mongo_images]") {
  scripted_sink to;
  pipeline lines(to, nullptr, {}, {}, [] {});
  event_feed feed(lines, {"@1000.1", 0, 0, 0}, {});
  image_watch watch(post_images::auto_configure);
  feed.watch_images(watch);
  REQUIRE(feed.has_room());
  for (const std::string& text : {event("insert", "c", R"("fullDocument":{})"), event("create", "new")}) {
    bytes document = bson_of(text);
    feed.take(view_of(document));
  }
  feed.hand_over();
  lines.finish();
  CHECK(to.data().find("insert") != std::string::npos);
  CHECK(to.data().find("create") == std::string::npos);
}

TEST_CASE("post-images: before a stream", "[mongo_images]") {
  std::string all = collection("a", "collection") + "," + collection("b", "collection", enabled) + "," +
                    collection("v", "view") + "," + collection("t", "timeseries") + "," +
                    collection("system.views", "collection") + "," + collection("c", "collection");
  {
    script steps;
    expect(steps, R"({"listCollections")", listed(all));
    failure why = failure_of([&] { prepare(steps, post_images::read_only); });
    CHECK(why.code == "TW-MONGO-IMAGES-OFF");
    CHECK(std::string(why.what()).ends_with(": shop.a, shop.c"));
  }
  {
    script steps;
    expect(steps, R"({"listCollections")", listed(all));
    expect(steps, R"({"collMod":"a","changeStreamPreAndPostImages":{"enabled":true})", R"({"ok":1})");
    // It has gone meanwhile.
    expect(steps, R"({"collMod":"c")", R"({"ok":0,"code":26})");
    CHECK(prepare(steps, post_images::auto_configure) == 2);
  }
  {
    script steps;
    expect(steps, R"({"listCollections")", listed(all));
    expect(steps, R"({"collMod":"a")", R"({"ok":0,"code":13})");
    failure why = failure_of([&] { prepare(steps, post_images::auto_configure); });
    CHECK(why.code == "TW-MONGO-PRIVILEGE");
    CHECK(std::string(why.what()).find("shop.a") != std::string::npos);
    CHECK(why.hint.find(R"(collMod on {db: "shop", collection: "a"})") != std::string::npos);
  }
  {
    script steps;
    expect(steps, R"({"listCollections")", R"({"ok":0,"code":13})");
    CHECK(failure_of([&] { prepare(steps, post_images::read_only); }).code == "TW-MONGO-PRIVILEGE");
  }
  for (const char* bad : {R"({"ok":1})", R"({"ok":1,"cursor":{"id":1,"ns":"x","firstBatch":[1]}})",
                          R"({"ok":1,"cursor":{"id":1,"ns":"x","firstBatch":[{"name":"a"}]}})"}) {
    script steps;
    expect(steps, R"({"listCollections")", bad);
    CHECK(failure_of([&] { prepare(steps, post_images::read_only); }).code == "TW-MONGO-MALFORMED");
  }
  CHECK(prepare({}, post_images::off) == 0);
}
