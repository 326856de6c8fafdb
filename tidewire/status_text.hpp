// What the reports of `tidewire status` have in common: the position file, and the end.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/failure.hpp"
#include "core/position_store.hpp"
#include "tidewire/options.hpp"

namespace tidewire {

/// The stream's position file; nothing if none is named. Throws failure TW-POSITION-MISSING, and what a file
/// that is not whole is told with.
std::optional<seen_position> look_at_position(const status_options& options);

/// What `check` throws if a person must act; null if it is content.
std::unique_ptr<failure> refusal_of(const std::function<void()>& check);

/// Prints one of the two reports, then throws `trouble`, if there is any.
void end_status(const status_options& options, const failure* trouble,
                const std::function<void()>& print_text, const std::function<std::string()>& json);

// ---- For people

void print_line(const char* name, const std::string& text);
void print_position(const std::string& path, const seen_position& seen);
/// `12 s`, `3 min`, `5 h`, `3 days`.
std::string seconds_text(std::int64_t seconds);

// ---- For programs

std::string number_or_null(const std::optional<std::uint64_t>& number);
std::string text_or_null(const std::string& text);
/// `{"v":1`, the position where one was looked at, and the code of what is wrong.
std::string json_head(const status_options& options, const std::optional<seen_position>& position,
                      const failure* refused);

}  // namespace tidewire
