// An error packet as a failure: what kind of trouble it is, and what to do.
#pragma once

#include <string>

#include "binlog/response.hpp"
#include "core/failure.hpp"

namespace tidewire::binlog {

class server_failure : public failure {
 public:
  server_failure(const std::string& doing, const error_view& error);

  std::uint16_t number;
};

/// Throws server_failure, or failure TW-MY-MALFORMED.
[[noreturn]] void throw_server_error(const std::string& doing, byte_view payload);

/// The value, or failure TW-MY-MALFORMED that names the packet, the field and its offset.
[[noreturn]] void malformed(std::string_view packet, const decode_error& error);
template <class T>
T well_formed(decoded<T> result, std::string_view packet) {
  if (!result) malformed(packet, result.error());
  return std::move(*result);
}

}  // namespace tidewire::binlog
