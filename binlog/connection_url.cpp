#include "binlog/connection_url.hpp"

#include <algorithm>
#include <charconv>
#include <vector>

#include "core/failure.hpp"

namespace tidewire::binlog {

namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw failure{failure_kind::usage, "TW-USAGE-CONNECTION-STRING", why,
                "mysql://user:password@host:3306/database?ssl-mode=verify-identity"};
}

/// %41 is A. `what` names the part.
std::string decoded_part(std::string_view text, const char* what) {
  auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = static_cast<char>(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      int high = i + 1 < text.size() ? digit(text[i + 1]) : -1;
      int low = i + 2 < text.size() ? digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) refuse(std::string("the ") + what + " has a % without two hex digits");
      c = static_cast<char>(high << 4 | low);
      i += 2;
    }
    if (c == 0) refuse(std::string("the ") + what + " has a zero byte");
    out += c;
  }
  return out;
}

template <class T>
T number_of(std::string_view text, T least, const char* what) {
  T number{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < least)
    refuse(std::string("the ") + what + " is no number that it can be");
  return number;
}

bool truth_of(std::string_view text, const char* what) {
  if (text == "true" || text == "1" || text == "on") return true;
  if (text == "false" || text == "0" || text == "off") return false;
  refuse(std::string(what) + " is true or false");
}

ssl_mode mode_of(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
    if (c == '_') c = '-';
  }
  if (text == "disabled" || text == "disable") return ssl_mode::disabled;
  if (text == "preferred" || text == "prefer") return ssl_mode::preferred;
  if (text == "required" || text == "require") return ssl_mode::required;
  if (text == "verify-ca") return ssl_mode::verify_ca;
  if (text == "verify-identity" || text == "verify-full") return ssl_mode::verify_identity;
  refuse("ssl-mode is disabled, preferred, required, verify-ca or verify-identity");
}

std::vector<compression_algorithm> algorithms_of(std::string_view text) {
  std::vector<compression_algorithm> found;
  while (!text.empty()) {
    std::string_view each = text.substr(0, text.find(','));
    text.remove_prefix(std::min(text.size(), each.size() + 1));
    if (each == "zlib")
      found.push_back(compression_algorithm::zlib);
    else if (each == "zstd")
      found.push_back(compression_algorithm::zstd);
    else if (each == "uncompressed")
      found.push_back(compression_algorithm::none);
    else
      refuse("compression-algorithms are zlib, zstd and uncompressed, with commas between");
  }
  return found;
}

void set_parameter(connection_url& to, std::string_view name, const std::string& value) {
  if (name == "ssl-mode" || name == "sslmode" || name == "ssl_mode")
    to.mode = mode_of(value);
  else if (name == "ssl-ca")
    to.ssl_ca = value;
  else if (name == "ssl-capath")
    to.ssl_capath = value;
  else if (name == "ssl-cert")
    to.ssl_cert = value;
  else if (name == "ssl-key")
    to.ssl_key = value;
  else if (name == "ssl-crl")
    to.ssl_crl = value;
  else if (name == "socket")
    to.socket = value;
  else if (name == "connect-timeout")
    to.connect_timeout_s = number_of<int>(value, 0, "connect-timeout");
  else if (name == "compression-algorithms")
    to.compression = algorithms_of(value);
  else if (name == "get-server-public-key")
    to.get_server_public_key = truth_of(value, "get-server-public-key");
  else
    refuse("there is no parameter of that name: " + std::string(name.substr(0, 40)));
}

}  // namespace

bool is_mysql_url(std::string_view text) {
  return text.starts_with("mysql://") || text.starts_with("mariadb://");
}

connection_url parse_connection_url(std::string_view text, const environment& variables) {
  if (!is_mysql_url(text)) refuse("this is no mysql:// or mariadb:// URL");
  text.remove_prefix(text.find("://") + 3);
  connection_url to;
  std::string_view parameters;
  if (std::size_t at = text.find('?'); at != text.npos) {
    parameters = text.substr(at + 1);
    text = text.substr(0, at);
  }
  if (std::size_t at = text.find('/'); at != text.npos) {
    to.database = decoded_part(text.substr(at + 1), "database");
    text = text.substr(0, at);
  }
  if (std::size_t at = text.rfind('@'); at != text.npos) {
    std::string_view user = text.substr(0, at);
    text.remove_prefix(at + 1);
    if (std::size_t colon = user.find(':'); colon != user.npos) {
      to.password = secret::take(decoded_part(user.substr(colon + 1), "password"));
      user = user.substr(0, colon);
    }
    to.user = decoded_part(user, "user");
  }
  if (to.password.empty())
    if (auto given = variables("MYSQL_PWD")) to.password = secret(*given);
  std::string_view port;
  if (text.starts_with('[')) {
    std::size_t end = text.find(']');
    if (end == text.npos) refuse("the host has no closing bracket");
    to.host = std::string(text.substr(1, end - 1));
    text.remove_prefix(end + 1);
    if (!text.empty() && text[0] != ':') refuse("something follows the host's closing bracket");
    if (!text.empty()) port = text.substr(1);
  } else {
    std::size_t colon = text.rfind(':');
    if (colon != text.npos) port = text.substr(colon + 1);
    std::string host = decoded_part(text.substr(0, colon), "host");
    if (host.find(':') != host.npos) refuse("an IPv6 address stands in brackets");
    if (!host.empty()) to.host = std::move(host);
  }
  if (!port.empty()) to.port = number_of<std::uint16_t>(port, 1, "port");
  while (!parameters.empty()) {
    std::string_view one = parameters.substr(0, parameters.find('&'));
    parameters.remove_prefix(one.size() < parameters.size() ? one.size() + 1 : one.size());
    if (one.empty()) continue;
    std::size_t equals = one.find('=');
    if (equals == one.npos) refuse("a parameter has no value");
    set_parameter(to, one.substr(0, equals), decoded_part(one.substr(equals + 1), "parameter"));
  }
  if (to.user.empty()) refuse("the URL has no user");
  if (to.ssl_cert.empty() != to.ssl_key.empty()) refuse("ssl-cert and ssl-key go together");
  return to;
}

bool connection_url::loopback() const {
  return host == "localhost" || host.starts_with("127.") || host == "::1";
}

ssl_mode connection_url::effective_mode() const {
  if (mode) return *mode;
  if (!socket.empty()) return ssl_mode::disabled;
  if (!ssl_ca.empty() || !ssl_capath.empty()) return ssl_mode::verify_identity;
  return loopback() ? ssl_mode::preferred : ssl_mode::verify_identity;
}

std::string connection_url::text() const {
  return !socket.empty()
             ? socket
             : (host.find(':') == host.npos ? host : "[" + host + "]") + ":" + std::to_string(port);
}

}  // namespace tidewire::binlog
