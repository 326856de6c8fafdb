#include "binlog/capture_file.hpp"

#include "binlog/event_reader.hpp"

namespace tidewire::binlog {

capture_file::capture_file(const std::string& path) : out_(path) {
  out_.append(as_bytes(file_magic));
  whole_size_ = out_.size();
}

void capture_file::connected() {
  out_.cut(whole_size_);
  summed_ = whole_summed_;
  before_format_.reset();
}

void capture_file::whole() {
  whole_size_ = out_.size();
  whole_summed_ = summed_;
}

void capture_file::finish() {
  out_.cut(whole_size_);
  out_.close();
}

void capture_file::put(const event_header& header, byte_view body, bool summed) {
  encode_event(out_.pending(), header, body, summed ? checksum_algorithm::crc32 : checksum_algorithm::none);
  out_.appended();
}

void capture_file::take(const event_view& event, const format_description& format, const event_place& place) {
  event_header header = event.header;
  // Without it a reader could not tell where the source has it: offsets here are others.
  if (header.log_pos == 0 && place.known) header.log_pos = static_cast<std::uint32_t>(place.end);
  switch (header.type) {
    case event_type::heartbeat:
    case event_type::heartbeat_v2:
    case event_type::start_encryption: return;
    case event_type::format_description:
      put(header, event.body(), format.has_algorithm);
      summed_ = format.checksum == checksum_algorithm::crc32;
      if (before_format_) put(before_format_->header, before_format_->body, summed_);
      before_format_.reset();
      return;
    case event_type::rotate:
      // A file begins with a format description.
      if (out_.size() == file_magic.size()) {
        before_format_ = {header, {event.body().begin(), event.body().end()}};
        return;
      }
      break;
    default: break;
  }
  put(header, event.body(), summed_);
}

}  // namespace tidewire::binlog
