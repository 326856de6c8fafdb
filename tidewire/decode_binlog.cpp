#include "tidewire/decode_binlog.hpp"

#include <optional>

#include "binlog/event_reader.hpp"
#include "binlog/file_events.hpp"
#include "binlog/follow.hpp"
#include "binlog/row_changes.hpp"
#include "core/sink.hpp"
#include "tidewire/binlog_input.hpp"
#include "tidewire/binlog_list.hpp"
#include "tidewire/binlog_schema.hpp"

namespace tidewire {
namespace {

constexpr std::size_t lines_bytes = 256 * 1024;

binlog::row_changes::settings settings_of(const decode_options& o, const binlog::schema_book& schemas) {
  binlog::row_changes::settings with = changes_with(o.spill_dir, schemas);
  with.write_statements = o.write_statements;
  with.payload.plain_bytes = o.payload_limit_bytes;
  with.event_bytes = with.payload.event_bytes =
      static_cast<std::uint32_t>(std::min<std::uint64_t>(o.event_limit_bytes, binlog::max_event_bytes));
  return with;
}

class binlog_run {
 public:
  explicit binlog_run(const decode_options& options)
      : options_(options),
        schemas_(read_schema(options.schema_file)),
        with_(settings_of(options, schemas_)),
        changes_(with_),
        list_(with_.payload) {
    sink_place place;
    place.to = options.to;
    sink_ = open_sink(place);
    changes_.write_to(lines_);
    if (options.list) lines_.text(binlog_list::head());
  }

  void run() {
    std::size_t files_left = options_.files.size();
    std::string lost;
    for (const std::string& path : options_.files) {
      --files_left;
      std::string why = read_file(path);
      if (why.empty()) continue;
      lost += (lost.empty() ? "" : "; ") + why;
      if (files_left) log(log_level::warning, "TW-MY-CUT", why);
    }
    std::string open = end_of_transactions();
    if (!open.empty()) lost += (lost.empty() ? "" : "; ") + open;
    write_lines();
    sink_->sync();
    if (!lost.empty())
      throw failure{failure_kind::transient, "TW-MY-CUT", lost,
                    "everything before was decoded; the file that a server writes to ends so, and one that a "
                    "crash or a copy cut off"};
  }

 private:
  /// What is missing at the file's end; empty if nothing is.
  std::string read_file(const std::string& path) {
    binlog_input input(path);
    binlog::event_framer::options framing;
    framing.event_bytes = with_.event_bytes;
    binlog::event_reader reader(framing);
    changes_.file(input.name());
    source_.reset();
    std::size_t unread = 0;
    do {
      reader.give(input.next(unread, reader.wanted_bytes()));
      read_window(reader, path);
      unread = reader.unread_bytes();
    } while (!input.ended());
    if (unread == 0 && reader.offset() > 0) return {};
    return path + " ends in the middle of an event: " + std::to_string(unread) + " bytes from offset " +
           std::to_string(reader.offset()) + " on are lost";
  }

  void read_window(binlog::event_reader& reader, const std::string& path) {
    for (;;) {
      auto event = reader.next();
      if (!event) {
        write_done();
        refuse(reader, event.error(), path);
      }
      if (!*event) return;
      try {
        take(**event, reader);
      } catch (const failure& why) {
        write_done();
        throw failure{why.kind, why.code, path + ": " + why.what(), why.hint};
      }
    }
  }

  [[noreturn]] static void refuse(const binlog::event_reader& reader, const decode_error& error,
                                  const std::string& path) {
    if (error.code == decode_errc::unsupported && (error.field == std::string_view("encrypted file") ||
                                                   error.field == std::string_view("Start_encryption")))
      throw failure{failure_kind::refused, "TW-MY-ENCRYPTED", path + " is encrypted",
                    "read it from the server, which sends it in the clear (tidewire stream, or mysqlbinlog "
                    "--read-from-remote-server --raw)"};
    throw failure{failure_kind::refused, "TW-MY-DECODE",
                  path + " is damaged or no binlog: " + std::string(to_string(error.code)) + " at offset " +
                      std::to_string(error.offset) + " (" + error.field + ") of the event at offset " +
                      std::to_string(reader.offset()),
                  "what came before was decoded; nothing behind it can be"};
  }

  /// Captures and relay logs tell where their events are in the server's files.
  binlog::event_place place_of(const binlog::event_view& event, const binlog::event_reader& reader) {
    if (event.header.type == binlog::event_type::rotate && event.artificial()) {
      auto rotate = binlog::decode_rotate(event);
      if (!rotate)
        throw failure{failure_kind::refused, "TW-MY-DECODE",
                      "the Rotate at offset " + std::to_string(reader.event_offset()) +
                          " can't be decoded: " + std::string(to_string(rotate.error().code)) +
                          " at offset " + std::to_string(rotate.error().offset) + " (" +
                          rotate.error().field + ")",
                      "keep the file for a report"};
      changes_.file(rotate->file);
      if (!source_) source_.emplace();
      source_->rotated(rotate->position, true);
    }
    if (source_) return source_->of(event.header);
    return {reader.event_offset(), reader.offset()};
  }

  void take(const binlog::event_view& event, const binlog::event_reader& reader) {
    if (options_.list) {
      std::string text;
      list_.add(text, event, reader.event_offset(), reader.format());
      lines_.text(text);
    } else {
      changes_.take(event, reader.format(), place_of(event, reader));
      while (changes_.replaying()) {
        changes_.replay_more(lines_bytes);
        if (lines_.size() >= lines_bytes) write_lines();
      }
    }
    if (lines_.size() >= lines_bytes) write_lines();
  }

  /// Drops what was written of a transaction that goes on behind the last file, where the sink can.
  std::string end_of_transactions() {
    std::string text;
    if (!changes_.between_transactions()) {
      text = "the last transaction, which begins at " + changes_.current().file + ":" +
             std::to_string(changes_.current().offset) + ", has no end";
      write_done();
    }
    if (changes_.held().count())
      log(log_level::warning, "TW-MY-XA-OPEN",
          std::to_string(changes_.held().count()) +
              " prepared XA transactions have no outcome in these files: their changes are not in the lines");
    return text;
  }

  void write_lines() {
    std::size_t done = options_.list ? lines_.size() : changes_.done_bytes();
    if (done > 0) done_offset_ = sink_->offset() + done;
    sink_->write(lines_.view());
    lines_.clear_to(8 * lines_bytes);
    changes_.write_to(lines_);
  }

  /// Only what belongs to whole transactions.
  void write_done() {
    if (options_.list) return write_lines();
    std::size_t done = changes_.done_bytes();
    bool cut = done == 0 && sink_->offset() > done_offset_;
    lines_.truncate(done);
    write_lines();
    if (cut) {
      sink_->sync();
      sink_->cut(done_offset_);
    }
  }

  const decode_options& options_;
  binlog::schema_book schemas_;
  binlog::row_changes::settings with_;
  binlog::row_changes changes_;
  binlog_list list_;
  std::optional<binlog::place_tracker> source_;  // of a file that tells it
  json::buffer lines_;
  std::unique_ptr<sink> sink_;
  std::uint64_t done_offset_ = 0;
};

}  // namespace

void run_decode_binlog(const decode_options& options) {
  binlog_run(options).run();
}

}  // namespace tidewire
