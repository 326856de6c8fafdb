#include "tidewire/decode.hpp"

#include "core/sink.hpp"
#include "mongo_wire/record_reader.hpp"
#include "pgoutput/capture.hpp"
#include "pgoutput/row_changes.hpp"
#include "tidewire/decode_binlog.hpp"
#include "tidewire/decode_mongo.hpp"
#include "tidewire/file_window.hpp"
#include "wire/replication_message.hpp"

namespace tidewire {
namespace {

constexpr std::size_t lines_bytes = 256 * 1024;

/// The file's kind by its first bytes. A document or message tells itself by a length that can be one, and
/// what follows it.
file_kind kind_of(byte_view head, const std::string& path) {
  auto refuse = [&path](const char* what, const char* hint) {
    throw failure{failure_kind::refused, "TW-CAPTURE-KIND", path + " is " + what, hint};
  };
  auto begins = [head](std::string_view with) { return as_text(head).starts_with(with); };
  if (begins("\x1f\x8b")) refuse("compressed with gzip", "unpack it first: gunzip");
  if (begins("\x6d\xe2\x99\x81"))
    refuse("an archive of mongodump", "make the dump without --archive, or unpack it with mongorestore");
  if (head.size() < pgoutput::capture_magic.size() || begins(pgoutput::capture_magic.substr(0, 5)))
    return file_kind::postgres;
  auto message = mongo_wire::message_record(head);
  if (message && *message != 0 && head.size() >= mongo_wire::message_header_bytes)
    return file_kind::mongo_wire;
  auto document = mongo_wire::document_record(head);
  bool empty = document && *document == 5;
  if (document && (empty || mongo_wire::name_of(static_cast<mongo_wire::bson_type>(head[4]))))
    return file_kind::bson;
  return file_kind::postgres;
}

class decode_run {
 public:
  decode_run(const decode_options& options, sink& to)
      : path_(options.files.at(0)), input_(path_), changes_({}), sink_(to) {
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
    sink_.sync();
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
    sink_.write(lines_.view());
    lines_.clear_to(8 * lines_bytes);
    changes_.write_to(lines_);
  }

  std::string path_;
  file_window input_;
  pgoutput::capture_reader records_;
  pgoutput::row_changes changes_;
  json::buffer lines_;
  sink& sink_;
};

}  // namespace

void run_decode(const decode_options& options) {
  const std::string& path = options.files.at(0);
  file_kind kind = options.kind;
  if (kind == file_kind::unknown && is_binlog(path)) return run_decode_binlog(options);
  if (options.files.size() > 1 || options.list)
    throw failure{failure_kind::usage, "TW-USAGE-OPTION", path + " is no binlog",
                  "other files are decoded one by one, and have no list of events"};
  if (kind == file_kind::unknown) kind = kind_of(file_window(path).next(0, 64), path);
  sink_place place;
  place.to = options.to;
  std::unique_ptr<sink> to = open_sink(place);
  if (kind == file_kind::postgres)
    decode_run(options, *to).run();
  else
    decode_mongo(options, kind, *to);
}

}  // namespace tidewire
