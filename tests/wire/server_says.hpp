// A server's answers to queries, for scripts of conversations.
#pragma once

#include <initializer_list>
#include <optional>
#include <string_view>
#include <vector>

#include "tests/core/script.hpp"
#include "wire/backend_query.hpp"
#include "wire/backend_session.hpp"
#include "wire/error_notice.hpp"

namespace tidewire::testing {

/// Each function appends a message.
class server_says {
 public:
  server_says& columns(std::initializer_list<std::string_view> names) {
    std::vector<wire::field_description> fields;
    for (std::string_view name : names) fields.emplace_back().name = name;
    encoder out{bytes_};
    wire::encode_row_description(out, fields);
    return *this;
  }
  server_says& row(std::initializer_list<std::string_view> values) {
    std::vector<std::optional<byte_view>> all;
    for (std::string_view value : values) all.emplace_back(as_bytes(value));
    encoder out{bytes_};
    wire::encode_data_row(out, all);
    return *this;
  }
  server_says& done(std::string_view tag) {
    encoder out{bytes_};
    wire::encode_command_complete(out, {tag});
    return *this;
  }
  server_says& error(std::string_view sqlstate, std::string_view message) {
    std::vector<wire::error_field> fields{{'S', "ERROR"}, {'C', sqlstate}, {'M', message}};
    encoder out{bytes_};
    wire::encode_error_response(out, fields);
    return *this;
  }
  server_says& ready() {
    encoder out{bytes_};
    wire::encode_ready_for_query(out, {'I'});
    return *this;
  }
  const bytes& all() const { return bytes_; }

 private:
  bytes bytes_;
};

}  // namespace tidewire::testing
