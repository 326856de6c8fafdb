// Where the sources and the data nobody here made up lie, for the tests that read them.
#pragma once
#include <filesystem>

namespace tidewire::testing {

/// The project's folder.
std::filesystem::path project_root();

/// Captures, traces and exchanges of other programs. They are not part of the project: a test skips where the
/// folder is absent.
std::filesystem::path vectors_folder();

}  // namespace tidewire::testing
