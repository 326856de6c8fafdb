// Change events and replies for the tests, from Extended JSON.
#pragma once

#include "mongo_wire/change_event.hpp"
#include "tests/mongo_wire/bson_case.hpp"

namespace tidewire::mongo_wire::testing {

inline bson_view view_of(const bytes& document) {
  auto whole = decode_document(document);
  REQUIRE(whole.has_value());
  return *whole;
}

/// The decoded event; `document` must outlive it.
inline change_event_view event_of(const bytes& document) {
  auto event = decode_change_event(view_of(document));
  CAPTURE(event ? "" : event.error().field);
  REQUIRE(event.has_value());
  return *event;
}

}  // namespace tidewire::mongo_wire::testing
