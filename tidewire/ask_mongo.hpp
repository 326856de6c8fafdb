// Connecting to a MongoDB and asking it for everything that check and setup look at.
#pragma once

#include <asio/awaitable.hpp>
#include <memory>
#include <string>

#include "mongo_wire/check_ask.hpp"
#include "mongo_wire/connect.hpp"

namespace tidewire {

struct mongo_question {
  std::string role;  // for setup
  bool trace = false;
};

/// The client refers to `with`, whose options are as they were parsed. Fills `connection` as far as it gets,
/// also before it throws. `no_primary` gets why only a secondary could be asked (directConnection apart), for
/// those who can do with one; null: then that is thrown. The DNS lookup blocks.
asio::awaitable<std::unique_ptr<mongo_wire::client>> ask_mongo(mongo_wire::cluster& with,
                                                               mongo_question question,
                                                               mongo_wire::check_facts& into,
                                                               std::unique_ptr<failure>* no_primary);

/// As a connection string, without secrets and without what has no say in where it leads.
std::string shown_connection(const mongo_wire::connection_options& from);

}  // namespace tidewire
