// Lines on stderr for people or, with --log-format json, for programs. Never holds a secret: callers pass
// redacted text.
#pragma once

#include <string>
#include <string_view>

#include "core/failure.hpp"

namespace tidewire {

enum class log_format { text, json };
enum class log_level { info, warning, error };

void set_log(log_format format, bool quiet);

/// `code` may be empty. Info lines are dropped when quiet.
void log(log_level level, std::string_view code, std::string_view text, std::string_view hint = {});
void log(const failure& what, log_level level = log_level::error);

/// A line of --trace, whatever the format of the log.
void print_trace(const std::string& line);

}  // namespace tidewire
