// Options back to a URI, without secrets.
#include <algorithm>
#include <fmt/format.h>

#include "wire/connection_string.hpp"

namespace tidewire::wire {
namespace {

/// RFC 3986's unreserved characters and `also` stay; everything else becomes %XX.
std::string encoded(std::string_view text, std::string_view also = {}) {
  constexpr char hex[] = "0123456789ABCDEF";
  std::string out;
  for (char c : text) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 std::string_view("-._~").contains(c) || also.contains(c);
    if (plain) {
      out += c;
      continue;
    }
    auto byte = static_cast<unsigned char>(c);
    out += {'%', hex[byte >> 4], hex[byte & 15]};
  }
  return out;
}

std::string host_list(const connection_options& of) {
  std::string out;
  for (const auto& host : of.hosts) {
    if (!out.empty()) out += ',';
    bool v6 = host.host.contains(':') && !host.is_unix;
    out += v6 ? fmt::format("[{}]", encoded(host.host, ":")) : encoded(host.host);
    out += fmt::format(":{}", host.port);
  }
  return out;
}

class query {
 public:
  explicit query(std::string& out) : out_(out) {}

  void text(std::string_view name, std::string_view value, std::string_view also = {}) {
    if (value.empty()) return;
    out_ += fmt::format("{}{}={}", separator_, name, encoded(value, also));
    separator_ = '&';
  }

  void path(std::string_view name, std::string_view value) { text(name, value, "/"); }

  void number(std::string_view name, const std::optional<int>& value) {
    if (value) text(name, fmt::format("{}", *value));
  }

  template <class E>
  void word(std::string_view name, const std::optional<E>& value, const auto& names) {
    if (value) text(name, names[static_cast<std::size_t>(*value)]);
  }

 private:
  std::string& out_;
  char separator_ = '?';
};

void add_tls(query& out, const connection_options& of) {
  out.word("sslmode", of.sslmode, sslmode_names);
  if (of.sslnegotiation != sslnegotiation::postgres) out.text("sslnegotiation", "direct");
  out.path("sslcert", of.sslcert);
  out.path("sslkey", of.sslkey);
  out.word("sslcertmode", of.sslcertmode, sslcertmode_names);
  out.path("sslrootcert", of.sslrootcert);
  out.path("sslcrl", of.sslcrl);
  out.path("sslcrldir", of.sslcrldir);
  if (!of.sslsni) out.text("sslsni", "0");
  out.word("ssl_min_protocol_version", of.ssl_min_protocol_version, tls_version_names);
  out.word("ssl_max_protocol_version", of.ssl_max_protocol_version, tls_version_names);
}

std::string auth_list(const auth_methods& methods) {
  std::string out;
  for (std::size_t i = 0; i < auth_method_names.size(); ++i) {
    if (!methods.allows(static_cast<auth_method>(i))) continue;
    if (!out.empty()) out += ',';
    out += auth_method_names[i];
  }
  return out;
}

std::string_view version_text(protocol_version version) {
  return version == protocol_version::v3_0 ? "3.0" : "3.2";
}

}  // namespace

std::string redacted(const connection_options& of) {
  std::string uri = fmt::format("postgresql://{}@{}/{}", encoded(of.user), host_list(of), encoded(of.dbname));
  query out(uri);
  std::string addresses;
  for (const auto& host : of.hosts) addresses += (&host == &of.hosts.front() ? "" : ",") + host.hostaddr;
  if (addresses.find_first_not_of(',') != addresses.npos) out.text("hostaddr", addresses, ",:");
  if (of.target_session_attrs != target_session_attrs::any)
    out.word("target_session_attrs", std::optional(of.target_session_attrs), target_session_attrs_names);
  if (of.load_balance_hosts == load_balance_hosts::random) out.text("load_balance_hosts", "random");
  out.path("passfile", of.passfile);
  add_tls(out, of);
  out.word("channel_binding", of.channel_binding, channel_binding_names);
  if (of.require_auth) out.text("require_auth", auth_list(*of.require_auth), ",");
  out.text("requirepeer", of.requirepeer);
  out.word("gssencmode", of.gssencmode, gssencmode_names);
  out.number("connect_timeout", of.connect_timeout_s);
  if (!of.keepalives) out.text("keepalives", "0");
  out.number("keepalives_idle", of.keepalives_idle_s);
  out.number("keepalives_interval", of.keepalives_interval_s);
  out.number("keepalives_count", of.keepalives_count);
  out.number("tcp_user_timeout", of.tcp_user_timeout_ms);
  out.text("application_name", of.application_name);
  out.text("fallback_application_name", of.fallback_application_name);
  out.text("options", of.options);
  if (of.min_protocol_version) out.text("min_protocol_version", version_text(*of.min_protocol_version));
  if (of.max_protocol_version) out.text("max_protocol_version", version_text(*of.max_protocol_version));
  return uri;
}

}  // namespace tidewire::wire
