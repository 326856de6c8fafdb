// Messages as lines for people, in the form of libpq's PQtrace.
#pragma once

#include <string>

#include "core/bytes.hpp"

namespace tidewire::wire {

/// One line without an end of line: F or B (from the client or the server), the message's length as it is on
/// the wire, its name and its fields, separated by tabs; `frame` is exactly one message. `startup`: one of
/// the packets without a tag, or the server's one byte in answer to it. Any bytes will do: what is wrong with
/// them is then part of the line.
///
/// It differs from libpq's in that unprintable bytes of texts are \xNN too, that OIDs and LSNs are printed as
/// the server does, that the contents of CopyData are named when they are those of replication, that long
/// values are cut, and that no password, challenge, salt or cancel key is shown.
std::string trace_line(bool from_server, byte_view frame, bool startup = false);

}  // namespace tidewire::wire
