// Connects to a MySQL or MariaDB server for check and setup, and asks for what they want to know.
#pragma once

#include "binlog/check_ask.hpp"
#include "binlog/connect.hpp"

namespace tidewire {

/// What went wrong is thrown; `into` has what was known by then. The connection is still good afterwards.
asio::awaitable<std::unique_ptr<binlog::client>> ask_binlog(binlog::connection_url from,
                                                            binlog::ask_settings what, bool trace,
                                                            binlog::check_facts& into);

/// As a URL, without secrets.
std::string shown_connection(const binlog::connection_url& from);

}  // namespace tidewire
