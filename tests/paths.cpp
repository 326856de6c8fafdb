#include "paths.hpp"

namespace tidewire::testing {

std::filesystem::path project_root() {
  return TIDEWIRE_ROOT;
}

std::filesystem::path vectors_folder() {
  return project_root().parent_path() / "shared" / "vectors";
}

}  // namespace tidewire::testing
