// A row's values in binary form, made readable before they become lines.
#pragma once

#include "pgoutput/binary_text.hpp"
#include "pgoutput/relation.hpp"

namespace tidewire::pgoutput {

/// What the type messages of a stream tell: a domain comes under its own oid with its base type's name. Of
/// other types that are not built in they have the name only, which says nothing of the bytes.
class announced_types final : public type_lookup {
 public:
  explicit announced_types(const type_names& names) : names_(names) {}
  std::optional<type_info> find(std::uint32_t oid) const override;

 private:
  const type_names& names_;
};

/// Turns the binary values of one row into text, in memory of its own.
class binary_row {
 public:
  /// Values of types without a known text stay binary. The others then point into this object, followed by
  /// padding, until the next call. The error's offset counts from the value's begin, its field names what was
  /// read.
  decoded<bool> render(std::span<value> values, const relation& of, const type_lookup& types);

  /// How many bytes the values of the last call have here.
  std::size_t bytes() const { return text_.size(); }

 private:
  struct place {
    std::size_t column;
    std::size_t offset;
  };
  std::string text_;
  std::vector<place> places_;
};

}  // namespace tidewire::pgoutput
