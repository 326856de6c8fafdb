// Dates and times in binary form as text, with datestyle=ISO, intervalstyle=postgres and timezone=UTC. What
// Postgres would not take in (a day beyond its calendar, a time beyond 24:00:00) is bad_value.
#pragma once

#include <string>

#include "core/cursor.hpp"

namespace tidewire::pgoutput::binary {

void append_date(cursor& in, std::string& out);
void append_time(cursor& in, std::string& out);
void append_time_tz(cursor& in, std::string& out);
void append_timestamp(cursor& in, std::string& out);
void append_timestamp_tz(cursor& in, std::string& out);
/// The greatest and the least value are infinity and -infinity, as since Postgres 17; before, they were just
/// intervals of 178 million years.
void append_interval(cursor& in, std::string& out);

}  // namespace tidewire::pgoutput::binary
