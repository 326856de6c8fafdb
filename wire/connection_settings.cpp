#include "wire/connection_settings.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <vector>

#include "core/failure.hpp"

namespace tidewire::wire {

const std::array<parameter_info, parameter_count>& parameter_table() {
  using enum parameter_kind;
  static constexpr std::array<parameter_info, parameter_count> table{{
      {"service", "PGSERVICE"},
      {"servicefile", "PGSERVICEFILE"},
      {"user", "PGUSER"},
      {"password", "PGPASSWORD", secret},
      {"passfile", "PGPASSFILE"},
      {"dbname", "PGDATABASE"},
      {"host", "PGHOST"},
      {"hostaddr", "PGHOSTADDR"},
      {"port", "PGPORT"},
      {"target_session_attrs", "PGTARGETSESSIONATTRS"},
      {"load_balance_hosts", "PGLOADBALANCEHOSTS"},
      {"sslmode", "PGSSLMODE"},
      {"sslnegotiation", "PGSSLNEGOTIATION"},
      {"sslcert", "PGSSLCERT"},
      {"sslkey", "PGSSLKEY"},
      {"sslpassword", "", secret},
      {"sslcertmode", "PGSSLCERTMODE"},
      {"sslrootcert", "PGSSLROOTCERT"},
      {"sslcrl", "PGSSLCRL"},
      {"sslcrldir", "PGSSLCRLDIR"},
      {"sslsni", "PGSSLSNI"},
      {"ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION"},
      {"ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION"},
      {"channel_binding", "PGCHANNELBINDING"},
      {"require_auth", "PGREQUIREAUTH"},
      {"requirepeer", "PGREQUIREPEER"},
      {"gssencmode", "PGGSSENCMODE"},
      {"connect_timeout", "PGCONNECT_TIMEOUT"},
      {"keepalives", ""},
      {"keepalives_idle", ""},
      {"keepalives_interval", ""},
      {"keepalives_count", ""},
      {"tcp_user_timeout", ""},
      {"application_name", "PGAPPNAME"},
      {"fallback_application_name", ""},
      {"options", "PGOPTIONS"},
      {"client_encoding", "PGCLIENTENCODING"},
      {"min_protocol_version", "PGMINPROTOCOLVERSION"},
      {"max_protocol_version", "PGMAXPROTOCOLVERSION"},
      {"replication", ""},
      {"krbsrvname", "PGKRBSRVNAME", ignored},
      {"gsslib", "PGGSSLIB", ignored},
      {"gssdelegation", "PGGSSDELEGATION", ignored},
      {"oauth_issuer", "", ignored},
      {"oauth_client_id", "", ignored},
      {"oauth_client_secret", "", ignored_secret},
      {"oauth_scope", "", ignored},
      {"scram_client_key", "", ignored_secret},
      {"scram_server_key", "", ignored_secret},
      {"sslcompression", "PGSSLCOMPRESSION", ignored},
      {"sslkeylogfile", "", ignored},
  }};
  return table;
}

std::optional<parameter> find_parameter(std::string_view name) {
  const auto& table = parameter_table();
  auto found = std::find_if(table.begin(), table.end(), [&](const auto& info) { return info.name == name; });
  if (found == table.end()) return std::nullopt;
  return static_cast<parameter>(found - table.begin());
}

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t swapped = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, swapped}));
    }
  }
  return row.back();
}

bool looks_like_name(std::string_view name) {
  return !name.empty() && name.size() <= 40 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

std::string nearest_parameter(std::string_view name) {
  if (!looks_like_name(name)) return {};
  std::string_view best;
  std::size_t best_distance = 1 + std::max<std::size_t>(2, name.size() / 3);
  for (const auto& info : parameter_table())
    if (auto distance = edit_distance(name, info.name); distance < best_distance) {
      best_distance = distance;
      best = info.name;
    }
  return std::string(best);
}

void connection_string_failure(const std::string& text, std::string hint) {
  throw failure(failure_kind::usage, "TW-USAGE-CONNECTION-STRING", text, std::move(hint));
}

void unknown_parameter_failure(const std::string& origin, std::string_view name, bool may_be_secret) {
  if (may_be_secret)
    connection_string_failure(origin + ": unknown parameter (not shown, it may be part of a password)",
                              "In a URI write @ : / ? # % & = and spaces of a password percent-encoded; in "
                              "the key=value form put a "
                              "password with spaces between single quotes.");
  if (!looks_like_name(name)) connection_string_failure(origin + ": a parameter's name was expected here");
  if (name == "ssl")
    connection_string_failure(origin + ": \"ssl\" is known only as ssl=true in a URI", "Use sslmode.");
  std::string nearest = nearest_parameter(name);
  connection_string_failure(fmt::format("{}: unknown parameter \"{}\"", origin, name),
                            nearest.empty() ? "docs/connection.md lists every parameter."
                                            : fmt::format("Did you mean \"{}\"?", nearest));
}

namespace {

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

std::string position(std::size_t offset) {
  return fmt::format("connection string, position {}", offset + 1);
}

void store(connection_settings& settings, parameter which, std::string&& value, std::size_t offset) {
  const auto& info = parameter_table()[static_cast<std::size_t>(which)];
  if (info.is_secret() && !value.empty()) settings.secret_in_string = true;
  settings.set(which, {secret::take(std::move(value)), position(offset)});
}

/// libpq still takes requiressl, the older spelling of sslmode, in both forms.
void store_named(connection_settings& settings, std::string_view name, std::string&& value,
                 std::size_t offset, bool may_be_secret) {
  if (name == "requiressl")
    return store(settings, parameter::sslmode, value.starts_with('1') ? "require" : "prefer", offset);
  auto which = find_parameter(name);
  if (!which) {
    secret::take(std::move(value));
    unknown_parameter_failure(position(offset), name, may_be_secret);
  }
  store(settings, *which, std::move(value), offset);
}

/// key=value pairs as conninfo_parse of libpq takes them: blanks around =, single quotes, and a backslash
/// that makes any next character an ordinary one, inside and outside of quotes.
class pairs_reader {
 public:
  explicit pairs_reader(std::string_view text) : text_(text) {}

  connection_settings read() {
    connection_settings settings;
    for (skip_blanks(); at_ < text_.size(); skip_blanks()) {
      std::size_t name_at = at_;
      std::string_view name = take_name();
      bool quoted = at_ < text_.size() && text_[at_] == '\'';
      std::string value = quoted ? take_quoted() : take_bare();
      store_named(settings, name, std::move(value), name_at, after_bare_secret_);
      auto which = find_parameter(name);
      after_bare_secret_ =
          !quoted && which && parameter_table()[static_cast<std::size_t>(*which)].is_secret();
    }
    return settings;
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }

  std::string_view take_name() {
    std::size_t first = at_;
    while (at_ < text_.size() && text_[at_] != '=' && !is_space(text_[at_])) ++at_;
    std::string_view name = text_.substr(first, at_ - first);
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != '=') missing_equals(first);
    ++at_;
    skip_blanks();
    return name;
  }

  [[noreturn]] void missing_equals(std::size_t first) const {
    // The word is not quoted: it may well be the second word of a password.
    std::string hint = "Write name=value pairs, or a URI that begins with postgresql:// or postgres://.";
    if (after_bare_secret_) hint = "Put a password with spaces between single quotes.";
    connection_string_failure(position(first) + ": no \"=\" after this word", hint);
  }

  std::string take_bare() {
    std::string value;
    value.reserve(text_.size() - at_);  // so that growing leaves no copy of a password behind
    while (at_ < text_.size() && !is_space(text_[at_])) {
      if (text_[at_] == '\\') ++at_;
      if (at_ < text_.size()) value += text_[at_++];
    }
    return value;
  }

  std::string take_quoted() {
    std::size_t first = at_++;
    std::string value;
    value.reserve(text_.size() - at_);
    for (;; value += text_[at_++]) {
      if (at_ < text_.size() && text_[at_] == '\'') break;
      if (at_ < text_.size() && text_[at_] == '\\') ++at_;
      if (at_ >= text_.size()) {
        secret::take(std::move(value));
        connection_string_failure(position(first) + ": this single quote is not closed");
      }
    }
    ++at_;
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  bool after_bare_secret_ = false;
};

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// A URI as libpq takes it, which is not quite RFC 3986: everything up to the first @ before the first / is
/// user and password, the host list is split before it is decoded, and there is no fragment.
class uri_reader {
 public:
  uri_reader(std::string_view text, std::size_t prefix) : text_(text), at_(prefix) {}

  connection_settings read() {
    userinfo();
    authority();
    if (at_ < text_.size() && text_[at_] == '/') {
      ++at_;
      std::size_t end = find("?");
      store_part(parameter::dbname, at_, end);
      at_ = end;
    }
    if (at_ < text_.size()) ++at_;
    while (at_ < text_.size()) query_parameter();
    return std::move(settings_);
  }

 private:
  std::size_t find(std::string_view any_of) const {
    return std::min(text_.find_first_of(any_of, at_), text_.size());
  }

  void store_part(parameter which, std::size_t first, std::size_t end) {
    if (first < end) store(settings_, which, decode(first, end), first);
  }

  void userinfo() {
    std::size_t end = find("@/");
    if (end == text_.size() || text_[end] != '@') return;
    std::size_t colon = std::min(text_.find(':', at_), end);
    store_part(parameter::user, at_, colon);
    if (colon < end) store_part(parameter::password, colon + 1, end);
    at_ = end + 1;
  }

  void authority() {
    std::size_t first = at_, first_port = text_.size();
    std::string hosts, ports;
    for (;; hosts += ',', ports += ',', ++at_) {
      hosts += decode_list_part(host());
      if (at_ < text_.size() && text_[at_] == ':') {
        first_port = std::min(first_port, ++at_);
        std::size_t end = find("/?,");
        ports += decode_list_part({at_, end});
        at_ = end;
      }
      if (at_ == text_.size() || text_[at_] != ',') break;
    }
    if (!hosts.empty()) store(settings_, parameter::host, std::move(hosts), first);
    if (!ports.empty()) store(settings_, parameter::port, std::move(ports), std::min(first_port, at_));
  }

  struct range {
    std::size_t first, end;
  };

  std::string decode_list_part(range part) const { return decode(part.first, part.end); }

  range host() {
    if (at_ == text_.size() || text_[at_] != '[') {
      range found{at_, find(":/?,")};
      at_ = found.end;
      return found;
    }
    range found{at_ + 1, std::min(text_.find(']', at_), text_.size())};
    if (found.end == text_.size())
      connection_string_failure(position(at_) + ": the [ of an IPv6 address has no ]");
    if (found.first == found.end) connection_string_failure(position(at_) + ": the IPv6 address is empty");
    at_ = found.end + 1;
    if (at_ < text_.size() && !std::string_view(":/?,").contains(text_[at_]))
      connection_string_failure(position(at_) + ": expected : or / after an IPv6 address");
    return found;
  }

  void query_parameter() {
    std::size_t first = at_, end = find("&");
    std::string_view pair = text_.substr(first, end - first);
    std::size_t equals = pair.find('=');
    if (equals == pair.npos)
      connection_string_failure(position(first) + ": this query parameter has no \"=\"");
    if (auto second = pair.find('=', equals + 1); second != pair.npos)
      connection_string_failure(position(first + second) + ": a second \"=\" in a query parameter",
                                "Write an = that belongs to the value as %3D.");
    std::string name = decode(first, first + equals);
    std::string value = decode(first + equals + 1, end);
    at_ = std::min(end + 1, text_.size());
    if (name == "ssl" && value == "true") name = "sslmode", value = "require";  // as JDBC spells it
    // A / in a password ends the host early, and then its rest, up to an @, looks like a query.
    store_named(settings_, name, std::move(value), first, text_.find('@', first) != text_.npos);
  }

  /// Blanks at either end are skipped, blanks inside are refused (as libpq does since 17).
  std::string decode(std::size_t first, std::size_t end) const {
    while (first < end && text_[first] == ' ') ++first;
    while (first < end && text_[end - 1] == ' ') --end;
    std::string out;
    out.reserve(end - first);
    for (std::size_t i = first; i < end; ++i) {
      if (text_[i] == ' ')
        connection_string_failure(position(i) + ": a space inside a URI", "Write a space as %20.");
      if (text_[i] != '%') {
        out += text_[i];
        continue;
      }
      int high = i + 2 < end ? hex_digit(text_[i + 1]) : -1;
      int low = i + 2 < end ? hex_digit(text_[i + 2]) : -1;
      if (high < 0 || low < 0)
        connection_string_failure(position(i) + ": % without two hexadecimal digits",
                                  "Write a % that stands for itself as %25.");
      if (high == 0 && low == 0) connection_string_failure(position(i) + ": %00 is not allowed");
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
    return out;
  }

  std::string_view text_;
  std::size_t at_;
  connection_settings settings_;
};

}  // namespace

connection_settings read_connection_string(std::string_view text) {
  if (text.size() > max_connection_string_bytes)
    connection_string_failure(
        fmt::format("the connection string is longer than {} bytes", max_connection_string_bytes));
  if (auto nul = text.find('\0'); nul != text.npos) connection_string_failure(position(nul) + ": a NUL byte");
  for (std::string_view scheme : {"postgresql://", "postgres://"})
    if (text.starts_with(scheme)) return uri_reader(text, scheme.size()).read();
  return pairs_reader(text).read();
}

void add_environment(connection_settings& settings, const environment& env) {
  const auto& table = parameter_table();
  for (std::size_t i = 0; i < parameter_count; ++i) {
    auto which = static_cast<parameter>(i);
    if (settings[which]) continue;
    if (!table[i].variable.empty())
      if (auto value = env(table[i].variable))
        settings.set(which, {secret::take(std::move(*value)),
                             "environment variable " + std::string(table[i].variable)});
    if (which == parameter::sslmode && !settings[which])
      if (auto old = env("PGREQUIRESSL"); old && old->starts_with('1'))
        settings.set(which, {secret("require"), "environment variable PGREQUIRESSL"});
  }
}

}  // namespace tidewire::wire
