// What tidewire does with the replies of a corpus.
#pragma once

#include "bench/bson/corpus.hpp"
#include "mongo_wire/bson_walk.hpp"
#include "mongo_wire/event_line.hpp"
#include "mongo_wire/reply.hpp"
#include "mongo_wire/resume_token.hpp"

namespace tidewire::bench {

/// Passes that read the same elements must arrive at the same tally: that is how the benchmark proves that it
/// did the work, and what keeps the compiler from leaving it out.
struct bson_tally {
  std::uint64_t elements = 0;
  std::uint64_t name_bytes = 0;
  std::uint64_t types = 0;  // added up
  std::uint64_t events = 0;
  std::uint64_t output_bytes = 0;

  bool same_elements(const bson_tally& other) const {
    return elements == other.elements && name_bytes == other.name_bytes && types == other.types;
  }
};

template <class T>
T good(decoded<T>&& result) {
  if (!result) [[unlikely]]
    die(result.error().field, std::string(to_string(result.error().code)).c_str());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

struct element_counter {
  bool value(const mongo_wire::element_view& element, mongo_wire::bson_type) {
    ++seen.elements;
    seen.name_bytes += element.name.size();
    seen.types += static_cast<std::uint64_t>(element.type);
    return true;
  }
  bool open(const mongo_wire::element_view& element, mongo_wire::bson_type inside) {
    return value(element, inside);
  }
  bool close(mongo_wire::bson_type) { return true; }
  decode_error error() const { return {}; }

  bson_tally seen;
};

/// Checks the texts too.
struct text_counter : mongo_wire::detail::text_checker {
  bool value(const mongo_wire::element_view& element, mongo_wire::bson_type inside) {
    count.value(element, inside);
    return text_checker::value(element, inside);
  }
  bool open(const mongo_wire::element_view& element, mongo_wire::bson_type inside) {
    return value(element, inside);
  }

  element_counter count;
};

/// Every element of the replies; no UTF-8.
[[gnu::noinline]] inline bson_tally walk_pass(const corpus& of) {
  element_counter counter;
  for (byte_view body : of.bodies)
    good(mongo_wire::walk_bson(good(mongo_wire::decode_document(body)), counter));
  return counter.seen;
}

[[gnu::noinline]] inline bson_tally walk_utf8_pass(const corpus& of) {
  text_counter counter;
  for (byte_view body : of.bodies)
    good(mongo_wire::walk_bson(good(mongo_wire::decode_document(body)), counter));
  return counter.count.seen;
}

/// From the messages to the lines and positions, as tidewire stream makes them. `check` sees each line and
/// its event.
template <class Check>
bson_tally put_lines(const corpus& of, Check check) {
  constexpr std::size_t batch_bytes = 256 * 1024;
  bson_tally seen;
  std::string position;
  json::buffer lines;
  mongo_wire::extended_json_options values;
  values.not_utf8 = mongo_wire::bad_text::hex;
  for (byte_view message : of.replies) {
    mongo_wire::op_msg_view reply = good(mongo_wire::decode_op_msg(message));
    mongo_wire::reply_view answer = good(mongo_wire::decode_reply(reply.body));
    mongo_wire::bson_reader batch(answer.cursor->batch);
    for (mongo_wire::element_view each; batch.next(each);) {
      auto event = mongo_wire::decode_change_event(*each.as_document());
      if (!event) good(std::move(event));
      std::size_t begin = lines.size();
      good(mongo_wire::put_event_line(lines, *event, values));
      position = event->token_hex;
      seen.types += mongo_wire::hex_token_time(position)->increment;
      ++seen.events;
      check(lines.view().substr(begin), *event);
      if (lines.size() < batch_bytes) continue;
      seen.output_bytes += lines.size();
      lines.clear();
    }
  }
  seen.output_bytes += lines.size();
  return seen;
}

[[gnu::noinline]] inline bson_tally ndjson_pass(const corpus& of) {
  return put_lines(of, [](std::string_view, const mongo_wire::change_event_view&) {});
}

}  // namespace tidewire::bench
