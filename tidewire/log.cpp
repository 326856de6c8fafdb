#include "tidewire/log.hpp"

#include <chrono>
#include <string>
#include <unistd.h>

#include "core/json_text.hpp"
#include "core/utc_time.hpp"

namespace tidewire {
namespace {

log_format chosen_format = log_format::text;
bool chosen_quiet = false;

constexpr std::string_view name(log_level level) {
  return level == log_level::info ? "info" : level == log_level::warning ? "warning" : "error";
}

std::string json_line(log_level level, std::string_view code, std::string_view text, std::string_view hint) {
  char now[utc_text_size];
  auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  char* end = put_utc(now, std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count());
  std::string line = R"({"ts":")" + std::string(now, end) + R"(","level":")" + std::string(name(level)) + '"';
  if (!code.empty()) line += R"(,"code":)" + json::quoted(code);
  line += R"(,"text":)" + json::quoted(text);
  if (!hint.empty()) line += R"(,"hint":)" + json::quoted(hint);
  return line + "}\n";
}

}  // namespace

void set_log(log_format format, bool quiet) {
  chosen_format = format;
  chosen_quiet = quiet;
}

void log(log_level level, std::string_view code, std::string_view text, std::string_view hint) {
  if (chosen_quiet && level == log_level::info) return;
  std::string line;
  if (chosen_format == log_format::json) {
    line = json_line(level, code, text, hint);
  } else {
    line = std::string(name(level)) + ": ";
    if (!code.empty()) line += std::string(code) + ": ";
    line += std::string(text) + '\n';
    if (!hint.empty()) line += "hint: " + std::string(hint) + '\n';
    if (::isatty(STDERR_FILENO)) line.insert(0, "\r\033[K");  // over a progress line
  }
  // A log that can't be written must not stop the stream.
  [[maybe_unused]] auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

void log(const failure& what, log_level level) {
  log(level, what.code, what.what(), what.hint);
}

void print_trace(const std::string& line) {
  // In one write, so that lines of several connections stay whole.
  std::string text = line + "\n";
  [[maybe_unused]] auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

}  // namespace tidewire
