// Which servers there are and what each is, from what each said of itself: the specification's state machine,
// without clock and sockets.
// https://github.com/mongodb/specifications/blob/master/source/server-discovery-and-monitoring
#pragma once

#include <map>
#include <string>
#include <utility>

#include "mongo_wire/connection_string.hpp"
#include "mongo_wire/hello.hpp"

namespace tidewire::mongo_wire {

enum class topology_kind : std::uint8_t {
  unknown,
  single,
  set_without_primary,
  set_with_primary,
  sharded,
  load_balanced
};

struct known_server {
  server_kind kind = server_kind::unknown;
  std::string set_name;
  std::string said_last;  // why it is not of use, for messages
  tag_set tags;
  std::optional<std::int64_t> last_write_ms;  // by the server's clock
  std::int64_t heard_ms = 0;                  // when it said so, by ours
};

class topology {
 public:
  /// The seeds are options.hosts.
  explicit topology(const connection_options& options);

  /// A server that is not among servers() is ignored. False if it is out of date: a primary that does not
  /// know yet that another one was elected. `now_ms`: by a clock of ours.
  bool heard(const host_port& from, const hello_reply& said, std::int64_t now_ms);
  /// It could not be reached, or said that it is not what it was.
  void lost(const host_port& server, const std::string& why);

  topology_kind kind() const { return kind_; }
  const std::string& set_name() const { return set_name_; }
  const std::map<host_port, known_server>& servers() const { return servers_; }

 private:
  void unknown_topology(const host_port& from, const hello_reply& said);
  bool from_primary(const host_port& from, const hello_reply& said);
  void member_without_primary(const host_port& from, const hello_reply& said);
  void member_with_primary(const host_port& from, const hello_reply& said);
  bool is_stale(const hello_reply& said);
  void add_hosts(const hello_reply& said);
  void remove(const host_port& server);
  void look_for_primary();

  std::map<host_port, known_server> servers_;
  topology_kind kind_ = topology_kind::unknown;
  std::string set_name_;
  std::size_t seeds_;
  std::pair<std::string, std::int64_t> newest_election_{"", -1};  // (electionId, setVersion)
};

/// "name:port", "[::1]:port"; nothing for what is no such text. Lower case.
std::optional<host_port> parse_host(std::string_view text);

}  // namespace tidewire::mongo_wire
