#include "mongo_wire/event_line.hpp"

#include "mongo_wire/json_value.hpp"
#include "mongo_wire/resume_token.hpp"

namespace tidewire::mongo_wire {
namespace {

class line_writer {
 public:
  line_writer(json::buffer& out, const extended_json_options& values)
      : out_(out), values_(values), begin_(out.size()) {}

  void event(const change_event_view& of) {
    out_.text(R"({"v":1)");
    text(R"(,"op":)", of.operation);
    text(R"(,"schema":)", of.db);
    text(R"(,"table":)", of.collection);
    position(of);
    times(of);
    transaction(of);
    element(R"(,"key":)", of.document_key);
    element(R"(,"before":)", of.before);
    element(R"(,"after":)", of.full_document);
    if (of.full_document.type == bson_type::null) out_.text(R"(,"after_missing":true)");
    element(R"(,"updated":)", of.updated_fields);
    element(R"(,"removed":)", of.removed_fields);
    element(R"(,"truncated":)", of.truncated_arrays);
    element(R"(,"paths":)", of.disambiguated_paths);
    element(R"(,"to_schema":)", of.to_db);
    element(R"(,"to_table":)", of.to_collection);
    element(R"(,"details":)", of.details);
    element(R"(,"details_before":)", of.state_before_change);
    element(R"(,"collection_uuid":)", of.collection_uuid);
    out_.text("}\n");
  }

  void read(std::string_view head, bson_view document) {
    out_.text(head);
    auto id = find(document, "_id");
    if (!id) return keep(std::unexpected(id.error()));
    if (*id) {
      element(R"(,"key":{"_id":)", *id);
      out_.text("}");
    }
    out_.text(R"(,"after":)");
    keep(put_extended_json(out_, document, values_));
    out_.text("}\n");
  }

  decoded<void> finish() {
    if (error_.code == decode_errc::none) return {};
    out_.truncate(begin_);
    return std::unexpected(error_);
  }

 private:
  void keep(const decoded<void>& done) {
    if (!done && error_.code == decode_errc::none) error_ = done.error();
  }

  template <std::size_t Size>
  void element(const char (&name)[Size], const element_view& of) {
    if (!of) return;
    out_.text({name, Size - 1});
    keep(put_extended_json(out_, of, values_));
  }

  /// A string: of the usual ones, short and plain, element() would make no more.
  template <std::size_t Size>
  void text(const char (&name)[Size], const element_view& of) {
    constexpr std::size_t most = 32;
    std::string_view text = of ? *of.as_string() : std::string_view();
    std::size_t behind = of.outer_size - of.offset - of.size;
    if (!of || text.size() > most || behind < json::input_padding) return element(name, of);
    char* at = put_literal(out_.room(Size + json::output_slack), name);
    *at++ = '"';
    if (json::put_plain(at, text.data(), text.size()) != text.size()) return element(name, of);
    at += text.size();
    *at++ = '"';
    out_.end(at);
  }

  /// The token's text is hex digits, or JSON that becomes a string.
  void position(const change_event_view& of) {
    std::string_view hex = of.token_hex;
    std::string other;
    if (hex.empty()) {
      auto text = token_text(of.token);
      if (!text) return keep(std::unexpected(text.error()));
      other = std::move(*text);
    }
    char* at = put_literal(out_.room(hex.size() + other.size() * json::worst_growth + 16), R"(,"pos":")");
    at = hex.empty() ? json::put_escaped_scalar(at, other.data(), other.data() + other.size())
                     : json::put(at, hex);
    *at++ = '"';
    out_.end(at);
  }

  void times(const change_event_view& of) {
    char* at = out_.room(160);
    if (of.wall_time_ms || of.cluster_time) {
      // Years that microseconds can't hold were never on a server's clock.
      constexpr std::int64_t last_ms = 253'402'300'799'999;
      std::int64_t ms = of.wall_time_ms ? *of.wall_time_ms : std::int64_t{of.cluster_time->time} * 1000;
      if (ms >= 0 && ms <= last_ms) {
        at = put_literal(at, R"(,"ts":")");
        at = put_literal(put_moment(at, ms), "000Z\"");
      }
    }
    if (of.cluster_time) {
      at = put_integer(put_literal(at, R"(,"cluster_time":{"t":)"), of.cluster_time->time);
      at = put_integer(put_literal(at, R"(,"i":)"), of.cluster_time->increment);
      *at++ = '}';
    }
    out_.end(at);
  }

  /// "<session's uuid in hex>:<number>": the same for all changes of one transaction and no other.
  void transaction(const change_event_view& of) {
    if (!of.transaction || !of.session_id) return;
    auto id = find(*of.session_id.as_document(), "id");
    if (!id) return keep(std::unexpected(id.error()));
    auto uuid = id->as_binary();
    if (!uuid || uuid->data.size() != 16) return;
    char* at = put_literal(out_.room(96), R"(,"xid":")");
    at = put_hex(at, uuid->data.data(), uuid->data.size());
    *at++ = ':';
    at = put_integer(at, *of.transaction);
    *at++ = '"';
    out_.end(at);
  }

  json::buffer& out_;
  const extended_json_options& values_;
  std::size_t begin_;
  decode_error error_;
};

}  // namespace

decoded<void> put_event_line(json::buffer& out, const change_event_view& event,
                             const extended_json_options& values) {
  line_writer to(out, values);
  to.event(event);
  return to.finish();
}

decoded<void> put_read_line(json::buffer& out, bson_view document, const extended_json_options& values) {
  line_writer to(out, values);
  to.read(R"({"v":1,"op":"read")", document);
  return to.finish();
}

decoded<void> put_copied_line(json::buffer& out, std::string_view head, bson_view document,
                              const extended_json_options& values) {
  line_writer to(out, values);
  to.read(head, document);
  return to.finish();
}

}  // namespace tidewire::mongo_wire
