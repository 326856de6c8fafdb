// What options say in words of their own: durations, and where to end.
#include <charconv>

#include "tidewire/options.hpp"

namespace tidewire {
namespace {

std::optional<std::uint64_t> number_before(std::string_view text, std::string_view unit) {
  if (!text.ends_with(unit)) return std::nullopt;
  text.remove_suffix(unit.size());
  std::uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return number;
}

std::optional<std::chrono::milliseconds> duration_of(std::string_view text) {
  struct unit {
    std::string_view name;
    std::uint64_t ms;
  };
  // "ms" before "s" and "m", which it ends with or begins with.
  for (unit each :
       {unit{"ms", 1}, unit{"s", 1000}, unit{"m", 60'000}, unit{"h", 3'600'000}, unit{"d", 86'400'000}}) {
    auto number = number_before(text, each.name);
    if (number && *number <= 1'000'000'000'000 / each.ms)
      return std::chrono::milliseconds{static_cast<std::int64_t>(*number * each.ms)};
  }
  if (text == "0") return std::chrono::milliseconds{0};
  return std::nullopt;
}

}  // namespace

std::chrono::milliseconds parse_duration(const std::string& text) {
  if (auto duration = duration_of(text)) return *duration;
  throw failure(failure_kind::usage, "TW-USAGE-OPTION", "not a duration: " + text,
                "for example 500ms, 30s, 5m or 2h");
}

until parse_until(const std::string& text) {
  until end;
  if (text == "now") {
    end.is = until::kind::now;
  } else if (auto count = number_before(text, "tx"); count && *count > 0) {
    end.is = until::kind::transactions;
    end.transactions = *count;
  } else if (auto duration = duration_of(text); duration && duration->count() > 0) {
    end.is = until::kind::duration;
    end.duration = *duration;
  } else if (text.find('/') != text.npos || text.starts_with("gtid:") || text.starts_with("domains:") ||
             text.starts_with("file:")) {
    end.is = until::kind::position;
    end.position = text;
  } else {
    throw failure(failure_kind::usage, "TW-USAGE-OPTION", "--until " + text + " is none of what it takes",
                  "now, an LSN such as 0/16B3748, a duration such as 30s, or a count such as 100tx");
  }
  return end;
}

}  // namespace tidewire
