// A connection and everything that check and setup want to know of its server.
#pragma once

#include <asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "pgoutput/check_ask.hpp"
#include "wire/connect.hpp"

namespace tidewire {

struct source_question {
  wire::connection_options from;
  pgoutput::ask_settings what;
  /// Also measure how much WAL is written, and try a replication connection as the same role.
  bool thorough = true;
  bool trace = false;
};

/// What the connection string alone tells, for a server that was not reached.
void describe_connection(const wire::connection_options& from, const wire::host_port& host,
                         pgoutput::check_facts& into);

/// For people: as a URI without secrets, and without the password file, which is always named.
std::string shown_connection(wire::connection_options from);

/// Throws the failure of connecting.
asio::awaitable<std::unique_ptr<wire::client>> ask_source(source_question question,
                                                          pgoutput::check_facts& into);

}  // namespace tidewire
