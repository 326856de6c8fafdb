#include "core/ca_roots.hpp"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <unistd.h>

using namespace tidewire;

namespace {

environment with(std::map<std::string, std::string, std::less<>> vars) {
  return [vars = std::move(vars)](std::string_view name) -> std::optional<std::string> {
    auto found = vars.find(name);
    return found == vars.end() ? std::nullopt : std::optional(found->second);
  };
}

}  // namespace

TEST_CASE("Root certificates are taken from who chose them first", "[ca_roots]") {
  std::string folder = (std::filesystem::temp_directory_path() / "tidewire-ca-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()));
  std::string missing = folder + "/none.pem", second = folder + "/second.pem", third = folder + "/third.pem";
  std::ofstream(second) << "x";
  std::ofstream(third) << "x";
  const std::array<std::string_view, 3> known{missing, second, third};

  auto roots = system_ca_file("/option.pem", with({{"SSL_CERT_FILE", "/env.pem"}}), known);
  CHECK(roots.file == "/option.pem");
  CHECK(roots.origin == "option");

  roots = system_ca_file({}, with({{"SSL_CERT_FILE", "/env.pem"}}), known);
  CHECK(roots.file == "/env.pem");
  CHECK(roots.directory.empty());
  CHECK(roots.origin == "SSL_CERT_FILE");

  roots = system_ca_file({}, with({{"SSL_CERT_FILE", ""}, {"SSL_CERT_DIR", "/dir"}}), known);
  CHECK(roots.file.empty());
  CHECK(roots.directory == "/dir");
  CHECK(roots.origin == "SSL_CERT_DIR");

  roots = system_ca_file({}, with({{"SSL_CERT_FILE", "/f"}, {"SSL_CERT_DIR", "/d"}}), known);
  CHECK(roots.origin == "SSL_CERT_FILE and SSL_CERT_DIR");

  roots = system_ca_file({}, with({}), known);
  CHECK(roots.file == second);
  CHECK(roots.origin == "found here");

  roots = system_ca_file({}, with({}), std::span(known).first(1));
  CHECK(!roots.found());
  CHECK(known_ca_files().size() == 5);
  std::filesystem::remove_all(folder);
}
