// Makes messages out of the lines of libpq's PQtrace, in its regression mode: what that hides (NNNN for OIDs
// and process IDs, SSSS for places in the server's source, NN for lengths that depend on them) gets a
// stand-in.
#pragma once

#include <charconv>
#include <stdexcept>
#include <string>

#include "tests/wire/encode_again.hpp"

namespace tidewire::wire::testing {

/// In the place of NNNN.
inline constexpr std::int64_t hidden_number = 987'654'321;

/// Reads a line's fields. Throws std::runtime_error for what it doesn't expect.
class trace_fields {
 public:
  explicit trace_fields(std::string_view text) : rest_(text) {}

  std::int64_t number() {
    space();
    if (rest_.starts_with("NNNN")) return rest_.remove_prefix(4), hidden_number;
    std::int64_t value = 0;
    auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
    require(error == std::errc{}, "a number");
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return value;
  }

  /// Up to a quote with one of `ends` behind it, or at the end of the line. libpq does not escape quotes.
  std::string_view string(std::initializer_list<std::string_view> ends = {" "}) {
    space();
    require(rest_.starts_with('"'), "a quote");
    for (std::size_t at = 1; at < rest_.size(); ++at) {
      if (rest_[at] != '"') continue;
      std::string_view behind = rest_.substr(at + 1);
      bool ended = behind.empty();
      for (std::string_view each : ends) ended |= behind.starts_with(each);
      if (!ended) continue;
      std::string_view text = rest_.substr(1, at - 1);
      rest_.remove_prefix(at + 1);
      return text;
    }
    throw std::runtime_error("no closing quote");
  }

  /// Everything up to the line's last quote.
  std::string_view last_string() {
    space();
    std::size_t end = rest_.rfind('"');
    require(rest_.starts_with('"') && end > 0, "a quoted rest");
    std::string_view text = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return text;
  }

  char letter() {
    space();
    if (rest_.starts_with("\\x")) return static_cast<char>(escaped());
    require(!rest_.empty(), "a letter");
    char c = rest_[0];
    rest_.remove_prefix(1);
    return c;
  }

  /// A length and, unless that is -1, so many bytes in quotes.
  std::optional<std::vector<std::uint8_t>> value() {
    std::int64_t size = number();
    if (size < 0) return std::nullopt;
    space();
    std::vector<std::uint8_t> bytes;
    quote();
    for (std::int64_t i = 0; i < size; ++i) {
      require(!rest_.empty(), "a byte");
      if (rest_.starts_with("\\x")) {
        bytes.push_back(escaped());
      } else {
        bytes.push_back(static_cast<std::uint8_t>(rest_[0]));
        rest_.remove_prefix(1);
      }
    }
    quote();
    return bytes;
  }

  template <class T>
  std::vector<T> numbers() {
    std::vector<T> all;
    for (std::int64_t left = number(); left > 0; --left) all.push_back(static_cast<T>(number()));
    return all;
  }

  bool empty() const { return rest_.empty(); }
  bool last() const { return rest_ == " \\x00"; }

 private:
  static void require(bool holds, const char* what) {
    if (!holds) throw std::runtime_error(std::string("expected ") + what);
  }

  void space() {
    require(rest_.starts_with(' '), "a space");
    rest_.remove_prefix(1);
  }

  void quote() {
    require(rest_.starts_with('\''), "a quote");
    rest_.remove_prefix(1);
  }

  std::uint8_t escaped() {
    std::uint8_t byte = 0;
    require(rest_.size() >= 4, "two digits");
    auto [end, error] = std::from_chars(rest_.data() + 2, rest_.data() + 4, byte, 16);
    require(error == std::errc{} && end == rest_.data() + 4, "two digits");
    rest_.remove_prefix(4);
    return byte;
  }

  std::string_view rest_;
};

/// The values of a message, and what they are made of.
struct trace_values {
  std::vector<std::optional<std::vector<std::uint8_t>>> kept;
  std::vector<std::optional<byte_view>> views;

  explicit trace_values(trace_fields& in) {
    for (std::int64_t left = in.number(); left > 0; --left) kept.push_back(in.value());
    for (const auto& each : kept) views.push_back(each ? std::optional<byte_view>(*each) : std::nullopt);
  }
};

inline void encode_traced_frontend(encoder& out, std::string_view name, trace_fields& in) {
  if (name == "Query") {
    encode_query(out, in.last_string());
  } else if (name == "Parse") {
    auto statement = in.string();
    auto sql = in.last_string();
    encode_parse(out, statement, sql, in.numbers<std::uint32_t>());
  } else if (name == "Bind") {
    auto portal = in.string(), statement = in.string();
    auto formats = in.numbers<std::int16_t>();
    trace_values values(in);
    encode_bind(out, portal, statement, formats, values.views, in.numbers<std::int16_t>());
  } else if (name == "Describe") {
    char kind = in.letter();
    encode_describe(out, kind, in.string());
  } else if (name == "Close") {
    char kind = in.letter();
    encode_close(out, kind, in.string());
  } else if (name == "Execute") {
    auto portal = in.string();
    encode_execute(out, portal, static_cast<std::int32_t>(in.number()));
  } else if (name == "FunctionCall") {
    auto function = static_cast<std::uint32_t>(in.number());
    auto formats = in.numbers<std::int16_t>();
    trace_values values(in);
    encode_function_call(out, function, formats, values.views, static_cast<std::int16_t>(in.number()));
  } else if (name == "CopyFail") {
    encode_copy_fail(out, in.string());
  } else if (name == "CopyDone") {
    encode_copy_done(out);
  } else if (name == "Sync") {
    encode_sync(out);
  } else if (name == "Flush") {
    encode_flush(out);
  } else if (name == "Terminate") {
    encode_terminate(out);
  } else {
    throw std::runtime_error("what is " + std::string(name));
  }
}

inline std::vector<error_field> read_traced_error(trace_fields& in) {
  std::vector<error_field> fields;
  while (!in.last()) {
    char code = in.letter();
    // A text ends at a quote that has the next field or the list's end behind it.
    fields.push_back({code, in.string({" S \"", " V \"", " C \"", " M \"", " D \"", " H \"", " P \"", " p \"",
                                       " q \"", " W \"", " s \"", " t \"", " c \"", " d \"", " n \"", " F \"",
                                       " L \"", " R \"", " \\x00"})});
  }
  in.letter();
  return fields;
}

inline std::vector<field_description> read_traced_fields(trace_fields& in) {
  std::vector<field_description> fields;
  for (std::int64_t left = in.number(); left > 0; --left) {
    field_description f;
    f.name = in.string();
    f.table_oid = static_cast<std::uint32_t>(in.number());
    f.column_number = static_cast<std::int16_t>(in.number());
    f.type_oid = static_cast<std::uint32_t>(in.number());
    f.type_size = static_cast<std::int16_t>(in.number());  // printed unsigned
    f.type_modifier = static_cast<std::int32_t>(in.number());
    f.format = static_cast<std::int16_t>(in.number());
    fields.push_back(f);
  }
  return fields;
}

inline void encode_traced_backend(encoder& out, std::string_view name, trace_fields& in) {
  for (int tag = 0; tag < 256; ++tag) {
    const char* known = name_of(static_cast<backend_tag>(tag));
    if (known && name == known && in.empty()) return encode_empty(out, static_cast<backend_tag>(tag));
  }
  if (name == "RowDescription") {
    encode_row_description(out, read_traced_fields(in));
  } else if (name == "DataRow") {
    encode_data_row(out, trace_values(in).views);
  } else if (name == "CommandComplete") {
    encode_command_complete(out, {in.string()});
  } else if (name == "ReadyForQuery") {
    encode_ready_for_query(out, {in.letter()});
  } else if (name == "ErrorResponse") {
    encode_error_response(out, read_traced_error(in));
  } else if (name == "NoticeResponse") {
    encode_notice_response(out, read_traced_error(in));
  } else if (name == "ParameterDescription") {
    encode_parameter_description(out, in.numbers<std::uint32_t>());
  } else if (name == "ParameterStatus") {
    auto parameter = in.string();
    encode_parameter_status(out, {parameter, in.string()});
  } else if (name == "NotificationResponse") {
    auto process = static_cast<std::int32_t>(in.number());
    auto channel = in.string();
    encode_notification_response(out, {process, channel, in.string()});
  } else if (name == "FunctionCallResponse") {
    auto result = in.value();
    encode_function_call_response(out, {result ? std::optional<byte_view>(*result) : std::nullopt});
  } else if (name == "CopyInResponse" || name == "CopyOutResponse") {
    auto overall = static_cast<std::uint8_t>(in.letter());
    auto tag = name == "CopyInResponse" ? backend_tag::copy_in_response : backend_tag::copy_out_response;
    encode_copy_response(out, tag, overall, in.numbers<std::int16_t>());
  } else {
    throw std::runtime_error("what is " + std::string(name));
  }
}

struct traced_message {
  bool from_server = false;
  std::string length;  // NN where it is hidden
  std::vector<std::uint8_t> frame;
};

/// Throws std::runtime_error for a line that is not of this form.
inline traced_message read_trace_line(std::string_view line) {
  traced_message read;
  read.from_server = line.starts_with("B\t");
  std::size_t after_length = line.find('\t', 2);
  if ((!read.from_server && !line.starts_with("F\t")) || after_length == line.npos)
    throw std::runtime_error("no direction or length");
  read.length = line.substr(2, after_length - 2);
  std::size_t after_name = std::min(line.find('\t', after_length + 1), line.size());
  std::string_view name = line.substr(after_length + 1, after_name - after_length - 1);
  trace_fields fields(after_name < line.size() ? line.substr(after_name + 1) : std::string_view{});
  encoder out(read.frame);
  if (read.from_server)
    encode_traced_backend(out, name, fields);
  else
    encode_traced_frontend(out, name, fields);
  if (!out.ok()) throw std::runtime_error("it does not encode");
  if (!fields.empty()) throw std::runtime_error("more fields than expected");
  return read;
}

}  // namespace tidewire::wire::testing
