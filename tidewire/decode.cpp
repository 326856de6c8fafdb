#include "tidewire/decode.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "core/sink.hpp"
#include "core/socket.hpp"
#include "pgoutput/capture.hpp"
#include "pgoutput/row_changes.hpp"
#include "wire/replication_message.hpp"

namespace tidewire {
namespace {

constexpr std::size_t window_bytes = 1 << 20;
constexpr std::size_t lines_bytes = 256 * 1024;

/// A file read through a window that grows with its largest record.
class capture_input {
 public:
  explicit capture_input(const std::string& path)
      : path_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (!file_) fail();
    window_.resize(window_bytes + json::input_padding);
  }

  /// Moves the last `unread` bytes to the front and reads on, until `wanted` are there or the file ends.
  byte_view next(std::size_t unread, std::size_t wanted) {
    std::memmove(window_.data(), window_.data() + size_ - unread, unread);
    size_ = unread;
    // A length is believed only as far as the file goes.
    while (size_ < wanted || size_ == unread) {
      if (window_.size() - json::input_padding == size_) window_.resize(window_.size() * 2);
      ssize_t count =
          ::read(file_.get(), window_.data() + size_, window_.size() - json::input_padding - size_);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) fail();
      if (count == 0) {
        ended_ = true;
        break;
      }
      size_ += static_cast<std::size_t>(count);
    }
    return {window_.data(), size_};
  }
  bool ended() const { return ended_; }

 private:
  [[noreturn]] void fail() const {
    throw failure{failure_kind::refused, "TW-CAPTURE-FILE",
                  "could not read " + path_ + ": " + error_text(errno), "check the path"};
  }

  std::string path_;
  unique_fd file_;
  std::vector<std::uint8_t> window_;
  std::size_t size_ = 0;
  bool ended_ = false;
};

class decode_run {
 public:
  explicit decode_run(const decode_options& options)
      : path_(options.file), input_(options.file), changes_({}) {
    sink_place place;
    place.to = options.to;
    sink_ = open_sink(place);
    changes_.write_to(lines_);
  }

  void run() {
    std::size_t unread = 0;
    do {
      records_.give(input_.next(unread, records_.wanted_bytes()));
      read_window();
      unread = records_.unread_bytes();
    } while (!input_.ended());
    write_lines();
    sink_->sync();
    if (unread > 0 || records_.offset() == 0)
      throw failure{failure_kind::transient, "TW-CAPTURE-CUT",
                    path_ + " ends in the middle of a record: " + std::to_string(unread) +
                        " bytes from offset " + std::to_string(records_.offset()) + " on are lost" +
                        unfinished(),
                    "everything before was decoded; a capture ends so when its writer was killed"};
  }

 private:
  void read_window() {
    for (;;) {
      std::uint64_t offset = records_.offset();
      auto record = records_.next();
      if (!record) {
        write_lines();
        throw failure{failure_kind::refused, "TW-CAPTURE-DAMAGED",
                      path_ + " is damaged or no capture: " + std::string(to_string(record.error().code)) +
                          " at offset " + std::to_string(record.error().offset) + " (" +
                          record.error().field + ")",
                      "what came before was decoded; nothing behind it can be"};
      }
      if (!*record) return;
      try {
        take(**record);
      } catch (const failure& why) {
        write_lines();
        throw failure{why.kind, why.code,
                      path_ + ", record at offset " + std::to_string(offset) + ": " + why.what(), why.hint};
      }
    }
  }

  void take(byte_view record) {
    if (record[0] == 'c') {
      auto from = pgoutput::decode_capture_connection(record);
      if (!from) damaged(from.error());
      return changes_.connected(wire::lsn{*from});
    }
    if (record[0] == 'k') {
      auto alive = wire::decode_keepalive(record);
      if (!alive) damaged(alive.error());
      return changes_.idle_at(alive->end);
    }
    auto data = wire::decode_xlog_data(record);
    if (!data) damaged(data.error());
    changes_.take(data->data);
    while (changes_.replaying()) {
      changes_.replay_more();
      if (lines_.size() >= lines_bytes) write_lines();
    }
    if (lines_.size() >= lines_bytes) write_lines();
  }

  [[noreturn]] static void damaged(const decode_error& error) {
    throw failure{failure_kind::refused, "TW-CAPTURE-DAMAGED",
                  std::string(to_string(error.code)) + " at offset " + std::to_string(error.offset) + " (" +
                      error.field + ")",
                  "what came before was decoded"};
  }

  std::string unfinished() const {
    return changes_.between_transactions() ? "" : ", and with them the end of the last transaction";
  }

  void write_lines() {
    sink_->write(lines_.view());
    lines_.clear_to(8 * lines_bytes);
    changes_.write_to(lines_);
  }

  std::string path_;
  capture_input input_;
  pgoutput::capture_reader records_;
  pgoutput::row_changes changes_;
  json::buffer lines_;
  std::unique_ptr<sink> sink_;
};

}  // namespace

void run_decode(const decode_options& options) {
  decode_run(options).run();
}

}  // namespace tidewire
