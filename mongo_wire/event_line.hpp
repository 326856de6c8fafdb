// A change event as a line of the native envelope (docs/envelope.md).
#pragma once

#include "mongo_wire/change_event.hpp"
#include "mongo_wire/extended_json.hpp"

namespace tidewire::mongo_wire {

/// Appends one line. On an error `out` is as it was; the error's offset is that in the event.
decoded<void> put_event_line(json::buffer& out, const change_event_view& event,
                             const extended_json_options& values = {});

/// A document that is no event but what a collection holds: op read, with the _id as its key.
decoded<void> put_read_line(json::buffer& out, bson_view document, const extended_json_options& values = {});

/// The same after a line's beginning that the caller has made, `{"v":1,"op":"read",…`.
decoded<void> put_copied_line(json::buffer& out, std::string_view head, bson_view document,
                              const extended_json_options& values = {});

}  // namespace tidewire::mongo_wire
