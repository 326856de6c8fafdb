#include "binlog/event_reader.hpp"

#include "binlog/file_events.hpp"
#include "tests/binlog/event_case.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::testing;

namespace {

bytes format_event(std::string_view version, checksum_algorithm checksum, std::uint16_t flags = 0) {
  bytes body = encoded([&](encoder& out) { encode_format_description(out, format_of(version, checksum)); });
  event_header h = header_of(event_type::format_description);
  h.flags = flags;
  bytes event;
  // Its own checksum does not depend on the algorithm, nor on the in-use flag.
  encode_event(event, h, body,
               writes_algorithm(version) ? checksum_algorithm::crc32 : checksum_algorithm::none);
  return event;
}

void append(bytes& to, byte_view more) {
  to.insert(to.end(), more.begin(), more.end());
}

bytes file_of(std::string_view version, checksum_algorithm checksum, int events = 2) {
  bytes file = copy_of(as_bytes(file_magic));
  append(file, format_event(version, checksum, event_flag::in_use));
  for (int i = 0; i < events; ++i) {
    bytes body = encoded([&](encoder& out) { out.le(std::uint64_t{1000} + static_cast<unsigned>(i)); });
    encode_event(file, header_of(event_type::xid), body, checksum);
  }
  return file;
}

decode_error error_of(byte_view file) {
  event_reader reader(file);
  for (;;) {
    auto event = reader.next();
    if (!event) return event.error();
    REQUIRE(event->has_value());
  }
}

}  // namespace

TEST_CASE("binlog: event header") {
  bytes event = hex("00f15365 10 07000000 1f000000 e8030000 8000 0102030405060708 aabbccdd");
  auto h = decode_event_header(event);
  REQUIRE(h.has_value());
  CHECK(h->timestamp == 1700000000);
  CHECK(h->type == event_type::xid);
  CHECK(h->server_id == 7);
  CHECK(h->event_size == 31);
  CHECK(h->log_pos == 1000);
  CHECK(h->flags == event_flag::ignorable);
  CHECK(encoded([&](encoder& out) { encode_event_header(out, *h); }) == copy_of(byte_view(event).first(19)));
  for (std::size_t size = 0; size < header_bytes; ++size)
    CHECK(decode_event_header(copy_of(byte_view(event).first(size))).error() ==
          decode_error{decode_errc::truncated, size, "event header"});
}

TEST_CASE("binlog: crc32 in any pieces") {
  CHECK(crc32(0, as_bytes("123456789")) == 0xcbf43926);
  CHECK(crc32(0, {}) == 0);
  bytes data;
  std::uint32_t state = 1;
  for (int i = 0; i < 5000; ++i) {
    state = state * 1664525 + 1013904223;
    data.push_back(static_cast<std::uint8_t>(state >> 24));
  }
  // Bit by bit, as the polynomial is defined.
  auto slow = [](byte_view of) {
    std::uint32_t crc = 0xffffffff;
    for (std::uint8_t byte : of) {
      crc ^= byte;
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
  };
  byte_view all(data);
  for (std::size_t size = 0; size < 700; ++size) {
    byte_view some = all.subspan(size % 17, size);
    REQUIRE(crc32(0, some) == slow(some));
    REQUIRE(portable_crc32(0, some) == slow(some));
    std::size_t split = size * 2 / 3;
    REQUIRE(crc32(crc32(0, some.first(split)), some.subspan(split)) == slow(some));
  }
  CHECK(crc32(0, all) == slow(all));
}

TEST_CASE("binlog: versions and whether they write an algorithm byte") {
  CHECK(version_number("5.7.19-log") == 50719);
  CHECK(version_number("8.0.33") == 80033);
  CHECK(version_number("10.11.18-MariaDB-0+deb12u1-log") == 101118);
  CHECK(version_number("5.5.5-10.4.2-MariaDB") == 100402);
  CHECK(version_number("9") == 90000);
  CHECK(version_number("x") == 0);
  CHECK(version_number("5.300.1") == 50000 + 25500 + 1);
  CHECK(writes_algorithm("5.6.1-m5"));
  CHECK(!writes_algorithm("5.6.0"));
  CHECK(!writes_algorithm("5.5.27-log"));
  CHECK(writes_algorithm("5.3.0-MariaDB"));
  CHECK(!writes_algorithm("5.2.9-MariaDB"));
}

TEST_CASE("binlog: format description") {
  for (const char* version : {"8.0.33", "5.5.27-log", "10.11.18-MariaDB-log"}) {
    CAPTURE(version);
    format_description f = format_of(version, checksum_algorithm::none);
    if (writes_algorithm(version)) f.checksum = checksum_algorithm::crc32;
    f.created = 12345;
    bytes body = encoded([&](encoder& out) { encode_format_description(out, f); });
    auto decoded = decode_format_description(make_event(event_type::format_description, body).view());
    REQUIRE(decoded.has_value());
    CHECK(decoded->server_version() == version);
    CHECK(decoded->created == 12345);
    CHECK(decoded->checksum == f.checksum);
    CHECK(decoded->has_algorithm == writes_algorithm(version));
    CHECK(decoded->mariadb() == (std::string_view(version).find("Maria") != std::string_view::npos));
    CHECK(decoded->post_header(event_type::query, 99) == 13);
    CHECK(decoded->post_header(event_type::table_map, 99) == 8);
    CHECK(decoded->post_header(event_type::mariadb_gtid, 99) == 99);
    CHECK(encoded([&](encoder& out) { encode_format_description(out, *decoded); }) == body);
    // The list of lengths takes what is there; all before it must be whole.
    for (std::size_t size = 0; size < 57; ++size) {
      auto cut = decode_format_description(
          make_event(event_type::format_description, byte_view(body).first(size)).view());
      REQUIRE(!cut.has_value());
      CHECK(cut.error().code == decode_errc::truncated);
    }
  }
  auto refused = [](auto change) {
    format_description f = format_of("8.0.33");
    bytes body = encoded([&](encoder& out) { encode_format_description(out, f); });
    change(body);
    auto decoded = decode_format_description(make_event(event_type::format_description, body).view());
    REQUIRE(!decoded.has_value());
    return decoded.error();
  };
  CHECK(refused([](bytes& b) { b[0] = 3; }) == decode_error{decode_errc::unsupported, 19, "binlog version"});
  CHECK(refused([](bytes& b) { b[56] = 20; }) == decode_error{decode_errc::unsupported, 75, "header length"});
  CHECK(refused([](bytes& b) { b.back() = 2; }).code == decode_errc::unsupported);
  CHECK(refused([](bytes& b) { b.insert(b.end(), 300, 0); }).code == decode_errc::limit_exceeded);
  auto other = decode_format_description(make_event(event_type::xid, "00").view());
  CHECK(other.error() == decode_error{decode_errc::unknown_tag, 4, "event type"});
}

TEST_CASE("binlog: a file, whole and in windows of any size") {
  for (checksum_algorithm checksum : {checksum_algorithm::none, checksum_algorithm::crc32}) {
    bytes file = file_of("8.0.33", checksum, 5);
    auto read = [&](std::size_t step) {
      std::vector<std::pair<std::uint64_t, std::uint64_t>> seen;
      event_reader reader;
      bytes window;
      std::size_t end = 0;
      for (;;) {
        std::size_t wanted =
            std::max(end + step, static_cast<std::size_t>(reader.offset()) + reader.wanted_bytes());
        end = std::min(wanted, file.size());
        window = copy_of(byte_view(file).subspan(reader.offset(), end - reader.offset()));
        reader.give(window);
        for (;;) {
          auto event = reader.next();
          REQUIRE(event.has_value());
          if (!*event) break;
          if ((*event)->header.type != event_type::xid) continue;
          seen.emplace_back(reader.event_offset(), load_le<std::uint64_t>((*event)->body().data()));
        }
        if (end == file.size()) break;
      }
      CHECK(reader.offset() == file.size());
      CHECK(reader.unread_bytes() == 0);
      return seen;
    };
    auto whole = read(file.size());
    REQUIRE(whole.size() == 5);
    CHECK(whole[4].second == 1004);
    for (std::size_t step = 1; step < 60; ++step) CHECK(read(step) == whole);
  }
}

TEST_CASE("binlog: a file cut off anywhere is read up to there and the loss is told") {
  bytes file = file_of("8.0.33", checksum_algorithm::crc32, 3);
  for (std::size_t size = 0; size <= file.size(); ++size) {
    bytes cut = copy_of(byte_view(file).first(size));
    event_reader reader(cut);
    int events = 0;
    for (;;) {
      auto event = reader.next();
      REQUIRE(event.has_value());
      if (!*event) break;
      ++events;
    }
    CHECK(reader.offset() + reader.unread_bytes() == size);
    std::size_t first = 4 + load_le<std::uint32_t>(file.data() + 4 + 9);
    int expected = size < first ? 0 : 1 + static_cast<int>((size - first) / 31);
    CHECK(events == expected);
  }
}

TEST_CASE("binlog: what is not a binlog, and encrypted ones") {
  CHECK(error_of(as_bytes("PK\3\4xxxxxxxx")) == decode_error{decode_errc::bad_value, 0, "magic"});
  CHECK(error_of(as_bytes("x")) == decode_error{decode_errc::bad_value, 0, "magic"});
  CHECK(error_of(as_bytes(std::string_view("\xfe"
                                           "bix",
                                           4)))
            .code == decode_errc::bad_value);
  CHECK(error_of(as_bytes(std::string_view("\xfd"
                                           "bin\1\2\3\4",
                                           8))) ==
        decode_error{decode_errc::unsupported, 0, "encrypted file"});
  event_reader begun(
      as_bytes("\xfd"
               "bi"));
  CHECK(!begun.next().value().has_value());

  bytes encrypted = file_of("10.11.6-MariaDB", checksum_algorithm::crc32, 0);
  bytes body = encoded([&](encoder& out) { encode_start_encryption(out, {1, 2, as_bytes("nonce6789012")}); });
  encode_event(encrypted, header_of(event_type::start_encryption), body, checksum_algorithm::crc32);
  append(encrypted, as_bytes("garbage that must not be taken for events"));
  CHECK(error_of(encrypted) == decode_error{decode_errc::unsupported, 4, "Start_encryption"});
}

TEST_CASE("binlog: damaged files") {
  bytes good = file_of("8.0.33", checksum_algorithm::crc32);
  std::size_t first = 4 + load_le<std::uint32_t>(good.data() + 4 + 9);
  auto changed = [&](std::size_t at, std::uint8_t value) {
    bytes file = good;
    file[at] = value;
    return file;
  };
  // Any byte of a summed event, its checksum included, but not its size.
  for (std::size_t at = first; at < first + 31; ++at) {
    if (at >= first + 9 && at < first + 13) continue;
    CAPTURE(at);
    CHECK(error_of(changed(at, static_cast<std::uint8_t>(good[at] ^ 1))).code == decode_errc::bad_checksum);
  }
  CHECK(error_of(changed(first + 9, 18)) == decode_error{decode_errc::bad_length, 9, "event size"});
  CHECK(error_of(changed(first + 9, 22)) == decode_error{decode_errc::truncated, 19, "checksum"});
  CHECK(error_of(changed(first + 12, 0x41)) == decode_error{decode_errc::limit_exceeded, 9, "event size"});
  // The format description: its in-use flag may change, nothing else.
  CHECK(error_of(changed(4 + 19, 5)).code == decode_errc::bad_checksum);
  bytes closed = changed(4 + 17, 0);
  event_reader reader(closed);
  CHECK(reader.next().value().has_value());

  event_framer::options trusting;
  trusting.verify = false;
  event_reader unverified(trusting);
  bytes bad = changed(first + 20, 99);
  unverified.give(bad);
  CHECK(unverified.next().value().has_value());
  CHECK(unverified.next().value().has_value());

  // After an error there is nothing but the same error.
  bytes broken = changed(first + 20, 99);
  event_reader stuck(broken);
  CHECK(stuck.next().value().has_value());
  auto error = stuck.next().error();
  CHECK(stuck.next().error() == error);
  CHECK(stuck.offset() == first);

  bytes headless = copy_of(as_bytes(file_magic));
  encode_event(headless, header_of(event_type::xid), hex("0000000000000000"), checksum_algorithm::none);
  CHECK(error_of(headless) == decode_error{decode_errc::bad_state, 4, "event before the format description"});
}

TEST_CASE("binlog: a file whose events have no checksum still has one in its format description") {
  bytes file = file_of("8.0.33", checksum_algorithm::none);
  event_reader reader(file);
  REQUIRE(reader.next().value().has_value());
  CHECK(reader.format().checksum == checksum_algorithm::none);
  auto event = reader.next();
  REQUIRE(event.has_value());
  CHECK((*event)->body().size() == 8);
  file[4 + 19] ^= 4;
  CHECK(error_of(file).code == decode_errc::bad_checksum);

  bytes old = file_of("5.5.27-log", checksum_algorithm::none);
  event_reader old_reader(old);
  REQUIRE(old_reader.next().value().has_value());
  CHECK((*old_reader.next())->body().size() == 8);
}

TEST_CASE("binlog: event codes that nobody knows, and those too old") {
  auto with_event = [](std::uint8_t code, std::uint16_t flags) {
    bytes file = file_of("8.0.33", checksum_algorithm::crc32, 0);
    event_header h = header_of(static_cast<event_type>(code));
    h.flags = flags;
    encode_event(file, h, hex("0102"), checksum_algorithm::crc32);
    return file;
  };
  CHECK(error_of(with_event(77, 0)) == decode_error{decode_errc::unknown_tag, 4, "event type"});
  CHECK(error_of(with_event(0, 0)).code == decode_errc::unknown_tag);
  for (std::uint8_t code : {1, 6, 7, 8, 10, 12, 20, 21, 22}) {
    auto error = error_of(with_event(code, event_flag::ignorable));
    CHECK(error.code == decode_errc::unsupported);
    CHECK(std::string_view(error.field) == name_of(static_cast<event_type>(code)));
  }
  bytes ignorable = with_event(77, event_flag::ignorable);
  event_reader reader(ignorable);
  reader.next().value();
  auto event = reader.next();
  REQUIRE(event.has_value());
  CHECK(name_of((*event)->header.type) == nullptr);
  CHECK((*event)->body().size() == 2);
}

TEST_CASE("binlog: events as they come over a connection") {
  event_framer::options announced;
  announced.before_format = checksum_algorithm::crc32;
  event_framer framer(announced);
  bytes rotate_body = encoded([&](encoder& out) { encode_rotate(out, {4, "binlog.000001"}); });
  event_header h = header_of(event_type::rotate, 0);
  h.flags = event_flag::artificial;
  bytes rotate;
  encode_event(rotate, h, rotate_body, checksum_algorithm::crc32);
  auto first = framer.accept(rotate);
  REQUIRE(first.has_value());
  CHECK(first->artificial());
  CHECK(decode_rotate(*first)->file == "binlog.000001");
  CHECK(!framer.has_format());
  REQUIRE(framer.accept(format_event("8.0.33", checksum_algorithm::none)).has_value());
  CHECK(framer.has_format());
  bytes xid;
  encode_event(xid, header_of(event_type::xid), hex("0100000000000000"), checksum_algorithm::none);
  CHECK(framer.accept(xid)->body().size() == 8);
  bytes longer = xid;
  longer.push_back(0);
  CHECK(framer.accept(longer).error() == decode_error{decode_errc::bad_length, 9, "event size"});
  // Another file may begin with another format.
  REQUIRE(framer.accept(format_event("8.0.33", checksum_algorithm::crc32)).has_value());
  CHECK(framer.accept(xid).error().code == decode_errc::bad_checksum);
}
