// A row's values in binary form, made readable before they become lines.
#pragma once

#include "pgoutput/binary_text.hpp"
#include "pgoutput/relation.hpp"

namespace tidewire::pgoutput {

/// Turns the binary values of one row into text, in memory of its own.
class binary_row {
 public:
  /// Values of types without a known text stay binary. The others then point into this object, followed by
  /// padding, until the next call. The error's offset counts from the value's begin, its field names what was
  /// read.
  decoded<bool> render(std::span<value> values, const relation& of, const type_lookup& types);

  /// How many bytes the values of the last call have here.
  std::size_t bytes() const { return text_.size(); }

  /// The column type of the first value of the last call that stayed binary; 0: none did.
  std::uint32_t left_type() const { return left_type_; }

 private:
  struct place {
    std::size_t column;
    std::size_t offset;
  };
  std::string text_;
  std::vector<place> places_;
  std::uint32_t left_type_ = 0;
};

}  // namespace tidewire::pgoutput
