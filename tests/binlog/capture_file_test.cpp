// What --capture writes: a binlog file in the form of a relay log, without what is unfinished.
#include "binlog/capture_file.hpp"

#include "binlog/event_reader.hpp"
#include "binlog/file_events.hpp"
#include "binlog/follow.hpp"
#include "core/failure.hpp"
#include "tests/binlog/event_case.hpp"
#include "tests/core/failure_of.hpp"
#include "tests/core/temporary_folder.hpp"

using namespace tidewire;
using namespace tidewire::binlog;
using namespace tidewire::binlog::testing;
using namespace tidewire::testing;

namespace {

constexpr auto none = checksum_algorithm::none;
constexpr auto summed = checksum_algorithm::crc32;

/// Gives a capture what a connection would.
class connection_of {
 public:
  connection_of(capture_file& capture, checksum_algorithm before_format)
      : capture_(capture), framer_({.before_format = before_format}) {
    capture.connected();
  }

  connection_of& gives(const event_header& header, byte_view body, checksum_algorithm checksum,
                       event_place place = {0, 0, false}) {
    bytes whole;
    encode_event(whole, header, body, checksum);
    auto event = framer_.accept(whole);
    REQUIRE(event.has_value());
    capture_.take(*event, framer_.format(), place);
    return *this;
  }

  connection_of& rotate(std::string_view file, std::uint64_t position, checksum_algorithm checksum) {
    event_header h = header_of(event_type::rotate, 0);
    h.flags = event_flag::artificial;
    return gives(h, encoded([&](encoder& out) { encode_rotate(out, {position, file}); }), checksum);
  }

  connection_of& format(checksum_algorithm checksum, std::string_view version = "8.0.33") {
    bytes body = encoded([&](encoder& out) { encode_format_description(out, format_of(version, checksum)); });
    return gives(header_of(event_type::format_description, 0), body,
                 writes_algorithm(version) ? summed : none);
  }

  connection_of& xid(std::uint64_t id, std::uint32_t log_pos, checksum_algorithm checksum,
                     event_place place = {0, 0, false}) {
    return gives(header_of(event_type::xid, log_pos), encoded([&](encoder& out) { out.le(id); }), checksum,
                 place);
  }

 private:
  capture_file& capture_;
  event_framer framer_;
};

/// "Format_desc", "Rotate b.1:4", "Xid 7@100", in order; then what a reader says.
std::string listed(const std::string& path) {
  std::string file = read_file(path);
  event_reader reader(as_bytes(file));
  std::string text;
  for (;;) {
    auto event = reader.next();
    if (!event) return text + to_string(event.error().code).data();
    if (!*event) return text + std::to_string(reader.unread_bytes());
    const event_header& h = (*event)->header;
    text += name_of(h.type);
    if (auto m = decode_rotate(**event))
      text += " " + std::string(m->file) + ":" + std::to_string(m->position);
    if (auto m = decode_xid(**event)) text += " " + std::to_string(*m) + "@" + std::to_string(h.log_pos);
    text += ", ";
  }
}

}  // namespace

TEST_CASE("binlog capture: a file that begins with a format description") {
  temporary_folder folder;
  for (checksum_algorithm sum : {none, summed}) {
    std::string path = folder / (sum == none ? "a" : "b");
    capture_file capture(path);
    connection_of from(capture, sum);
    from.rotate("binlog.000007", 154, sum).format(sum);
    from.gives(header_of(event_type::heartbeat, 154), as_bytes("binlog.000007"), sum);
    from.xid(1, 200, sum).xid(2, 300, sum);
    capture.whole();
    from.rotate("binlog.000008", 4, sum).format(sum).xid(3, 400, sum);
    capture.whole();
    capture.finish();
    CHECK(listed(path) ==
          "Format_desc, Rotate binlog.000007:154, Xid 1@200, Xid 2@300, Rotate binlog.000008:4, Format_desc, "
          "Xid 3@400, 0");
  }
}

TEST_CASE("binlog capture: events are as they came, but for a place that they did not tell") {
  temporary_folder folder;
  std::string path = folder / "a";
  capture_file capture(path);
  connection_of from(capture, summed);
  from.format(summed).xid(1, 0, summed, {100, 131, true}).xid(2, 0, summed, {100, 131, false});
  from.xid(3, 900, summed, {100, 131, true});
  capture.whole();
  capture.finish();
  CHECK(listed(path) == "Format_desc, Xid 1@131, Xid 2@0, Xid 3@900, 0");
  bytes last;
  encode_event(last, header_of(event_type::xid, 900), encoded([](encoder& out) { out.le(std::uint64_t{3}); }),
               summed);
  CHECK(read_file(path).ends_with(as_text(last)));
}

TEST_CASE("binlog capture: what was unfinished when a connection ended is not there twice") {
  temporary_folder folder;
  std::string path = folder / "a";
  capture_file capture(path);
  connection_of(capture, summed).rotate("b.1", 4, summed).format(summed).xid(1, 200, summed);
  // Nothing was whole yet: the file begins anew.
  connection_of second(capture, none);
  second.rotate("b.1", 4, none).format(none).xid(1, 200, none);
  capture.whole();
  second.xid(2, 300, none).rotate("b.2", 4, none).format(summed);
  // The Rotate has a checksum here, and behind what the file has kept there are none.
  connection_of third(capture, summed);
  third.rotate("b.1", 200, summed).format(none).xid(2, 300, none);
  capture.whole();
  third.xid(3, 400, none);
  capture.finish();
  CHECK(listed(path) == "Format_desc, Rotate b.1:4, Xid 1@200, Rotate b.1:200, Format_desc, Xid 2@300, 0");
}

TEST_CASE("binlog capture: after a failure all is kept") {
  temporary_folder folder;
  {
    capture_file capture(folder / "a");
    connection_of(capture, summed).rotate("b.1", 4, summed).format(summed).xid(1, 200, summed);
  }
  CHECK(listed(folder / "a") == "Format_desc, Rotate b.1:4, Xid 1@200, 0");
  capture_file(folder / "empty").finish();
  CHECK(read_file(folder / "empty") == file_magic);
  CHECK(failure_of([&] { capture_file again(folder / "a"); }).code == "TW-CAPTURE-FILE");
  CHECK(failure_of([&] { capture_file nowhere(folder / "x/y"); }).code == "TW-CAPTURE-FILE");
}

TEST_CASE("binlog capture: more than one piece is taken back too") {
  temporary_folder folder;
  capture_file capture(folder / "a");
  connection_of from(capture, none);
  from.format(none).xid(1, 200, none);
  capture.whole();
  bytes large(std::size_t{3} << 20, 7);
  from.gives(header_of(event_type::rows_query), large, none).xid(2, 300, none);
  connection_of again(capture, none);
  again.format(none).xid(2, 300, none);
  capture.whole();
  capture.finish();
  CHECK(listed(folder / "a") == "Format_desc, Xid 1@200, Format_desc, Xid 2@300, 0");
}

TEST_CASE("binlog: a tracker that knows nothing believes only what events tell") {
  place_tracker places;
  auto header = [](std::uint32_t log_pos, std::uint16_t flags = 0) {
    event_header h = header_of(event_type::xid, log_pos);
    h.event_size = 31;
    h.flags = flags;
    return h;
  };
  places.rotated(154, true);
  CHECK_FALSE(places.of(header(0, event_flag::artificial)).known);
  CHECK_FALSE(places.of(header(0)).known);
  places.rotated(4, true);
  CHECK_FALSE(places.of(header(30)).known);
  places.rotated(154, true);
  event_place told = places.of(header(300));
  CHECK((told.known && told.begin == 269 && told.end == 300));
  CHECK_FALSE(places.of(header(0)).known);
  // Beyond 4 GB only the lower half is told.
  CHECK(places.of(header(100)).end == (std::uint64_t{1} << 32) + 100);
}
