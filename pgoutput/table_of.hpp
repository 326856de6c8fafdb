// A relation as the rest of tidewire knows tables.
#pragma once

#include "core/table.hpp"
#include "pgoutput/relation.hpp"

namespace tidewire::pgoutput {

table table_of(const relation& from);

}  // namespace tidewire::pgoutput
