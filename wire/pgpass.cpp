#include "wire/pgpass.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tidewire::wire {
namespace {

constexpr std::size_t max_password_file_bytes = 1 << 20;

/// What is left of the line behind the field and its colon, if the field is `wanted`. As in libpq a colon of
/// an IPv6 address need not be escaped.
std::optional<std::string_view> after_field(std::string_view line, std::string_view wanted) {
  if (line.starts_with("*:")) return line.substr(2);
  std::size_t at = 0;
  for (char c : wanted) {
    if (at < line.size() && line[at] == '\\') ++at;
    if (at >= line.size() || line[at] != c) return std::nullopt;
    ++at;
  }
  if (at >= line.size() || line[at] != ':') return std::nullopt;
  return line.substr(at + 1);
}

secret unescaped(std::string_view field) {
  std::string text;
  text.reserve(field.size());
  for (std::size_t i = 0; i < field.size() && field[i] != ':'; ++i) {
    if (field[i] == '\\' && i + 1 < field.size()) ++i;
    text += field[i];
  }
  return secret::take(std::move(text));
}

struct open_file {
  int fd = -1;
  ~open_file() {
    if (fd >= 0) ::close(fd);
  }
};

/// The whole file, wiped piece by piece on the way.
std::optional<secret> read_all(int fd, std::size_t size) {
  std::string text(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    ssize_t n = ::read(fd, text.data() + got, size - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  text.resize(got);
  return secret::take(std::move(text));
}

}  // namespace

std::optional<secret> match_password(std::string_view file_text, const password_key& key) {
  while (!file_text.empty()) {
    std::size_t end = std::min(file_text.find('\n'), file_text.size());
    std::string_view line = file_text.substr(0, end);
    file_text.remove_prefix(std::min(end + 1, file_text.size()));
    while (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    std::optional<std::string_view> rest = line;
    for (std::string_view field : {key.host, key.port, key.dbname, key.user})
      if (rest) rest = after_field(*rest, field);
    if (rest) return unescaped(*rest);
  }
  return std::nullopt;
}

password_lookup find_password(const connection_options& options, const host_port& host) {
  const std::string& path = options.passfile;
  if (path.empty()) return {};
  // Not blocking: a pipe of that name is refused below, not waited for.
  open_file file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) {
    if (errno == ENOENT || errno == ENOTDIR) return {};
    return {std::nullopt, fmt::format("password file {} cannot be opened: {}", path, std::strerror(errno))};
  }
  struct stat status{};
  if (::fstat(file.fd, &status) != 0 || !S_ISREG(status.st_mode))
    return {std::nullopt, fmt::format("password file {} is not a plain file and was not used", path)};
  if (status.st_mode & (S_IRWXG | S_IRWXO))
    return {std::nullopt,
            fmt::format("password file {} is open to its group or to everyone and was not used; "
                        "chmod 0600 it",
                        path)};
  if (static_cast<std::uintmax_t>(status.st_size) > max_password_file_bytes)
    return {std::nullopt, fmt::format("password file {} is larger than {} bytes and was not used", path,
                                      max_password_file_bytes)};
  auto text = read_all(file.fd, static_cast<std::size_t>(status.st_size));
  if (!text) return {std::nullopt, fmt::format("password file {} cannot be read", path)};

  std::string_view name = host.host.empty() ? host.hostaddr : host.host;
  if (name.empty() || name == default_socket_directory) name = "localhost";
  std::string port = fmt::format("{}", host.port);
  return {match_password(text->reveal(), {name, port, options.dbname, options.user}), {}};
}

}  // namespace tidewire::wire
