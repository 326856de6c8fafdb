// A server's answer to hello: what it is, and which servers it knows.
// https://github.com/mongodb/specifications/tree/master/source/server-discovery-and-monitoring
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "mongo_wire/reply.hpp"

namespace tidewire::mongo_wire {

enum class server_kind : std::uint8_t {
  unknown,
  standalone,
  mongos,
  primary,
  secondary,
  arbiter,
  other,  // of a replica set, and neither: starting, removed, hidden
  ghost,  // belongs to a set that it has not learnt of yet
};

/// Hosts of one answer at most.
inline constexpr std::size_t max_hello_hosts = 100;
inline constexpr std::size_t max_hello_tags = 100;

/// Owns what it has.
struct hello_reply {
  server_kind kind = server_kind::unknown;
  std::string set_name;
  std::vector<std::string> hosts;  // "name:port" of all members, arbiters and passive ones included
  std::string me;                  // what the server calls itself
  std::string primary;
  std::optional<std::int64_t> set_version;
  std::string election_id;                    // 12 bytes, to be compared as such; empty: none
  std::optional<bson_timestamp> last_write;   // of a member of a set
  std::optional<std::int64_t> last_write_ms;  // the same by the server's clock, since 1970
  std::map<std::string, std::string> tags;
  bool load_balanced = false;  // it has a serviceId: what is behind a load balancer knows so
  std::int32_t min_wire_version = 0;
  std::int32_t max_wire_version = 0;
  std::uint32_t max_message_bytes = 0;
  std::optional<std::int64_t> session_minutes;
  std::vector<std::string> compression;
  std::optional<std::vector<std::string>> mechanisms;  // saslSupportedMechs
  std::vector<std::uint8_t> speculative;               // the document; empty: none
};

/// Of fields whose type is not what it must be, and of more hosts than there can be, bad_value or
/// limit_exceeded. An answer that is not ok is of an unknown server.
decoded<hello_reply> decode_hello(bson_view reply);

}  // namespace tidewire::mongo_wire
