#include "tidewire/decode_mongo.hpp"

#include "mongo_wire/compression.hpp"
#include "mongo_wire/event_line.hpp"
#include "mongo_wire/message_line.hpp"
#include "mongo_wire/record_reader.hpp"
#include "mongo_wire/split_event.hpp"
#include "tidewire/file_window.hpp"
#include "tidewire/log.hpp"

namespace tidewire {
namespace {

using namespace mongo_wire;

constexpr std::size_t lines_bytes = 256 * 1024;

extended_json_options values_of(const decode_options& options) {
  extended_json_options values;
  if (options.canonical) values.form = extended_form::canonical;
  values.not_utf8 = bad_text::hex;
  return values;
}

class mongo_decode_run {
 public:
  mongo_decode_run(const decode_options& options, file_kind kind, sink& to)
      : path_(options.files.at(0)),
        input_(options.files.at(0)),
        records_(kind == file_kind::bson ? document_record : message_record),
        bson_(kind == file_kind::bson),
        envelope_(options.as.empty() ? !bson_ : options.as == "envelope"),
        values_(values_of(options)),
        sink_(to) {}

  void run() {
    std::size_t unread = 0;
    do {
      records_.give(input_.next(unread, records_.wanted_bytes()));
      read_window();
      unread = records_.unread_bytes();
    } while (!input_.ended());
    if (fragments_.incomplete()) lose(0, "the file ends between the fragments of a split event");
    write_lines();
    sink_.sync();
    tell(unread);
  }

 private:
  void read_window() {
    for (;;) {
      std::uint64_t offset = records_.offset();
      auto record = records_.next();
      if (!record) {
        // Where the next record begins is not known.
        std::uint64_t rest = records_.unread_bytes() + input_.skip_rest();
        lose(rest, "at offset " + std::to_string(offset) + ": " + text_of(record.error()));
        records_.give({});
        return;
      }
      if (!*record) return;
      record_bytes_ = (*record)->size();
      decoded<void> done = bson_ ? document(**record) : message(**record);
      count_ += done.has_value();
      if (!done)
        lose((*record)->size(), "record at offset " + std::to_string(offset) + ": " + text_of(done.error()));
      if (lines_.size() >= lines_bytes) write_lines();
    }
  }

  static std::string text_of(const decode_error& error) {
    return std::string(to_string(error.code)) + " at its byte " + std::to_string(error.offset) + " (" +
           error.field + ")";
  }

  void lose(std::uint64_t bytes, const std::string& why) {
    lost_ += bytes;
    damaged_ = true;
    log(log_level::warning, "TW-CAPTURE-DAMAGED",
        path_ + ", " + why + (bytes ? "; " + std::to_string(bytes) + " bytes lost" : ""));
  }

  decoded<void> document(byte_view record) {
    auto whole = decode_document(record);
    if (!whole) return std::unexpected(whole.error());
    if (envelope_) return put_read_line(lines_, *whole, values_);
    auto done = put_extended_json(lines_, *whole, values_);
    if (done) lines_.text("\n");
    return done;
  }

  decoded<void> message(byte_view frame) {
    auto split = split_message(frame);
    if (!split) return std::unexpected(split.error());
    if (split->header.code == opcode::compressed) {
      auto wrapped = decode_op_compressed(frame);
      if (!wrapped) return std::unexpected(wrapped.error());
      auto whole = decompress_.unwrap(*wrapped);
      if (!whole) return std::unexpected(whole.error());
      split = split_message(*whole);
    }
    if (!envelope_) return put_message_line(lines_, *split, values_);
    if (split->header.code != opcode::msg) return {};
    auto message = decode_op_msg(split->frame);
    if (!message) return std::unexpected(message.error());
    return batch(message->body);
  }

  /// The events of a reply that has a cursor; of any other message nothing.
  decoded<void> batch(bson_view body) {
    auto cursor = find(body, "cursor");
    if (!cursor) return std::unexpected(cursor.error());
    if (cursor->type != bson_type::document) return {};
    auto id = find(*cursor->as_document(), "id");
    if (id && !*id) return {};  // a request's: {batchSize: …}
    auto of = decode_cursor(*cursor->as_document());
    if (!of) return std::unexpected(of.error());
    bson_reader reader(of->batch);
    for (element_view each; reader.next(each);) {
      auto document = each.as_document();
      if (!document || !is_event(*document)) continue;
      decoded<void> done = event(*document);
      if (!done)
        lose(document->size, "message at offset " + std::to_string(records_.offset() - record_bytes_) +
                                 ", event " + std::string(each.name) + ": " + text_of(done.error()));
    }
    if (!reader.ok()) return std::unexpected(reader.error());
    return {};
  }

  static bool is_event(bson_view document) {
    auto has = [&document](const char* name, bson_type type) {
      auto found = find(document, name);
      return found && found->type == type;
    };
    return has("_id", bson_type::document) &&
           (has("operationType", bson_type::string) || has("splitEvent", bson_type::document));
  }

  decoded<void> event(bson_view document) {
    auto event = decode_change_event(document);
    if (!event) return std::unexpected(event.error());
    if (event->fragments == 0) return line(*event);
    auto whole = fragments_.add(*event);
    if (!whole) return std::unexpected(whole.error());
    if (!*whole) return {};
    auto joined = decode_change_event(**whole);
    if (!joined) return std::unexpected(joined.error());
    return line(*joined);
  }

  decoded<void> line(const change_event_view& event) {
    ++events_;
    return put_event_line(lines_, event, values_);
  }

  void write_lines() {
    sink_.write(lines_.view());
    lines_.clear_to(8 * lines_bytes);
  }

  void tell(std::size_t unread) const {
    log(log_level::info, "",
        path_ + ": " + std::to_string(count_) + (bson_ ? " documents" : " messages") +
            (bson_ || !envelope_ ? "" : ", " + std::to_string(events_) + " change events"));
    if (damaged_)
      throw failure{failure_kind::refused, "TW-CAPTURE-DAMAGED",
                    path_ + " is damaged: " + std::to_string(lost_ + unread) + " bytes are lost",
                    "everything else was decoded; what is missing is named above"};
    if (unread > 0)
      throw failure{failure_kind::transient, "TW-CAPTURE-CUT",
                    path_ + " ends in the middle of a record: " + std::to_string(unread) +
                        " bytes from offset " + std::to_string(records_.offset()) + " on are lost",
                    "everything before was decoded; a file ends so when its writer was killed"};
  }

  std::string path_;
  file_window input_;
  record_reader records_;
  const bool bson_;
  const bool envelope_;
  const extended_json_options values_;
  sink& sink_;
  json::buffer lines_;
  decompressor decompress_;
  split_event fragments_;
  std::uint64_t record_bytes_ = 0;  // of the current one
  std::uint64_t count_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t lost_ = 0;
  bool damaged_ = false;
};

}  // namespace

void decode_mongo(const decode_options& options, file_kind kind, sink& to) {
  mongo_decode_run(options, kind, to).run();
}

}  // namespace tidewire
