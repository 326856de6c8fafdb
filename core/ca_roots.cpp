#include "core/ca_roots.hpp"

#include <array>
#include <unistd.h>

namespace tidewire {

std::span<const std::string_view> known_ca_files() {
  static constexpr std::array<std::string_view, 5> files{
      "/etc/ssl/certs/ca-certificates.crt",                 // Debian, Ubuntu, Alpine, Arch
      "/etc/pki/tls/certs/ca-bundle.crt",                   // Fedora, Red Hat
      "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  // Red Hat, without the old link
      "/etc/ssl/ca-bundle.pem",                             // SUSE
      "/etc/ssl/cert.pem",                                  // Alpine, BSD
  };
  return files;
}

ca_roots system_ca_file(std::string_view option, const environment& env,
                        std::span<const std::string_view> known) {
  if (!option.empty()) return {std::string(option), {}, "option"};
  ca_roots roots;
  if (auto file = env("SSL_CERT_FILE"); file && !file->empty()) {
    roots.file = *file;
    roots.origin = "SSL_CERT_FILE";
  }
  if (auto directory = env("SSL_CERT_DIR"); directory && !directory->empty()) {
    roots.directory = *directory;
    roots.origin += roots.origin.empty() ? "SSL_CERT_DIR" : " and SSL_CERT_DIR";
  }
  if (roots.found()) return roots;
  for (std::string_view file : known)
    if (std::string path(file); ::access(path.c_str(), R_OK) == 0) return {path, {}, "found here"};
  return roots;
}

}  // namespace tidewire
