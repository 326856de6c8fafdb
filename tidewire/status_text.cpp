#include "tidewire/status_text.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "core/json_text.hpp"
#include "core/utc_time.hpp"

namespace tidewire {
namespace {

// GTID sets and tokens may be long; a program gets them whole.
constexpr std::size_t shown_position_bytes = 200;

std::int64_t age_seconds(const seen_position& of) {
  auto age = std::chrono::system_clock::now() - of.changed_at;
  return std::max<std::int64_t>(0, std::chrono::duration_cast<std::chrono::seconds>(age).count());
}

std::string position_json(const std::string& path, const seen_position& seen) {
  const stored_position& at = seen.stored;
  char when[utc_text_size];
  auto changed = std::chrono::duration_cast<std::chrono::microseconds>(seen.changed_at.time_since_epoch());
  return R"({"file":)" + json::quoted(path) + R"(,"in_use":)" + (seen.in_use ? "true" : "false") +
         R"(,"position":)" + json::quoted(at.position) + R"(,"copying":)" +
         (at.copy.empty() ? "false" : "true") + R"(,"stored_at":")" +
         std::string(when, put_utc(when, changed.count())) + R"(","transactions":)" +
         std::to_string(at.transactions) + R"(,"changes":)" + std::to_string(at.changes) +
         R"(,"sink_offset_bytes":)" + std::to_string(at.sink_offset_bytes) + "}";
}

}  // namespace

std::optional<seen_position> look_at_position(const status_options& options) {
  if (options.position_file.empty()) return {};
  std::optional<seen_position> seen = look_at_position(options.position_file);
  if (!seen)
    throw failure{failure_kind::refused, "TW-POSITION-MISSING",
                  "there is no position file " + options.position_file,
                  "check the path; a stream makes it when it starts"};
  return seen;
}

std::unique_ptr<failure> refusal_of(const std::function<void()>& check) {
  try {
    check();
  } catch (const failure& why) {
    if (why.kind != failure_kind::refused) throw;
    return std::make_unique<failure>(why);
  }
  return nullptr;
}

void end_status(const status_options& options, const failure* trouble,
                const std::function<void()>& print_text, const std::function<std::string()>& json) {
  if (options.json)
    std::printf("%s\n", json().c_str());
  else
    print_text();
  std::fflush(stdout);
  if (trouble) throw *trouble;
}

void print_line(const char* name, const std::string& text) {
  std::printf("%-14s %s\n", name, text.c_str());
}

void print_position(const std::string& path, const seen_position& seen) {
  const stored_position& at = seen.stored;
  print_line("position file", path + (seen.in_use ? ", in use" : ", not in use"));
  std::string text = at.position.substr(0, shown_position_bytes);
  if (text.size() < at.position.size()) text += "…";
  print_line("position", text + ", stored " + seconds_text(age_seconds(seen)) + " ago");
  print_line("so far", std::to_string(at.transactions) + " transactions, " + std::to_string(at.changes) +
                           " changes, " + std::to_string(at.sink_offset_bytes) + " bytes in the sink");
  if (!at.copy.empty()) print_line("copy", "not complete");
}

std::string seconds_text(std::int64_t seconds) {
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 7200) return std::to_string(seconds / 60) + " min";
  if (seconds < 172'800) return std::to_string(seconds / 3600) + " h";
  return std::to_string(seconds / 86'400) + " days";
}

std::string number_or_null(const std::optional<std::uint64_t>& number) {
  return number ? std::to_string(*number) : "null";
}

std::string text_or_null(const std::string& text) {
  return text.empty() ? "null" : json::quoted(text);
}

std::string json_head(const status_options& options, const std::optional<seen_position>& position,
                      const failure* refused) {
  std::string text = R"({"v":1)";
  if (position) text += R"(,"position":)" + position_json(options.position_file, *position);
  return text + R"(,"refused":)" + text_or_null(refused ? refused->code : "");
}

}  // namespace tidewire
