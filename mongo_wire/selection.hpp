// Which of the servers that are known a read preference takes: the specification's server selection and max
// staleness. The local threshold has no say: the stream stays with one server for long.
// https://github.com/mongodb/specifications/blob/master/source/server-selection
#pragma once

#include <vector>

#include "mongo_wire/topology.hpp"

namespace tidewire::mongo_wire {

/// Throws failure TW-USAGE-CONNECTION-STRING: tags or a staleness with readPreference=primary, or a staleness
/// below what members can tell of each other.
void check_read_preference(const connection_options& options);

/// All that would do, in the order of their names. Of the modes that prefer one kind it is the other kind
/// only where there is none of the first.
std::vector<host_port> suitable_servers(const topology& known, const connection_options& options);

/// Whether a server is of the kind that is wanted first, whatever its tags and staleness.
bool is_preferred(server_kind kind, topology_kind among, read_mode mode);

}  // namespace tidewire::mongo_wire
