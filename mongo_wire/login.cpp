#include "mongo_wire/login.hpp"

#include <algorithm>
#include <chrono>
#include <openssl/evp.h>

#include "core/scram.hpp"
#include "mongo_wire/aws_login.hpp"
#include "mongo_wire/json_value.hpp"

namespace tidewire::mongo_wire {
namespace {

constexpr std::int32_t wire_version_6_0 = 17;
constexpr std::int32_t newest_wire_version = 27;  // 8.2; whatever comes later still speaks it

/// SCRAM-SHA-1's password: the hash that servers have stored since long before SCRAM.
secret digest_password(const connection_options& options) {
  std::string text = options.user + ":mongo:";
  text += options.password.reveal();
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  bool done = EVP_Digest(text.data(), text.size(), digest, &size, EVP_md5(), nullptr) == 1;
  OPENSSL_cleanse(text.data(), text.size());
  if (!done)
    throw failure{failure_kind::refused, "TW-AUTH-NOT-SUPPORTED",
                  "SCRAM-SHA-1 needs md5, which this machine's OpenSSL does not allow",
                  "create the user with SCRAM-SHA-256"};
  std::string hex(2 * std::size_t{size}, '\0');
  put_hex(hex.data(), digest, size);
  return secret::take(std::move(hex));
}

std::unique_ptr<scram_client> scram_for(const connection_options& options, scram_hash hash) {
  scram_options rules;
  rules.password = saslprep_rules::rfc4013;
  rules.min_iterations = 4096;
  secret password = hash == scram_hash::sha1 ? digest_password(options) : options.password;
  return std::make_unique<scram_client>(hash, options.user, std::move(password), scram_binding{},
                                        scram_nonce(), rules);
}

void put_sasl_start(bson_writer& to, std::string_view mechanism, std::string_view payload) {
  to.put_int32("saslStart", 1);
  to.put_string("mechanism", mechanism);
  to.put_binary("payload", {binary_generic, as_bytes(payload)});
  to.open_document("options");
  to.put_bool("skipEmptyExchange", true);
  to.close();
}

struct sasl_step {
  std::int32_t conversation_id = 0;
  bool done = false;
  std::string payload;
};

sasl_step read_step(bson_view reply) {
  sasl_step step;
  auto id = well_formed(find(reply, "conversationId"), "SASL reply").as_integer();
  auto done = well_formed(find(reply, "done"), "SASL reply").as_truth();
  auto payload = well_formed(find(reply, "payload"), "SASL reply").as_binary();
  if (!id || !done || !payload)
    malformed("SASL reply", {decode_errc::bad_value, 0, "conversationId, done, payload"});
  step.conversation_id = static_cast<std::int32_t>(*id);
  step.done = *done;
  step.payload = as_text(payload->data);
  return step;
}

std::vector<std::uint8_t> sasl_continue(const sasl_step& step, std::string_view payload) {
  return command_fields([&](bson_writer& to) {
    to.put_int32("saslContinue", 1);
    to.put_int32("conversationId", step.conversation_id);
    to.put_binary("payload", {binary_generic, as_bytes(payload)});
  });
}

std::string doing(const connection_options& options) {
  return "could not log in as " + options.user + " (authSource " + source_of_user(options) + ")";
}

/// The rest of the exchange after the server's first message.
conversation<> finish_scram(session& with, const connection_options& options, scram_client& client,
                            sasl_step step) {
  std::string source = source_of_user(options);
  std::string proof = client.client_final(step.payload);
  with.credentials_sent = true;
  answer second = co_await with.must(doing(options), source, sasl_continue(step, proof));
  step = read_step(second.body);
  client.verify(step.payload);
  if (step.done) co_return;
  // A server before 4.4 wants to hear once more.
  answer third = co_await with.must(doing(options), source, sasl_continue(step, ""));
  if (!read_step(third.body).done)
    throw failure{failure_kind::refused, "TW-AUTH-SCRAM", "the server does not end the SCRAM exchange",
                  "is it MongoDB, and nothing between it and here?"};
}

conversation<> scram(session& with, const connection_options& options, scram_hash hash) {
  std::unique_ptr<scram_client> client = scram_for(options, hash);
  std::string first = client->client_first();
  std::vector<std::uint8_t> fields =
      command_fields([&](bson_writer& to) { put_sasl_start(to, client->mechanism(), first); });
  answer challenge = co_await with.must(doing(options), source_of_user(options), std::move(fields));
  sasl_step step = read_step(challenge.body);
  co_await finish_scram(with, options, *client, std::move(step));
}

conversation<> x509(session& with, const connection_options& options) {
  if (!with.to.tls())
    throw failure{failure_kind::refused, "TW-AUTH-NOT-ALLOWED", "MONGODB-X509 needs TLS", "add tls=true"};
  std::vector<std::uint8_t> fields = command_fields([&](bson_writer& to) {
    to.put_int32("authenticate", 1);
    to.put_string("mechanism", "MONGODB-X509");
    if (!options.user.empty()) to.put_string("user", options.user);
  });
  co_await with.must("could not log in with the client certificate", "$external", std::move(fields));
}

conversation<> plain(session& with, const connection_options& options) {
  if (!with.to.tls())
    throw failure{failure_kind::refused, "TW-AUTH-NOT-ALLOWED",
                  "PLAIN would send the password in the clear: nothing was sent", "add tls=true"};
  std::string payload = std::string(1, '\0') + options.user + '\0';
  payload += options.password.reveal();
  std::vector<std::uint8_t> fields =
      command_fields([&](bson_writer& to) { put_sasl_start(to, "PLAIN", payload); });
  OPENSSL_cleanse(payload.data(), payload.size());
  with.credentials_sent = true;
  answer got = co_await with.must(doing(options), source_of_user(options), std::move(fields));
  if (!read_step(got.body).done)
    throw failure{failure_kind::refused, "TW-AUTH-PASSWORD", "the server does not end the login", ""};
}

[[noreturn]] void aws_refused(const connection_options& options, const reply_view& reply) {
  server_failure why(doing(options), reply);
  // Atlas tells with 8000 what Amazon said to it.
  if (reply.code == 18 || reply.code == 8000) {
    why.kind = failure_kind::refused;
    why.code = "TW-AUTH-PASSWORD";
    why.hint =
        "check the access key and its secret, that a session token has not expired, this machine's clock, "
        "and that the server knows the user or role (its ARN)";
  }
  throw why;
}

conversation<> aws(session& with, const connection_options& options) {
  aws_nonce nonce = make_aws_nonce();
  std::vector<std::uint8_t> begin = aws_client_first(nonce);
  std::vector<std::uint8_t> fields = command_fields([&](bson_writer& to) {
    to.put_int32("saslStart", 1);
    to.put_string("mechanism", "MONGODB-AWS");
    to.put_binary("payload", {binary_generic, begin});
  });
  answer challenge = co_await with.must(doing(options), source_of_user(options), std::move(fields));
  sasl_step step = read_step(challenge.body);
  aws_credentials credentials{options.user, options.password, options.aws_session_token};
  auto now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch());
  std::vector<std::uint8_t> proof =
      aws_client_second(credentials, nonce, as_bytes(step.payload), now.count());
  with.credentials_sent = true;
  fields = sasl_continue(step, as_text(proof));
  answer got = co_await with.command(source_of_user(options), std::move(fields));
  if (!got.reply.ok) aws_refused(options, got.reply);
  if (!read_step(got.body).done)
    throw failure{failure_kind::refused, "TW-AUTH-AWS", "the server does not end the login of MONGODB-AWS",
                  "is it MongoDB, and nothing between it and here?"};
}

std::vector<std::uint8_t> hello_fields(const connection_options& options, scram_client* speculative) {
  return command_fields([&](bson_writer& to) {
    to.put_int32("hello", 1);
    to.put_document("client", client_metadata(options.app_name));
    if (!options.compressors.empty()) {
      to.open_array("compression");
      for (compressor each : options.compressors) to.put_string(item, name_of(each));
      to.close();
    }
    if (options.load_balanced) to.put_bool("loadBalanced", true);
    if (!options.user.empty() && options.mechanism == auth_mechanism::negotiated)
      to.put_string("saslSupportedMechs", source_of_user(options) + "." + options.user);
    if (!speculative) return;
    to.open_document("speculativeAuthenticate");
    put_sasl_start(to, speculative->mechanism(), speculative->client_first());
    to.put_string("db", source_of_user(options));
    to.close();
  });
}

bool is_scram(auth_mechanism of) {
  return of == auth_mechanism::negotiated || of == auth_mechanism::scram_sha_1 ||
         of == auth_mechanism::scram_sha_256;
}

/// The mechanism that is not named: the strongest that the server has for the user.
scram_hash negotiated(const hello_reply& server) {
  if (!server.mechanisms) return scram_hash::sha256;
  bool strong = std::ranges::find(*server.mechanisms, "SCRAM-SHA-256") != server.mechanisms->end();
  return strong ? scram_hash::sha256 : scram_hash::sha1;
}

void agree_on_compression(session& with, const connection_options& options, const hello_reply& server) {
  with.zlib_level = options.zlib_level;
  for (compressor each : options.compressors) {
    if (std::ranges::find(server.compression, name_of(each)) == server.compression.end()) continue;
    with.compress_with = each;
    return;
  }
}

}  // namespace

std::vector<std::uint8_t> client_metadata(std::string_view app_name) {
  return command_fields([&](bson_writer& to) {
    if (!app_name.empty()) {
      to.open_document("application");
      to.put_string("name", app_name.substr(0, 128));
      to.close();
    }
    to.open_document("driver");
    to.put_string("name", "tidewire");
    to.put_string("version", TIDEWIRE_VERSION);
    to.close();
    to.open_document("os");
    to.put_string("type", "Linux");
    to.close();
  });
}

void check_login(const connection_options& options) {
  auto not_supported = [&options](const char* instead) {
    throw failure{failure_kind::refused, "TW-AUTH-NOT-SUPPORTED",
                  std::string(to_string(options.mechanism)) + " is not spoken", instead};
  };
  switch (options.mechanism) {
    case auth_mechanism::oidc:
    case auth_mechanism::gssapi:
      return not_supported("use a user with a password (SCRAM) or a client certificate");
    case auth_mechanism::plain:
    case auth_mechanism::x509:
      if (!uses_tls(options))
        throw failure{failure_kind::refused, "TW-AUTH-NOT-ALLOWED",
                      std::string(to_string(options.mechanism)) + " needs TLS: nothing was sent",
                      "add tls=true to the connection string"};
      return;
    case auth_mechanism::aws:
      if (options.user.empty())
        throw failure{failure_kind::refused, "TW-AUTH-NO-PASSWORD", "MONGODB-AWS has no access key",
                      "give it as the user and its secret as the password, or in variables"};
      return;
    default: break;
  }
  if (!options.user.empty() && !options.has_password)
    throw failure{failure_kind::refused, "TW-AUTH-NO-PASSWORD",
                  "there is a user, " + options.user + ", and no password", "mongodb://user:password@…"};
}

conversation<hello_reply> say_hello(session& with, const connection_options& options) {
  answer got = co_await with.must("hello", "admin", hello_fields(options, nullptr));
  co_return well_formed(decode_hello(got.body), "hello reply");
}

conversation<hello_reply> log_in(session& with, const connection_options& options) {
  check_login(options);
  bool user = !options.user.empty() || options.mechanism == auth_mechanism::x509;
  bool with_scram = user && is_scram(options.mechanism);
  scram_hash hash = options.mechanism == auth_mechanism::scram_sha_1 ? scram_hash::sha1 : scram_hash::sha256;
  std::unique_ptr<scram_client> speculative;
  if (with_scram) speculative = scram_for(options, hash);
  answer got = co_await with.must("hello", "admin", hello_fields(options, speculative.get()));
  hello_reply server = well_formed(decode_hello(got.body), "hello reply");
  if (server.max_wire_version < wire_version_6_0)
    throw failure{
        failure_kind::refused, "TW-MONGO-VERSION",
        "the server is older than 6.0 (wire version " + std::to_string(server.max_wire_version) + ")",
        "upgrade it; change streams with stored images begin with 6.0"};
  if (server.min_wire_version > newest_wire_version)
    throw failure{failure_kind::refused, "TW-MONGO-VERSION",
                  "the server speaks wire version " + std::to_string(server.min_wire_version) +
                      " at least, and tidewire up to " + std::to_string(newest_wire_version),
                  "a newer tidewire"};
  if (options.load_balanced && !server.load_balanced)
    throw failure{failure_kind::refused, "TW-MONGO-NOT-LOAD-BALANCED",
                  "loadBalanced=true, and the server does not know of a load balancer before it",
                  "leave loadBalanced out"};
  // Arbiters and servers of no set have no users.
  if (user && server.kind != server_kind::arbiter && server.kind != server_kind::ghost) {
    if (with_scram && !server.speculative.empty()) {
      sasl_step step = read_step(well_formed(decode_document(server.speculative), "hello reply"));
      co_await finish_scram(with, options, *speculative, std::move(step));
    } else if (with_scram) {
      if (options.mechanism == auth_mechanism::negotiated) hash = negotiated(server);
      co_await scram(with, options, hash);
    } else if (options.mechanism == auth_mechanism::x509) {
      co_await x509(with, options);
    } else if (options.mechanism == auth_mechanism::aws) {
      co_await aws(with, options);
    } else {
      co_await plain(with, options);
    }
  }
  agree_on_compression(with, options, server);
  co_return server;
}

}  // namespace tidewire::mongo_wire
