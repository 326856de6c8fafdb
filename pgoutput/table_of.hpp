// A relation as the rest of tidewire knows tables.
#pragma once

#include "core/table.hpp"
#include "pgoutput/relation.hpp"

namespace tidewire::pgoutput {

/// Types that are not built in have the names that were announced.
table table_of(const relation& from, const type_names& types);

/// A column's name is a key of the lines, and JSON's keys are Unicode. Any other text in its place could be
/// the name of another column: throws TW-PG-COLUMN-NAME (refused).
void check_names(const table& of);

}  // namespace tidewire::pgoutput
