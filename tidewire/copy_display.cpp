#include "tidewire/copy_display.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <unistd.h>

#include "tidewire/log.hpp"
#include "tidewire/progress.hpp"

namespace tidewire {
namespace {

constexpr std::chrono::seconds log_interval{30};

void print(const std::string& text) {
  [[maybe_unused]] auto written = ::write(STDERR_FILENO, text.data(), text.size());
}

std::string time_text(std::uint64_t seconds) {
  if (seconds < 60) return fmt::format("{} s", seconds);
  if (seconds < 3600) return fmt::format("{} min {:02} s", seconds / 60, seconds % 60);
  return fmt::format("{} h {:02} min", seconds / 3600, seconds / 60 % 60);
}

}  // namespace

std::string copy_line(const pgoutput::copy_totals& now, const pgoutput::copy_totals& before,
                      std::chrono::milliseconds elapsed, const pgoutput::copy_totals& first,
                      std::chrono::milliseconds since_first, const copy_words& words) {
  auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(1, elapsed.count()));
  std::string text = fmt::format(
      "copy  {}/{} {}  {} {}  {}{} {}/s  {}/s", now.tables_done, now.tables, words.tables, now.rows,
      words.rows, words.bytes ? human_bytes(now.bytes_in) + "  " : "", (now.rows - before.rows) * 1000 / ms,
      words.rows, human_bytes((now.bytes_in - before.bytes_in) * 1000 / ms));
  if (now.table_bytes == 0) return text;
  std::uint64_t done = std::min(now.table_bytes_done, now.table_bytes);
  text += fmt::format("  {} %", done * 100 / now.table_bytes);
  std::uint64_t progress = done - std::min(done, first.table_bytes_done);
  if (progress == 0) return text;
  double left = static_cast<double>(since_first.count()) * static_cast<double>(now.table_bytes - done) /
                static_cast<double>(progress) / 1000;
  return text + "  " + time_text(static_cast<std::uint64_t>(left)) + " left";
}

void copy_display::begin(const pgoutput::copy_totals& totals, bool on_terminal, clock::time_point now) {
  on_terminal_ = on_terminal;
  first_ = last_ = totals;
  began_ = shown_ = now;
}

void copy_display::show(const pgoutput::copy_totals& totals, clock::time_point now) {
  if (!on_terminal_ && now - shown_ < log_interval) return;
  auto ms = [](clock::duration time) { return std::chrono::duration_cast<std::chrono::milliseconds>(time); };
  std::string text = copy_line(totals, last_, ms(now - shown_), first_, ms(now - began_), words_);
  if (slot_) {
    text += "  retained WAL " + human_bytes(slot_->retained_bytes.value_or(0));
    if (auto percent = slot_->used_percent()) text += fmt::format(" ({} %)", *percent);
  }
  if (on_terminal_)
    print("\r\033[K" + text);
  else
    log(log_level::info, "", text);
  last_ = totals;
  shown_ = now;
}

void copy_display::end() {
  if (on_terminal_) print("\r\033[K");
}

}  // namespace tidewire
