// What a server says when something goes wrong (manual: "Error and Notice Message Fields"), kept whole.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/failure.hpp"
#include "wire/error_notice.hpp"

namespace tidewire::wire {

/// An owned copy of an ErrorResponse or a NoticeResponse. Nothing in it can steer a terminal.
struct error_details {
  std::vector<std::pair<char, std::string>> fields;  // as they came, unknown ones too

  /// Empty for a field that was not sent.
  std::string_view field(char code) const;
  std::string_view severity() const { return field(field('V').empty() ? 'S' : 'V'); }
  std::string_view sqlstate() const { return field('C'); }
  std::string_view message() const { return field('M'); }
  /// `ERROR 42704: the message; detail: …; hint: …; where: …` and so on, every field.
  std::string whole() const;
};

error_details details_of(const error_view& from);

/// An ErrorResponse that nobody handled. Code, kind and hint follow from the SQLSTATE.
class server_failure : public failure {
 public:
  /// `doing` says what was asked for: "could not create the slot".
  server_failure(const std::string& doing, error_details of);

  std::string_view sqlstate() const { return details.sqlstate(); }
  error_details details;
};

}  // namespace tidewire::wire
