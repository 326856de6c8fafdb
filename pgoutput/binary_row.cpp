#include "pgoutput/binary_row.hpp"

#include "core/json.hpp"
#include "pgoutput/builtin_types.hpp"

namespace tidewire::pgoutput {

decoded<bool> binary_row::render(std::span<value> values, const relation& of, const type_lookup& types) {
  text_.clear();
  places_.clear();
  left_type_ = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    value& each = values[i];
    if (each.kind != value_kind::binary) continue;
    std::uint32_t type = of.columns[i].type_id;
    const builtin_type* known = find_builtin_type(type);
    if (known && known->form == binary_form::text) {
      each.kind = value_kind::text;
      continue;
    }
    std::size_t offset = text_.size();
    decoded<bool> done = append_binary_text(type, as_bytes(each.bytes()), types, text_);
    if (!done) return done;
    if (!*done) {
      if (left_type_ == 0) left_type_ = type;
      continue;
    }
    places_.push_back({i, offset});
    each.size = static_cast<std::uint32_t>(text_.size() - offset);
    each.kind = value_kind::text;
  }
  // Only now does the text stay where it is.
  text_.append(json::input_padding, '\0');
  for (const place& each : places_) values[each.column].data = text_.data() + each.offset;
  return !places_.empty();
}

}  // namespace tidewire::pgoutput
