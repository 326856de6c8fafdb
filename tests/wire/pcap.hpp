// Just enough of pcap files, IPv4 and TCP to read what the two sides of a captured connection said.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <vector>

#include "core/cursor.hpp"

namespace tidewire::wire::testing {

struct tcp_segment {
  std::uint64_t from = 0;  // address and port
  std::uint64_t to = 0;
  std::uint32_t sequence = 0;  // of the first byte of data
  byte_view data;
};

/// One direction of a connection. Segments may come twice and in any order.
class tcp_direction {
 public:
  void add(const tcp_segment& segment) {
    if (!started_) first_ = segment.sequence;
    started_ = true;
    // Up to 2 GiB before the first segment that was seen are "before", not 4 GiB after.
    auto place = static_cast<std::int32_t>(segment.sequence - first_);
    if (segment.data.empty()) return;  // such as one that acknowledges the peer's FIN
    auto& kept = pieces_[place];
    if (segment.data.size() > kept.size()) kept = segment.data;
  }

  /// In order, up to the first gap.
  std::vector<std::uint8_t> bytes() const {
    std::vector<std::uint8_t> all;
    put_together(all);
    return all;
  }

  bool gapless() const {
    std::vector<std::uint8_t> all;
    return put_together(all);
  }

 private:
  bool put_together(std::vector<std::uint8_t>& all) const {
    std::int64_t end = pieces_.empty() ? 0 : std::min(0, pieces_.begin()->first);
    for (const auto& [place, piece] : pieces_) {
      std::int64_t known = end - place;
      if (known < 0) return false;
      if (known >= static_cast<std::int64_t>(piece.size())) continue;
      all.insert(all.end(), piece.begin() + known, piece.end());
      end = place + static_cast<std::int64_t>(piece.size());
    }
    return true;
  }

  bool started_ = false;
  std::uint32_t first_ = 0;
  std::map<std::int32_t, byte_view> pieces_;
};

struct tcp_connection {
  tcp_direction from_client;
  tcp_direction from_server;
};

/// Nothing if the packet is not TCP over IPv4.
inline std::optional<tcp_segment> read_tcp(byte_view packet, std::uint32_t link_type) {
  constexpr std::uint32_t null = 0, ethernet = 1, raw = 101, ipv4 = 228;
  cursor in(packet);
  if (link_type == null)
    in.bytes(4, "address family");
  else if (link_type == ethernet)
    in.bytes(14, "Ethernet header");
  else if (link_type != raw && link_type != ipv4)
    return std::nullopt;
  cursor ip(in.rest());
  std::uint8_t version = ip.u8("version");
  ip.u8("service");
  std::size_t total = ip.be<std::uint16_t>("total length");
  ip.bytes(5, "identification, fragment, hops");
  std::uint8_t protocol = ip.u8("protocol");
  ip.bytes(2, "checksum");
  auto source = ip.be<std::uint32_t>("source"), target = ip.be<std::uint32_t>("target");
  std::size_t header = std::size_t{version & 15u} * 4;
  if (!ip.ok() || version >> 4 != 4 || protocol != 6 || header < 20 || total < header) return std::nullopt;
  ip.bytes(header - 20, "options");
  cursor tcp(ip.bytes(total - header, "TCP"));  // without the padding of short Ethernet frames
  tcp_segment segment;
  segment.from = std::uint64_t{source} << 16 | tcp.be<std::uint16_t>("source port");
  segment.to = std::uint64_t{target} << 16 | tcp.be<std::uint16_t>("target port");
  segment.sequence = tcp.be<std::uint32_t>("sequence");
  tcp.be<std::uint32_t>("acknowledgement");
  std::size_t offset = std::size_t{tcp.u8("data offset")} / 16 * 4;
  bool opens = tcp.u8("flags") & 2;  // SYN takes a number of its own
  if (opens) ++segment.sequence;
  if (!tcp.ok() || offset < 20) return std::nullopt;
  tcp.bytes(6, "window, checksum, urgent");
  tcp.bytes(offset - 20, "options");
  segment.data = tcp.rest();
  if (!tcp.ok()) return std::nullopt;
  return segment;
}

/// A capture's connections to one server port. What they say borrows from the file.
class pcap_file {
 public:
  pcap_file(const std::filesystem::path& path, std::uint16_t server_port) {
    std::ifstream file(path, std::ios::binary);
    content_.assign(std::istreambuf_iterator<char>(file), {});
    cursor in(content_);
    if (in.le<std::uint32_t>("magic") != 0xa1b2c3d4) return;
    in.bytes(16, "version, zone, accuracy, snapshot length");
    auto link_type = in.le<std::uint32_t>("link type");
    while (in.remaining()) {
      in.bytes(8, "time");
      auto captured = in.le<std::uint32_t>("captured bytes");
      in.le<std::uint32_t>("bytes");
      byte_view packet = in.bytes(captured, "packet");
      if (!in.ok()) break;
      ++packets_;
      if (auto segment = read_tcp(packet, link_type)) add(*segment, server_port);
    }
    whole_ = in.ok();
  }

  /// False if it is no pcap file or ends in the middle of a packet.
  bool whole() const { return whole_; }
  std::size_t packets() const { return packets_; }
  /// In the order of their first packets.
  const std::vector<tcp_connection>& connections() const { return connections_; }

 private:
  void add(const tcp_segment& segment, std::uint16_t server_port) {
    bool from_server = static_cast<std::uint16_t>(segment.from) == server_port;
    std::pair key = from_server ? std::pair{segment.to, segment.from} : std::pair{segment.from, segment.to};
    if (static_cast<std::uint16_t>(key.second) != server_port) return;
    auto [found, fresh] = indexes_.try_emplace(key, connections_.size());
    if (fresh) connections_.emplace_back();
    tcp_connection& connection = connections_[found->second];
    (from_server ? connection.from_server : connection.from_client).add(segment);
  }

  std::vector<std::uint8_t> content_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t> indexes_;
  std::vector<tcp_connection> connections_;
  std::size_t packets_ = 0;
  bool whole_ = false;
};

}  // namespace tidewire::wire::testing
