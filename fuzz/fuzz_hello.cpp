// Any BSON documents as the hello replies of three servers, one after the other: the topology never holds
// more than one primary, nor more servers than it may. The first byte says who speaks first.
#include <cstdint>
#include <vector>

#include "mongo_wire/topology.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

void check(const topology& of) {
  int primaries = 0;
  for (const auto& [host, server] : of.servers()) primaries += server.kind == server_kind::primary;
  bool set = of.kind() == topology_kind::set_with_primary || of.kind() == topology_kind::set_without_primary;
  if (set) require(primaries == (of.kind() == topology_kind::set_with_primary ? 1 : 0));
  require(of.servers().size() <= max_hello_hosts + 3);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  static const host_port hosts[] = {{"a", 1, false}, {"b", 2, false}, {"c", 3, false}};
  connection_options options;
  options.hosts.assign(hosts, hosts + 3);
  if (data[0] & 0x80) options.replica_set = "rs";
  topology known(options);
  std::size_t speaker = data[0];
  for (byte_view left(data + 1, size - 1); left.size() >= 5; ++speaker) {
    std::size_t length = std::min<std::size_t>(load_le<std::uint32_t>(left.data()), left.size());
    if (length < 5) break;
    std::vector<std::uint8_t> exact(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(length));
    left = left.subspan(length);
    auto document = decode_document(exact);
    if (!document) continue;
    auto hello = decode_hello(*document);
    asm volatile("" ::"g"(&hello) : "memory");
    if (!hello) {
      require(hello.error().code != decode_errc::none && *hello.error().field);
      known.lost(hosts[speaker % 3], "x");
    } else {
      require(hello->hosts.size() <= max_hello_hosts);
      known.heard(hosts[speaker % 3], *hello, speaker);
    }
    check(known);
  }
  return 0;
}
