// Messages as lines for people, in the form of libpq's PQtrace.
#pragma once

#include <string>

#include "mongo_wire/message.hpp"

namespace tidewire::mongo_wire {

/// What a message belongs to: a login, and what makes users, show no more of their fields than is known to be
/// no secret.
enum class trace_of : std::uint8_t { usual, hello, login };

/// One line without an end of line: F or B (from the client or the server), the message's length on the wire,
/// its name, its request id and the one that it answers, for a compressed one also how and how many bytes it
/// has become; the command's name, or `reply`; and the fields as Extended JSON. Separated by tabs. Long
/// values are cut. `frame`: as it is on the wire; `plain`: the same, or what was compressed. Any bytes will
/// do: what is wrong with them is then part of the line.
std::string trace_line(bool from_server, byte_view frame, const decoded<message_view>& plain, trace_of kind);

}  // namespace tidewire::mongo_wire
