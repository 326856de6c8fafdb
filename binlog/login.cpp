#include "binlog/login.hpp"

#include "binlog/handshake.hpp"
#include "binlog/scramble.hpp"

namespace tidewire::binlog {

namespace {

using bytes = std::vector<std::uint8_t>;

constexpr std::uint32_t wanted_capabilities = capability::long_password | capability::long_flag |
                                              capability::protocol_41 | capability::transactions |
                                              capability::secure_connection | capability::plugin_auth |
                                              capability::connect_attributes | capability::plugin_auth_lenenc;

[[noreturn]] void not_supported(std::string_view plugin, const char* hint) {
  throw failure{failure_kind::refused, "TW-AUTH-NOT-SUPPORTED",
                "the server wants " + std::string(plugin) + ", which is not supported here", hint};
}

bytes with_nul(const secret& password) {
  std::string_view text = password.reveal();
  bytes out(text.begin(), text.end());
  out.push_back(0);
  return out;
}

/// The exchange of one plugin, and of those that the server switches to.
class exchange {
 public:
  exchange(session& with, const login_options& options, std::string plugin, std::string salt)
      : with_(with), options_(options), plugin_(std::move(plugin)), salt_(std::move(salt)) {}

  const std::string& plugin() const { return plugin_; }

  /// What goes into the login packet, or is sent after a switch.
  bytes first() {
    const secret& password = options_.password;
    byte_view salt = as_bytes(salt_);
    if (plugin_ == "mysql_native_password") return native_password(password, salt);
    if (plugin_ == "caching_sha2_password") return caching_sha2(password, salt);
    if (plugin_ == "sha256_password") {
      if (password.empty() || encrypted()) return with_nul(password);
      return {ask_key_sha256};
    }
    if (plugin_ == "client_ed25519") return ed25519_password(password, salt);
    if (plugin_ == "parsec") return {};
    if (plugin_ == "mysql_clear_password" && encrypted()) return with_nul(password);
    if (plugin_ == "mysql_clear_password") not_supported(plugin_, "it sends the password as it is: use TLS");
    if (plugin_ == "auth_gssapi_client" || plugin_ == "authentication_windows_client" ||
        plugin_ == "dialog" || plugin_ == "auth_socket" || plugin_ == "mysql_old_password")
      not_supported(plugin_,
                    "use an account with a password, of caching_sha2_password or ed25519 for example");
    not_supported(plugin_, "use an account of another plugin");
  }

  conversation<> run() {
    for (;;) {
      byte_view payload = co_await with_.receive();
      switch (payload[0]) {
        case ok_head: co_return;
        case error_head: throw_server_error("login", payload);
        case auth_switch_head: {
          auth_switch_view m = well_formed(decode_auth_switch(payload), "authentication switch");
          plugin_ = m.plugin;
          salt_ = as_text(m.data);
          bytes answer = first();
          with_.credentials_sent |= !answer.empty();
          co_await with_.send(std::move(answer));
          break;
        }
        default: {
          byte_view data = payload[0] == auth_more_head ? payload.subspan(1) : payload;
          bytes answer = more(data);
          if (done_for_now_) break;
          with_.credentials_sent = true;
          co_await with_.send(std::move(answer));
        }
      }
    }
  }

 private:
  static constexpr std::uint8_t ask_key_sha256 = 1;
  static constexpr std::uint8_t ask_key_caching = 2;
  static constexpr std::uint8_t fast_ok = 3;
  static constexpr std::uint8_t full_wanted = 4;

  bool encrypted() const { return with_.to.tls() || options_.local_socket; }

  bytes more(byte_view data) {
    done_for_now_ = false;
    bool caching = plugin_ == "caching_sha2_password";
    if (caching && data.size() == 1 && data[0] == fast_ok) {
      done_for_now_ = true;
      return {};
    }
    if (caching && data.size() == 1 && data[0] == full_wanted) {
      if (encrypted()) return with_nul(options_.password);
      check_key_trust();
      return {ask_key_caching};
    }
    if ((caching || plugin_ == "sha256_password") && as_text(data).starts_with("-----BEGIN")) {
      check_key_trust();
      return rsa_password(options_.password, as_bytes(salt_), as_text(data));
    }
    if (plugin_ == "parsec") {
      bytes nonce = options_.random(32);
      return parsec_password(options_.password, as_bytes(salt_), data, nonce);
    }
    throw failure{failure_kind::refused, "TW-MY-MALFORMED",
                  "the server's part of " + plugin_ + " is not what it should be",
                  "is this a MySQL or MariaDB server, and nothing between it and here?"};
  }

  /// Somebody in between could send a key of his own, and read the password.
  void check_key_trust() const {
    if (options_.trust_server_key) return;
    throw failure{failure_kind::refused, "TW-AUTH-RSA",
                  "the server wants the password encrypted with a key that nobody vouches for",
                  "use TLS (ssl-mode=required or better), or accept it with get-server-public-key=true"};
  }

  session& with_;
  const login_options& options_;
  std::string plugin_;
  std::string salt_;
  bool done_for_now_ = false;
};

std::uint32_t capability_of(compression_algorithm by) {
  if (by == compression_algorithm::none) return 0;
  return by == compression_algorithm::zlib ? capability::compress : capability::zstd;
}

compression_algorithm choose_compression(const std::vector<compression_algorithm>& wanted,
                                         const greeting_view& greeting) {
  if (wanted.empty()) return compression_algorithm::none;
  for (compression_algorithm each : wanted) {
    std::uint32_t needed = capability_of(each);
    bool there = (greeting.capabilities & needed) == needed;
    // MariaDB has another use for the bit.
    if (there && !(each == compression_algorithm::zstd && greeting.mariadb())) return each;
  }
  throw failure{failure_kind::refused, "TW-MY-COMPRESSION",
                "the server offers none of the compression-algorithms that are asked for",
                "add uncompressed to the list; MySQL has zlib, and zstd from 8.0.18 on, MariaDB zlib"};
}

}  // namespace

conversation<> log_in(session& with, const login_options& options) {
  byte_view payload = co_await with.receive();
  if (payload[0] == error_head) throw_server_error("connecting", payload);
  greeting_view greeting = well_formed(decode_greeting(payload), "greeting");
  with.mariadb = greeting.mariadb();
  std::string_view version = greeting.server_version;
  if (version.starts_with("5.5.5-") && with.mariadb) version.remove_prefix(6);
  with.server_version = version;
  with.connection_id = greeting.connection_id;
  std::string salt = greeting.salt();
  std::string plugin(greeting.plugin.empty() ? "mysql_native_password" : greeting.plugin);
  login_view login;
  login.capabilities = wanted_capabilities & (greeting.capabilities | capability::long_password);
  if (!(login.capabilities & capability::protocol_41))
    throw failure{failure_kind::refused, "TW-MY-VERSION", "the server speaks the protocol of MySQL 4.0",
                  "upgrade it"};
  if (!options.database.empty()) login.capabilities |= capability::connect_with_db;
  compression_algorithm compression = choose_compression(options.compression, greeting);
  login.capabilities |= capability_of(compression);
  bool encrypt = options.encrypt != tls_wanted::no && (greeting.capabilities & capability::ssl);
  if (options.encrypt == tls_wanted::yes && !encrypt)
    throw failure{failure_kind::refused, "TW-TLS-NOT-OFFERED", "the server has no TLS",
                  "switch it on there, or ask for less with ssl-mode"};
  if (encrypt) {
    login.capabilities |= capability::ssl;
    bytes request;
    encoder out(request);
    encode_ssl_request(out, login);
    co_await with.send(std::move(request));
    co_await with.to.start_tls(options.tls);
  }
  exchange auth(with, options, std::move(plugin), std::move(salt));
  bytes answer;
  // A plugin that can't be done here need not be that of the account: the server switches to that one.
  bool known = auth.plugin() == "mysql_native_password" || auth.plugin() == "caching_sha2_password" ||
               auth.plugin() == "sha256_password" || auth.plugin() == "client_ed25519" ||
               auth.plugin() == "parsec";
  if (known) answer = auth.first();
  login.user = options.user;
  login.response = answer;
  login.database = options.database;
  login.plugin = known ? std::string_view(auth.plugin()) : std::string_view("mysql_native_password");
  bytes packet;
  encoder out(packet);
  encode_login(out, login);
  if (!out.ok())
    throw failure{failure_kind::usage, "TW-USAGE-CONNECTION-STRING",
                  std::string("the ") + out.error().field + " has a zero byte or is too long", ""};
  with.credentials_sent = !answer.empty();
  co_await with.send(std::move(packet));
  co_await auth.run();
  with.auth_plugin = auth.plugin();
  if (compression != compression_algorithm::none)
    with.to.use_codec(std::make_unique<compressed_packets>(compression));
}

}  // namespace tidewire::binlog
