// Change events as a server sends them, made up, and always the same: replies to getMore, one after the
// other.
//
//   small    a flat document of ten fields, a fifth of the events are updates or deletes
//   medium   an order: addresses, six items, tags, text that is not all ASCII
//   nested   readings: documents in arrays in documents, of many numbers
//   large    an array of some thousand small items, longer texts, binary data
//   huge     the same in nearly 16 MB, one event a reply: the most that a server sends
#pragma once

#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "bench/memory_and_time.hpp"
#include "mongo_wire/bson_writer.hpp"
#include "mongo_wire/op_msg.hpp"

namespace tidewire::bench {

using mongo_wire::bson_writer;
using mongo_wire::item;

enum class corpus_class : std::uint8_t { small, medium, nested, large, huge };
inline constexpr const char* corpus_names[] = {"small", "medium", "nested", "large", "huge"};
inline constexpr int events_per_reply[] = {470, 205, 93, 12, 1};

inline corpus_class find_class(std::string_view name) {
  for (std::size_t i = 0; i < std::size(corpus_names); ++i)
    if (corpus_names[i] == name) return static_cast<corpus_class>(i);
  die("no such class", std::string(name).c_str());
}

class event_maker {
 public:
  explicit event_maker(corpus_class of) : of_(of) {}

  /// One whole document.
  void event(bson_writer& to) {
    ++number_;
    std::uint64_t dice = of_ == corpus_class::small ? random() % 100 : 0;
    const char* operation = dice < 80 ? "insert" : dice < 95 ? "update" : "delete";
    make_id();
    to.open_document("_id");
    to.put_string("_data", token());
    to.close();
    to.put_string("operationType", operation);
    to.put_timestamp("clusterTime", time());
    to.put_binary("collectionUUID", {mongo_wire::binary_uuid, uuid_});
    to.put_date_time("wallTime", 1'790'000'000'000 + static_cast<std::int64_t>(number_) * 7);
    if (dice < 80) {
      to.open_document("fullDocument");
      document(to);
      to.close();
    }
    to.open_document("ns");
    to.put_string("db", "shop");
    to.put_string("coll", "orders");
    to.close();
    to.open_document("documentKey");
    to.put_object_id("_id", id_);
    to.close();
    if (dice >= 80 && dice < 95) update(to);
  }

  std::string token() {
    // As the servers make it: a KeyString of the time, the collection's UUID and the key.
    std::string text = "82";
    hex(text, 4, 1'790'000'000 + number_ / 100);
    hex(text, 4, number_ % 100 + 1);
    text += "2B042C0100296E5A1004";
    for (std::uint8_t byte : uuid_) hex(text, 1, byte);
    text += "463C6F7065726174696F6E54797065003C696E736572740046646F63756D656E744B65790046645F69640064";
    for (std::uint8_t byte : id_) hex(text, 1, byte);
    return text + "000004";
  }

  mongo_wire::bson_timestamp time() const {
    return {static_cast<std::uint32_t>(1'790'000'000 + number_ / 100),
            static_cast<std::uint32_t>(number_ % 100 + 1)};
  }

 private:
  static void hex(std::string& text, int bytes, std::uint64_t number) {
    char digits[24];
    text.append(digits, static_cast<std::size_t>(std::snprintf(digits, sizeof digits, "%0*llX", 2 * bytes,
                                                               static_cast<unsigned long long>(number))));
  }

  std::uint64_t random() {
    state_ += 0x9e37'79b9'7f4a'7c15;
    std::uint64_t mixed = (state_ ^ state_ >> 30) * 0xbf58'476d'1ce4'e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d0'49bb'1331'11eb;
    return mixed ^ mixed >> 31;
  }
  std::uint64_t below(std::uint64_t bound) { return random() % bound; }
  double price() { return static_cast<double>(below(1'000'000)) / 100; }
  std::int64_t moment() { return 1'700'000'000'000 + static_cast<std::int64_t>(below(90'000'000'000)); }

  void make_id() {
    store_le(id_.data(), random());
    store_le(id_.data() + 8, static_cast<std::uint32_t>(number_));
  }

  std::string_view word() {
    static constexpr std::string_view words[] = {
        "harbour",  "tide",  "lantern", "of",   "the", "crate",    "moored", "salt",   "rope",
        "\"quay\"", "Größe", "and",     "café", "sun", "windward", "東京",   "ledger", "line\n"};
    // What has to be escaped or is not ASCII is rare, as in most texts.
    std::uint64_t dice = below(100);
    return words[dice < 94 ? (dice % 9) : 9 + dice % 9];
  }
  std::string text(std::size_t bytes) {
    std::string made;
    while (made.size() < bytes) (made += word()) += ' ';
    return made;
  }

  void document(bson_writer& to) {
    to.put_object_id("_id", id_);
    switch (of_) {
      case corpus_class::small: return flat(to);
      case corpus_class::medium: return order(to);
      case corpus_class::nested: return readings(to);
      case corpus_class::large: return large(to, 2'600);
      case corpus_class::huge: return large(to, 143'500);
    }
  }

  void flat(bson_writer& to) {
    to.put_int64("customer", static_cast<std::int64_t>(below(1ull << 40)));
    to.put_string("status", below(2) ? "shipped" : "open");
    to.put_double("amount", price());
    to.put_int32("items", static_cast<std::int32_t>(below(40)));
    to.put_string("name", text(12));
    to.put_date_time("created", moment());
    to.put_bool("paid", below(2));
    to.put_null("coupon");
    to.put_string("note", text(40));
  }

  void address(bson_writer& to, std::string_view name) {
    to.open_document(name);
    to.put_string("street", text(18));
    to.put_string("city", text(8));
    to.put_string("postcode", std::to_string(10'000 + below(89'999)));
    to.put_string("country", "DE");
    to.close();
  }

  void order(bson_writer& to) {
    flat(to);
    to.put_string("email", "someone" + std::to_string(below(1'000'000)) + "@example.com");
    address(to, "billing");
    address(to, "delivery");
    to.open_array("lines");
    for (int i = 0; i < 6; ++i) {
      to.open_document(item);
      to.put_string("sku", "SKU-" + std::to_string(below(100'000)));
      to.put_int32("quantity", static_cast<std::int32_t>(1 + below(9)));
      to.put_double("price", price());
      to.put_string("title", text(24));
      to.put_bool("gift", below(10) == 0);
      to.close();
    }
    to.close();
    to.open_array("tags");
    for (int i = 0; i < 4; ++i) to.put_string(item, word());
    to.close();
    to.put_decimal128("total", {1'000'000 + below(1'000'000), 0x303c'0000'0000'0000});
    to.put_string("comment", text(300));
    to.put_date_time("changed", moment());
  }

  void readings(bson_writer& to) {
    to.put_string("device", "dev-" + std::to_string(below(1000)));
    to.open_array("groups");
    for (int group = 0; group < 10; ++group) {
      to.open_document(item);
      to.put_int32("channel", group);
      to.open_document("range");
      to.put_double("low", -price());
      to.put_double("high", price());
      to.close();
      to.open_array("samples");
      for (int i = 0; i < 12; ++i) {
        to.open_document(item);
        to.put_date_time("at", moment());
        to.put_double("value", price());
        to.open_document("state");
        to.put_int32("code", static_cast<std::int32_t>(below(500)));
        to.put_bool("ok", below(20) != 0);
        to.close();
        to.close();
      }
      to.close();
      to.open_array("raw");
      for (int i = 0; i < 16; ++i) to.put_int32(item, static_cast<std::int32_t>(below(65'536)));
      to.close();
      to.close();
    }
    to.close();
  }

  void large(bson_writer& to, int items) {
    to.put_string("title", text(60));
    to.open_array("items");
    for (int i = 0; i < items; ++i) {
      to.open_document(item);
      to.put_string("sku", "SKU-" + std::to_string(below(100'000)));
      to.put_int32("quantity", static_cast<std::int32_t>(1 + below(9)));
      to.put_double("price", price());
      to.put_date_time("at", moment());
      to.put_string("title", text(24));
      to.close();
    }
    to.close();
    to.open_array("notes");
    for (int i = 0; i < 160; ++i) {
      to.open_document(item);
      to.put_string("author", text(10));
      to.put_string("text", text(200 + below(500)));
      to.close();
    }
    to.close();
    std::vector<std::uint8_t> data(32 * 1024);
    for (std::size_t i = 0; i < data.size(); i += 8) store_le(data.data() + i, random());
    to.put_binary("attachment", {mongo_wire::binary_generic, data});
  }

  void update(bson_writer& to) {
    to.open_document("updateDescription");
    to.open_document("updatedFields");
    to.put_string("status", "shipped");
    to.put_double("amount", price());
    to.put_date_time("changed", moment());
    to.close();
    to.open_array("removedFields");
    to.put_string(item, "coupon");
    to.close();
    to.open_array("truncatedArrays");
    to.close();
    to.open_document("disambiguatedPaths");
    to.close();
    to.close();
  }

  const corpus_class of_;
  std::uint64_t state_ = 20'261'128;
  std::uint64_t number_ = 0;
  std::array<std::uint8_t, 12> id_{};
  static constexpr std::array<std::uint8_t, 16> uuid_{0x9c, 0x1f, 0x3a, 0x77, 0x52, 0x0e, 0x4b, 0xd1,
                                                      0x8a, 0x66, 0x01, 0xfe, 0x2d, 0x90, 0xc4, 0x3b};
};

/// Appends one reply to getMore with that many events.
inline void put_reply(std::vector<std::uint8_t>& out, event_maker& events, int count) {
  std::size_t mark = mongo_wire::open_op_msg(out, 1);
  mongo_wire::open_body(out);
  bson_writer to(out);
  to.open_document("cursor");
  to.open_array("nextBatch");
  std::vector<std::uint8_t> one;
  for (int i = 0; i < count; ++i) {
    one.clear();
    bson_writer event(one);
    events.event(event);
    if (!event.finish()) die("cannot make", "an event");
    to.put_document(item, one);
  }
  to.close();
  to.put_int64("id", 4'711);
  to.put_string("ns", "shop.$cmd.aggregate");
  to.open_document("postBatchResumeToken");
  to.put_string("_data", events.token());
  to.close();
  to.close();
  to.put_double("ok", 1);
  to.open_document("$clusterTime");
  to.put_timestamp("clusterTime", events.time());
  to.close();
  to.put_timestamp("operationTime", events.time());
  if (!to.finish() || !mongo_wire::close_op_msg(out, mark)) die("cannot make", "a reply");
}

struct corpus {
  const char* name;
  memory bytes;
  std::vector<byte_view> replies;   // whole messages
  std::vector<byte_view> bodies;    // their documents
  std::vector<byte_view> events;    // the documents in these
  mongo_wire::bson_timestamp last;  // of the last event
};

/// `in_a_reply`: events; 0: as many as make replies of some hundred kilobytes, or one event.
inline corpus make_corpus(corpus_class of, std::size_t at_least, int in_a_reply = 0) {
  auto kind = static_cast<std::size_t>(of);
  event_maker events(of);
  std::vector<std::uint8_t> made;
  if (in_a_reply == 0) in_a_reply = events_per_reply[kind];
  while (made.size() < at_least) put_reply(made, events, in_a_reply);
  corpus all{corpus_names[kind], memory(made.size(), corpus_names[kind]), {}, {}, {}, events.time()};
  std::copy(made.begin(), made.end(), all.bytes.data());
  for (byte_view left = all.bytes.view(); !left.empty();) {
    byte_view reply = left.first(load_le<std::uint32_t>(left.data()));
    left = left.subspan(reply.size());
    auto message = mongo_wire::decode_op_msg(reply);
    if (!message) die("a bad reply in", all.name);
    all.replies.push_back(reply);
    all.bodies.push_back(message->body.bytes());
    auto cursor = mongo_wire::find(message->body, "cursor");
    mongo_wire::bson_reader batch(*mongo_wire::find(*cursor->as_document(), "nextBatch")->as_array());
    for (mongo_wire::element_view each; batch.next(each);) all.events.push_back(each.value());
  }
  return all;
}

}  // namespace tidewire::bench
