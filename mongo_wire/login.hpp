// From a connection to a session that is logged in: hello, then whatever mechanism user and server agree on.
#pragma once

#include "mongo_wire/connection_string.hpp"
#include "mongo_wire/hello.hpp"
#include "mongo_wire/session.hpp"

namespace tidewire::mongo_wire {

/// The client's part of hello: application, driver and system, 512 bytes at most.
std::vector<std::uint8_t> client_metadata(std::string_view app_name);

/// Before anything is sent: a mechanism that is not spoken, or one that would send the password in the clear.
/// Throws failure TW-AUTH-NOT-SUPPORTED, TW-AUTH-NOT-ALLOWED.
void check_login(const connection_options& options);

/// hello alone, without user: to see what a server is.
conversation<hello_reply> say_hello(session& with, const connection_options& options);

/// hello, and the login, which begins in it where the mechanism allows it. Agrees on compression. Throws
/// failure TW-AUTH-…, TW-MONGO-VERSION for a server before 6.0.
conversation<hello_reply> log_in(session& with, const connection_options& options);

}  // namespace tidewire::mongo_wire
