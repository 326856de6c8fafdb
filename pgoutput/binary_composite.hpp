// Values made of values: arrays, ranges, composites, domains over anything.
#pragma once

#include <string>

#include "core/cursor.hpp"
#include "pgoutput/binary_form.hpp"

namespace tidewire::pgoutput::binary {

/// Appends one value's text, and that of the values in it, to `out`, which it never lets grow much beyond
/// `max_size`: every level of nesting doubles the quotes and backslashes of what it holds.
class writer {
 public:
  writer(const type_lookup& types, std::string& out, std::size_t max_size)
      : types_(types), out_(out), max_size_(max_size) {}

  /// Reads all of `in`, or fails it. False: there is no text for this type, or for one within.
  bool value(cursor& in, std::uint32_t oid);

 private:
  bool composed(cursor& in, const type_info& type);
  bool array(cursor& in, bool plain);
  bool range(cursor& in, std::uint32_t subtype);
  bool bound(cursor& in, std::uint32_t subtype, const char* field);
  bool multirange(cursor& in, std::uint32_t range_type);
  bool composite(cursor& in);
  bool part(cursor& in, std::int32_t length, std::uint32_t oid, const char* field);
  type_info find(std::uint32_t oid) const;
  void quote(cursor& in, std::size_t from, bool double_specials);

  const type_lookup& types_;
  std::string& out_;
  std::size_t max_size_;
  int depth_ = 0;
};

}  // namespace tidewire::pgoutput::binary
