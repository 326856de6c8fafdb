// A fact that a server was asked for, and may not have told.
#pragma once

#include <optional>
#include <string>

namespace tidewire {

/// What was asked for, or why it could not be had (the server's words).
template <class T>
struct asked {
  std::optional<T> value;
  std::string missing = "not asked";

  explicit operator bool() const { return value.has_value(); }
  const T* operator->() const { return &*value; }
  const T& operator*() const { return *value; }
};

}  // namespace tidewire
