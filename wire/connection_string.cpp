#include "wire/connection_string.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <span>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/connection_settings.hpp"
#include "wire/service_file.hpp"

namespace tidewire::wire {
namespace {

std::string_view name_of(parameter which) {
  return parameter_table()[static_cast<std::size_t>(which)].name;
}

bool same_word(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

std::vector<std::string> split_list(std::string_view list) {
  std::vector<std::string> parts;
  for (;;) {
    std::size_t comma = list.find(',');
    parts.emplace_back(list.substr(0, comma));
    if (comma == list.npos) return parts;
    list.remove_prefix(comma + 1);
  }
}

/// An IPv4 or IPv6 address in its usual spelling; of the latter without its zone.
std::optional<in6_addr> parse_address(std::string_view text) {
  in6_addr address{};
  std::string v4(text), v6(text.substr(0, text.find('%')));
  // v4-mapped, so that a caller has one form to look at.
  address.s6_addr[10] = address.s6_addr[11] = 0xff;
  if (::inet_pton(AF_INET, v4.c_str(), &address.s6_addr[12]) == 1) return address;
  if (::inet_pton(AF_INET6, v6.c_str(), &address) == 1) return address;
  return std::nullopt;
}

std::string listed(std::span<const std::string_view> names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

/// Gives texts their meaning. One method a kind of value; all name the parameter and its origin in failures.
class interpreter {
 public:
  interpreter(const connection_settings& settings, const connection_sources& from)
      : settings_(settings), from_(from) {}

  connection_options read() {
    identity();
    hosts();
    tls();
    authentication();
    timeouts();
    session();
    contradictions();
    ignored();
    return std::move(out_);
  }

 private:
  [[noreturn]] void fail(parameter which, const std::string& text, std::string hint = {}) const {
    const auto& found = settings_[which];
    std::string origin = found ? found->origin : "connection string";
    connection_string_failure(fmt::format("{}: {} {}", origin, name_of(which), text), std::move(hint));
  }

  std::string text(parameter which) const { return std::string(settings_.text(which)); }

  std::optional<std::size_t> choice(parameter which, std::span<const std::string_view> names) const {
    if (!settings_[which]) return std::nullopt;
    auto found = std::find(names.begin(), names.end(), settings_.text(which));
    if (found == names.end()) fail(which, "must be one of " + listed(names));
    return static_cast<std::size_t>(found - names.begin());
  }

  template <class E>
  void choose(parameter which, std::span<const std::string_view> names, E& into) const {
    if (auto found = choice(which, names)) into = static_cast<E>(*found);
  }

  template <class E>
  void choose(parameter which, std::span<const std::string_view> names, std::optional<E>& into) const {
    if (auto found = choice(which, names)) into = static_cast<E>(*found);
  }

  /// Decimal, with blanks around and a sign, as libpq's parse_int_param.
  std::optional<int> integer(parameter which) const {
    if (!settings_[which]) return std::nullopt;
    constexpr std::string_view blanks = " \t\n\v\f\r";
    std::string_view digits = settings_.text(which);
    digits.remove_prefix(std::min(digits.find_first_not_of(blanks), digits.size()));
    digits = digits.substr(0, digits.find_last_not_of(blanks) + 1);
    if (digits.starts_with('+') && !digits.substr(1).starts_with('-')) digits.remove_prefix(1);
    int value = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc{} || end != digits.data() + digits.size()) fail(which, "must be a whole number");
    return value;
  }

  std::optional<int> not_negative(parameter which) const {
    auto value = integer(which);
    if (value) value = std::max(*value, 0);
    return value;
  }

  /// The home directory's file of this name, or empty where there is no home.
  std::string in_home(std::string_view name) const {
    std::string home = from_.variable("HOME").value_or("");
    return home.empty() ? home : fmt::format("{}/{}", home, name);
  }

  void identity() {
    out_.user = text(parameter::user);
    if (out_.user.empty()) out_.user = os_user();
    if (out_.user.empty())
      connection_string_failure("no user name is given and this process's user has none",
                                "Put the user into the connection string or into PGUSER.");
    out_.dbname = text(parameter::dbname);
    if (out_.dbname.empty()) out_.dbname = out_.user;
    if (const auto& given = settings_[parameter::password]) out_.password = given->value;
    out_.passfile = text(parameter::passfile);
    if (out_.passfile.empty()) out_.passfile = in_home(".pgpass");
    out_.service = text(parameter::service);
    out_.servicefile = text(parameter::servicefile);
    out_.password_in_string = settings_.secret_in_string;
  }

  /// Not getpwuid: it loads NSS modules, which a static binary can't.
  std::string os_user() const {
    std::string passwd = from_.read_file("/etc/passwd").value_or("");
    std::string_view rest = passwd;
    std::string wanted = fmt::format("{}", from_.user_id);
    while (!rest.empty()) {
      std::size_t end = std::min(rest.find('\n'), rest.size());
      std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      std::size_t name_end = line.find(':');
      std::size_t id_at = name_end == line.npos ? line.npos : line.find(':', name_end + 1);
      if (id_at == line.npos || name_end == 0) continue;
      if (line.substr(id_at + 1, line.find(':', id_at + 1) - id_at - 1) == wanted)
        return std::string(line.substr(0, name_end));
    }
    for (const char* variable : {"USER", "LOGNAME"})
      if (auto name = from_.variable(variable); name && !name->empty()) return *name;
    return {};
  }

  void hosts() {
    auto names = split_list(settings_.text(parameter::host));
    auto addresses = split_list(settings_.text(parameter::hostaddr));
    bool named = !settings_.text(parameter::host).empty();
    bool addressed = !settings_.text(parameter::hostaddr).empty();
    if (named && addressed && names.size() != addresses.size())
      fail(parameter::hostaddr,
           fmt::format("has {} entries for the {} of host", addresses.size(), names.size()));
    std::size_t count = std::max(names.size(), addresses.size());
    if (count > max_hosts) fail(addressed ? parameter::hostaddr : parameter::host, "names too many hosts");
    names.resize(count);
    addresses.resize(count);
    auto ports = read_ports(count);
    for (std::size_t i = 0; i < count; ++i) {
      host_port host{std::move(names[i]), std::move(addresses[i]), ports[i]};
      if (!host.hostaddr.empty() && !parse_address(host.hostaddr))
        fail(parameter::hostaddr, fmt::format("must be an IP address (entry {})", i + 1),
             "A name belongs into host.");
      if (host.hostaddr.empty() && host.host.empty()) host.host = default_socket_directory;
      host.is_unix = host.hostaddr.empty() && (host.host.starts_with('/') || host.host.starts_with('@'));
      out_.hosts.push_back(std::move(host));
    }
    choose(parameter::target_session_attrs, target_session_attrs_names, out_.target_session_attrs);
    choose(parameter::load_balance_hosts, load_balance_hosts_names, out_.load_balance_hosts);
  }

  /// One port serves every host; else there are as many as hosts, and an empty one is the default.
  std::vector<std::uint16_t> read_ports(std::size_t count) const {
    auto parts = split_list(settings_.text(parameter::port));
    if (parts.size() == 1) parts.resize(count, parts.front());
    if (parts.size() != count)
      fail(parameter::port, fmt::format("has {} entries for {} hosts", parts.size(), count));
    std::vector<std::uint16_t> ports;
    for (const auto& part : parts) {
      std::uint16_t port = 5432;
      if (!part.empty()) {
        auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), port);
        if (error != std::errc{} || end != part.data() + part.size() || port == 0)
          fail(parameter::port, fmt::format("must be a number from 1 to 65535 (entry {})", ports.size() + 1),
               "If this is part of a password: write / ? # @ : in it percent-encoded.");
      }
      ports.push_back(port);
    }
    return ports;
  }

  void tls() {
    choose(parameter::sslmode, sslmode_names, out_.sslmode);
    choose(parameter::sslnegotiation, sslnegotiation_names, out_.sslnegotiation);
    choose(parameter::sslcertmode, sslcertmode_names, out_.sslcertmode);
    out_.sslcert = text(parameter::sslcert);
    out_.sslkey = text(parameter::sslkey);
    if (const auto& given = settings_[parameter::sslpassword]) out_.sslpassword = given->value;
    out_.sslrootcert = text(parameter::sslrootcert);
    out_.sslcrl = text(parameter::sslcrl);
    out_.sslcrldir = text(parameter::sslcrldir);
    default_file(out_.sslcert, "postgresql.crt");
    if (!out_.sslcert.empty()) default_file(out_.sslkey, "postgresql.key");
    default_file(out_.sslrootcert, "root.crt");
    if (out_.sslcrldir.empty()) default_file(out_.sslcrl, "root.crl");
    static constexpr std::string_view flags[] = {"0", "1"};
    if (!settings_.text(parameter::sslsni).empty()) choose(parameter::sslsni, flags, out_.sslsni);
    out_.ssl_min_protocol_version = tls_bound(parameter::ssl_min_protocol_version);
    out_.ssl_max_protocol_version = tls_bound(parameter::ssl_max_protocol_version);
    if (out_.ssl_min_protocol_version && out_.ssl_max_protocol_version &&
        *out_.ssl_min_protocol_version > *out_.ssl_max_protocol_version)
      fail(parameter::ssl_min_protocol_version, "is above ssl_max_protocol_version");
  }

  void default_file(std::string& path, std::string_view name) const {
    if (!path.empty()) return;
    std::string found = in_home(fmt::format(".postgresql/{}", name));
    if (!found.empty() && from_.file_exists(found)) path = found;
  }

  std::optional<tls_version> tls_bound(parameter which) const {
    std::string_view given = settings_.text(which);
    if (given.empty()) return std::nullopt;
    for (std::size_t i = 0; i < tls_version_names.size(); ++i)
      if (same_word(given, tls_version_names[i])) return static_cast<tls_version>(i);
    fail(which, "must be one of " + listed(tls_version_names));
  }

  void authentication() {
    choose(parameter::channel_binding, channel_binding_names, out_.channel_binding);
    out_.requirepeer = text(parameter::requirepeer);
    if (settings_.text(parameter::gssencmode) == "require")
      fail(parameter::gssencmode, "=require is not supported: tidewire has no GSSAPI",
           "Use TLS: sslmode=verify-full.");
    choose(parameter::gssencmode, gssencmode_names, out_.gssencmode);
    if (!settings_.text(parameter::require_auth).empty()) require_auth();
  }

  /// Either methods that are allowed or, each with a !, methods that are not; never both.
  void require_auth() {
    constexpr auto which = parameter::require_auth;
    auto words = split_list(settings_.text(which));
    std::uint8_t listed_bits = 0;
    bool negative = words.front().starts_with('!');
    for (std::string_view word : words) {
      if (word.starts_with('!') != negative) fail(which, "mixes methods with and without \"!\"");
      if (negative) word.remove_prefix(1);
      auto found = std::find(auth_method_names.begin(), auth_method_names.end(), word);
      if (found == auth_method_names.end()) fail(which, "must be a list of " + listed(auth_method_names));
      auto bit = static_cast<std::uint8_t>(1u << (found - auth_method_names.begin()));
      if (listed_bits & bit) fail(which, fmt::format("names {} twice", *found));
      listed_bits |= bit;
    }
    constexpr unsigned all = (1u << auth_method_names.size()) - 1;
    auth_methods allowed{negative ? static_cast<std::uint8_t>(all & ~unsigned{listed_bits}) : listed_bits};
    using enum auth_method;
    if (!allowed.allows(none) && !allowed.allows(password) && !allowed.allows(md5) &&
        !allowed.allows(scram_sha_256))
      fail(which, "leaves no method that tidewire has", "It has none, password, md5 and scram-sha-256.");
    out_.require_auth = allowed;
  }

  void timeouts() {
    out_.connect_timeout_s = not_negative(parameter::connect_timeout);
    if (auto on = integer(parameter::keepalives)) out_.keepalives = *on != 0;
    out_.keepalives_idle_s = not_negative(parameter::keepalives_idle);
    out_.keepalives_interval_s = not_negative(parameter::keepalives_interval);
    out_.keepalives_count = not_negative(parameter::keepalives_count);
    out_.tcp_user_timeout_ms = not_negative(parameter::tcp_user_timeout);
  }

  void session() {
    out_.application_name = text(parameter::application_name);
    out_.fallback_application_name = text(parameter::fallback_application_name);
    out_.options = text(parameter::options);
    std::string_view encoding = settings_.text(parameter::client_encoding);
    static constexpr std::string_view utf8[] = {"auto", "UTF8", "UTF-8", "unicode"};
    if (!encoding.empty() &&
        std::none_of(std::begin(utf8), std::end(utf8), [&](auto name) { return same_word(encoding, name); }))
      fail(parameter::client_encoding, "must be UTF8 or auto: tidewire's output is always UTF-8");
    std::string_view replication = settings_.text(parameter::replication);
    if (!replication.empty() && replication != "database")
      fail(parameter::replication, "is set by tidewire itself", "Leave it out.");
    out_.min_protocol_version = protocol_bound(parameter::min_protocol_version);
    out_.max_protocol_version = protocol_bound(parameter::max_protocol_version);
  }

  std::optional<protocol_version> protocol_bound(parameter which) const {
    std::string_view given = settings_.text(which);
    if (given.empty()) return std::nullopt;
    if (given == "3.0") return protocol_version::v3_0;
    if (given == "3.2" || given == "latest") return protocol_version::v3_2;
    fail(which, "must be 3.0, 3.2 or latest");
  }

  void contradictions() const {
    if (out_.min_protocol_version && out_.max_protocol_version &&
        *out_.min_protocol_version > *out_.max_protocol_version)
      fail(parameter::min_protocol_version, "is above max_protocol_version");
    if (!out_.sslmode) return;
    if (out_.sslrootcert == "system" && *out_.sslmode != sslmode::verify_full)
      fail(parameter::sslmode, "is too weak for sslrootcert=system", "Use sslmode=verify-full.");
    if (out_.sslnegotiation == sslnegotiation::direct && *out_.sslmode < sslmode::require)
      fail(parameter::sslmode, "is too weak for sslnegotiation=direct",
           "Use require, verify-ca or verify-full.");
  }

  void ignored() {
    const auto& table = parameter_table();
    for (std::size_t i = 0; i < parameter_count; ++i)
      if (table[i].is_ignored() && !settings_.text(static_cast<parameter>(i)).empty())
        out_.ignored.emplace_back(table[i].name);
    // libpq sends these; tidewire needs settings of its own to read values right.
    for (const char* variable : {"PGDATESTYLE", "PGTZ", "PGGEQO"})
      if (from_.variable(variable)) out_.ignored.emplace_back(variable);
  }

  const connection_settings& settings_;
  const connection_sources& from_;
  connection_options out_;
};

std::optional<std::string> read_small_file(const std::string& path) {
  constexpr std::size_t limit = 1 << 20;
  int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  std::string text;
  text.resize(limit);  // at once: growing would leave copies of passwords behind
  std::size_t size = 0;
  ssize_t got = 1;
  while (size < limit && (got = ::read(fd, text.data() + size, limit - size)) > 0)
    size += static_cast<std::size_t>(got);
  ::close(fd);
  text.resize(size);
  if (got < 0 || size == limit) return std::nullopt;
  return text;
}

}  // namespace

connection_sources process_sources() {
  return {process_environment(), read_small_file,
          [](const std::string& path) { return ::access(path.c_str(), F_OK) == 0; },
          static_cast<std::uint32_t>(::geteuid())};
}

connection_options parse_connection_string(std::string_view text, const connection_sources& from) {
  connection_settings settings = read_connection_string(text);
  add_service_files(settings, from.variable, from.read_file, from.sysconfdir);
  add_environment(settings, from.variable);
  return interpreter(settings, from).read();
}

bool is_loopback(const host_port& host) {
  if (host.is_unix) return false;
  if (host.hostaddr.empty() && same_word(host.host, "localhost")) return true;
  auto address = parse_address(host.hostaddr.empty() ? host.host : host.hostaddr);
  if (!address) return false;
  if (IN6_IS_ADDR_V4MAPPED(&*address)) return address->s6_addr[12] == 127;
  return IN6_IS_ADDR_LOOPBACK(&*address);
}

sslmode effective_sslmode(const connection_options& options, const host_port& host, bool system_ca_found) {
  bool root_given = !options.sslrootcert.empty();
  if (options.sslmode == sslmode::require && root_given) return sslmode::verify_ca;
  if (options.sslmode) return *options.sslmode;
  if (host.is_unix) return sslmode::disable;
  if (options.sslrootcert == "system") return sslmode::verify_full;
  if (is_loopback(host))
    return options.sslnegotiation == sslnegotiation::direct ? sslmode::require : sslmode::prefer;
  return root_given || system_ca_found ? sslmode::verify_full : sslmode::require;
}

std::string sslmode_warning(const connection_options& options, const host_port& host, bool system_ca_found) {
  if (options.sslmode || host.is_unix || is_loopback(host)) return {};
  if (effective_sslmode(options, host, system_ca_found) != sslmode::require) return {};
  return fmt::format(
      "the connection to {} is encrypted, but nothing proves that it is the right server: there is no root "
      "certificate (give sslrootcert, or say sslmode=require to have it so)",
      host.host.empty() ? host.hostaddr : host.host);
}

}  // namespace tidewire::wire
