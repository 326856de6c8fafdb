#include "binlog/compressed_packets.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <zlib.h>
#include <zstd.h>

#include "binlog/packet.hpp"
#include "core/link.hpp"
#include "tests/core/failure_of.hpp"
#include "tests/core/script.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::testing;

namespace {

bytes packed(compression_algorithm by, const bytes& whole) {
  if (by == compression_algorithm::zstd) {
    bytes out(ZSTD_compressBound(whole.size()));
    out.resize(ZSTD_compress(out.data(), out.size(), whole.data(), whole.size(), 3));
    return out;
  }
  uLongf size = compressBound(whole.size());
  bytes out(size);
  REQUIRE(compress(out.data(), &size, whole.data(), whole.size()) == Z_OK);
  out.resize(size);
  return out;
}

bytes unit(std::uint8_t number, const bytes& data, std::size_t whole_size) {
  bytes out;
  encoder to(out);
  encode_compressed_head(to, {data.size(), number, whole_size});
  to.bytes(data);
  return out;
}

/// A unit as a server makes it.
bytes unit_of(compression_algorithm by, const bytes& whole, std::uint8_t number = 1) {
  return by == compression_algorithm::none ? unit(number, whole, 0)
                                           : unit(number, packed(by, whole), whole.size());
}

bytes packet(std::uint8_t sequence, const bytes& payload) {
  bytes out;
  encoder to(out);
  encode_packet(to, sequence, payload);
  return out;
}

bytes noise(std::size_t size) {
  bytes out(size);
  std::uint32_t state = 1;
  for (std::size_t i = 0; i < size; ++i) {
    state = state * 1664525 + 1013904223;
    out[i] = static_cast<std::uint8_t>(i % 3 ? state >> 24 : 'x');
  }
  return out;
}

void give(link_codec& to, byte_view data) {
  while (!data.empty()) {
    std::span<std::uint8_t> space = to.space();
    REQUIRE(!space.empty());
    std::size_t part = std::min(space.size(), data.size());
    std::copy_n(data.begin(), part, space.begin());
    to.commit(part);
    data = data.subspan(part);
  }
}

bytes append(bytes to, const bytes& more) {
  to.insert(to.end(), more.begin(), more.end());
  return to;
}

conversation<std::vector<std::size_t>> receive_sizes(tidewire::link& from, compression_algorithm by,
                                                     int count) {
  from.use_codec(std::make_unique<compressed_packets>(by));
  from.out = packet(0, {3});
  co_await from.send();
  std::vector<std::size_t> sizes;
  for (int i = 0; i < count; ++i) {
    byte_view frame = co_await from.receive();
    sizes.push_back(frame.size());
  }
  co_return sizes;
}

}  // namespace

TEST_CASE("compressed packets: what a unit holds comes out, and nothing before it is whole",
          "[compressed_packets]") {
  auto by = GENERATE(compression_algorithm::none, compression_algorithm::zlib, compression_algorithm::zstd);
  bytes whole = append(packet(1, noise(300)), packet(2, bytes(5000, 'a')));
  bytes one = unit_of(by, whole);
  for (std::size_t cut = 0; cut < one.size(); ++cut) {
    compressed_packets codec(by);
    frame_buffer out;
    give(codec, byte_view(one).first(cut));
    decoded<bool> done = codec.unwrap(out);
    REQUIRE(done.has_value());
    REQUIRE(!*done);
    give(codec, byte_view(one).subspan(cut));
    done = codec.unwrap(out);
    REQUIRE(done.value_or(false));
    REQUIRE(std::ranges::equal(out.pending(), whole));
    REQUIRE(!codec.unwrap(out).value_or(true));
  }
}

TEST_CASE("compressed packets: one unit at a time", "[compressed_packets]") {
  compressed_packets codec(compression_algorithm::zlib);
  frame_buffer out;
  bytes many;
  for (int i = 0; i < 20; ++i)
    many = append(many, unit_of(compression_algorithm::zlib, bytes(1'000'000, 'b')));
  many = append(many, unit(9, {}, 0));  // empty, which is legal
  give(codec, many);
  for (std::size_t i = 1; i <= 20; ++i) {
    REQUIRE(codec.unwrap(out).value_or(false));
    CHECK(out.pending().size() == 1'000'000);
    out.take(out.pending().size());
  }
  CHECK(codec.unwrap(out).value_or(false));
  CHECK(out.pending().empty());
  CHECK(!codec.unwrap(out).value_or(true));
}

TEST_CASE("compressed packets: the largest unit", "[compressed_packets]") {
  auto by = GENERATE(compression_algorithm::none, compression_algorithm::zlib, compression_algorithm::zstd);
  bytes whole =
      by == compression_algorithm::none ? noise(compressed_most_bytes) : bytes(compressed_most_bytes, 'c');
  compressed_packets codec(by);
  frame_buffer out;
  give(codec, unit_of(by, whole));
  REQUIRE(codec.unwrap(out).value_or(false));
  CHECK(std::ranges::equal(out.pending(), whole));
}

TEST_CASE("compressed packets: damage is told", "[compressed_packets]") {
  auto by = GENERATE(compression_algorithm::zlib, compression_algorithm::zstd);
  bytes whole = noise(2000);
  bytes data = packed(by, whole);
  auto error_of = [&](const bytes& one) {
    compressed_packets codec(by);
    frame_buffer out;
    give(codec, one);
    decoded<bool> done = codec.unwrap(out);
    return done ? decode_errc::none : done.error().code;
  };
  CHECK(error_of(unit(1, data, whole.size())) == decode_errc::none);
  CHECK(error_of(unit(1, data, whole.size() - 1)) == decode_errc::bad_value);
  CHECK(error_of(unit(1, data, whole.size() + 1)) == decode_errc::bad_value);
  CHECK(error_of(unit(1, data, compressed_most_bytes)) == decode_errc::bad_value);
  CHECK(error_of(unit(1, bytes(data.begin(), data.end() - 5), whole.size())) == decode_errc::bad_value);
  CHECK(error_of(unit(1, whole, whole.size())) == decode_errc::bad_value);
  CHECK(error_of(unit(1, {}, 10)) == decode_errc::bad_value);
}

TEST_CASE("compressed packets: what does not fit is refused", "[compressed_packets]") {
  compressed_packets codec(compression_algorithm::zlib);
  frame_buffer out({.initial = 100, .usual = 1000, .huge = 1000, .max = 5000});
  give(codec, unit_of(compression_algorithm::zlib, bytes(6000, 'd')));
  decoded<bool> done = codec.unwrap(out);
  REQUIRE(!done);
  CHECK(done.error().code == decode_errc::limit_exceeded);
}

TEST_CASE("compressed packets: what we send is numbered within an exchange", "[compressed_packets]") {
  compressed_packets codec(compression_algorithm::zlib);
  bytes command = packet(0, {3, 'x'});
  bytes sent = command;
  codec.wrap(sent);
  CHECK(sent == unit(0, command, 0));
  frame_buffer out;
  give(codec, unit_of(compression_algorithm::zlib, packet(1, noise(100)), 1));
  REQUIRE(codec.unwrap(out).value_or(false));
  bytes answer = packet(2, {1});
  sent = answer;
  codec.wrap(sent);
  CHECK(sent == unit(2, answer, 0));
  sent = command;
  codec.wrap(sent);
  CHECK(sent == unit(0, command, 0));
  // A command that takes more than one unit.
  bytes large = packet(0, noise(compressed_most_bytes + 10));
  sent = large;
  codec.wrap(sent);
  compressed_packets other(compression_algorithm::zlib);
  frame_buffer all;
  give(other, sent);
  CHECK(other.unwrap(all).value_or(false));
  CHECK(other.unwrap(all).value_or(false));
  CHECK(!other.unwrap(all).value_or(true));
  CHECK(std::ranges::equal(all.pending(), large));
}

TEST_CASE("compressed packets: frames of a connection, however they lie in units", "[compressed_packets]") {
  auto by = GENERATE(compression_algorithm::none, compression_algorithm::zlib, compression_algorithm::zstd);
  bytes first = packet(1, noise(1000)), second = packet(2, noise(200'000)), third = packet(3, {0});
  bytes stream = append(append(first, second), third);
  script steps;
  steps.expects(unit(0, packet(0, {3}), 0));
  // Two frames and a piece in one unit, the rest in small ones.
  std::size_t at = first.size() + 100;
  steps.gives(unit_of(by, bytes(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(at))));
  while (at < stream.size()) {
    std::size_t end = std::min(stream.size(), at + 50'000);
    steps.gives(unit_of(by, bytes(stream.begin() + static_cast<std::ptrdiff_t>(at),
                                  stream.begin() + static_cast<std::ptrdiff_t>(end))));
    at = end;
  }
  auto make = [by](tidewire::link& to) { return receive_sizes(to, by, 3); };
  CHECK(play(steps, packet_size, make) == std::vector{first.size(), second.size(), third.size()});
  CHECK(for_each_failure(steps, packet_size, make) > 0);
}

TEST_CASE("compressed packets: a damaged unit ends the connection", "[compressed_packets]") {
  script steps;
  steps.expects(unit(0, packet(0, {3}), 0));
  steps.gives(append(unit_of(compression_algorithm::zlib, packet(1, noise(50))), unit(2, noise(50), 100)));
  auto make = [](tidewire::link& to) { return receive_sizes(to, compression_algorithm::zlib, 2); };
  CHECK(failure_of([&] { play(steps, packet_size, make); }).code == "TW-NET-BAD-FRAME");
}
