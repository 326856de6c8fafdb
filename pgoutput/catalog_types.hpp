// What the catalogue says of types that are not built in: how their binary form is to be read.
#pragma once

#include <unordered_map>
#include <unordered_set>

#include "pgoutput/binary_form.hpp"
#include "pgoutput/relation.hpp"
#include "wire/query.hpp"

namespace tidewire::pgoutput {

/// The first oid of a type that is not part of the table of built-in ones: initdb makes some of its own.
inline constexpr std::uint32_t first_own_type = 10'000;

/// For those columns: oid, send function, base type, subtype, range type, delimiter.
std::string types_sql();

/// A value says by itself what it is made of; an oid is never given to another type. So what is read here
/// holds for values of any time, and a type is missing only if it was made later or is gone.
class catalog_types {
 public:
  /// Nothing is known.
  catalog_types() = default;
  /// The answer to types_sql(). Rows that are not of its form are left out.
  explicit catalog_types(const wire::result_set& found);

  const type_info* find(std::uint32_t oid) const {
    auto at = types_.find(oid);
    return at == types_.end() ? nullptr : &at->second;
  }
  bool empty() const { return types_.empty(); }

 private:
  std::unordered_map<std::uint32_t, type_info> types_;
};

/// What the catalogue says, then what the type messages of a stream tell: a domain comes under its own oid
/// with its base type's name. Of other types that are not built in those have the name only, which says
/// nothing of the bytes.
class known_types final : public type_lookup {
 public:
  explicit known_types(const type_names& announced) : announced_(announced) {}

  void read(catalog_types types) { catalog_ = std::move(types); }

  std::optional<type_info> find(std::uint32_t oid) const override;

  /// What helps when a value of this column type has no text. A look at the catalogue may help once for each
  /// type; what a name stands for (regclass), and what nobody knows, only the server can say, in text.
  enum class remedy : std::uint8_t { none, new_look, text };
  remedy remedy_for(std::uint32_t oid) {
    if (catalog_.empty()) return remedy::none;  // there is no server to ask
    return oid >= first_own_type && asked_.insert(oid).second ? remedy::new_look : remedy::text;
  }

 private:
  const type_names& announced_;
  catalog_types catalog_;
  std::unordered_set<std::uint32_t> asked_;
};

}  // namespace tidewire::pgoutput
