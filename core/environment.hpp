// Environment variables as a value, so that what reads them can be given others.
#pragma once

#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace tidewire {

/// The variable's value, or nothing where it is not set. An empty value is a value.
using environment = std::function<std::optional<std::string>(std::string_view name)>;

/// The variables of this process.
inline environment process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (!value) return std::nullopt;
    return value;
  };
}

}  // namespace tidewire
