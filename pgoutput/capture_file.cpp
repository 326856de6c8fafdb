#include "pgoutput/capture_file.hpp"

#include "core/encoder.hpp"
#include "core/failure.hpp"
#include "pgoutput/capture.hpp"

namespace tidewire::pgoutput {

capture_file::capture_file(std::string path) : out_(std::move(path)) {
  encoder out(out_.pending());
  encode_capture_header(out);
}

void capture_file::connected(wire::lsn from) {
  std::vector<std::uint8_t> payload;
  encoder body(payload);
  encode_capture_connection(body, from.value);
  add(payload);
}

void capture_file::add(byte_view payload) {
  encoder out(out_.pending());
  encode_capture_record(out, payload);
  if (!out.ok())
    throw failure{failure_kind::refused, "TW-CAPTURE-FILE",
                  std::string("a message can't be captured: ") + std::string(to_string(out.error().code)) +
                      " (" + out.error().field + ")",
                  "stream without --capture, and report what the server is"};
  out_.appended();
}

}  // namespace tidewire::pgoutput
