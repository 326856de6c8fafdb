// Where the certificates of the public authorities are on this machine. A static OpenSSL has one
// distribution's folder compiled in; on another it would trust nobody.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "core/environment.hpp"

namespace tidewire {

/// Either a bundle, a folder of hashed certificates, or (from the environment) both. `origin` says who chose:
/// an option, SSL_CERT_FILE, SSL_CERT_DIR or "found here"; it is what `check` prints.
struct ca_roots {
  std::string file;
  std::string directory;
  std::string origin;

  bool found() const { return !file.empty() || !directory.empty(); }
};

/// The bundles that are probed, in this order.
std::span<const std::string_view> known_ca_files();

/// The first of: `option` (a file, taken as it is), SSL_CERT_FILE and SSL_CERT_DIR (taken as they are), the
/// first of `known` that can be read. What somebody chose is not probed, so that a wrong path fails when it
/// is loaded instead of being replaced by something else. Nothing found: found() is false.
ca_roots system_ca_file(std::string_view option = {}, const environment& env = process_environment(),
                        std::span<const std::string_view> known = known_ca_files());

}  // namespace tidewire
