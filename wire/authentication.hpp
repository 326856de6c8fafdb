// Who we are: the authentication requests of the server and our answers to them.
#pragma once

#include "wire/startup.hpp"

namespace tidewire::wire {

/// After the start-up message, up to AuthenticationOk. NegotiateProtocolVersion, which may come before, is
/// dealt with. See log_in for what it throws.
conversation<> authenticate(session& with, const login_options& options);

/// Applies NegotiateProtocolVersion to the session. Throws TW-PG-PROTOCOL-VERSION.
void negotiate_version(session& with, const login_options& options, byte_view body);

}  // namespace tidewire::wire
