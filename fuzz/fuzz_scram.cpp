// A server's two messages, a line each: what the client takes has the RFC's form, and a login ends well only
// with the signature that a server makes which knows the password.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "core/failure.hpp"
#include "core/scram.hpp"
#include "tests/core/scram_server.hpp"

using namespace tidewire;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

template <class T>
void keep(const T& value) {
  asm volatile("" ::"g"(&value) : "memory");
}

const std::string nonce = "nonce";

scram_options few_iterations() {
  scram_options options;
  options.max_iterations = 32;
  return options;
}

void check_error(const decode_error& error, std::string_view message) {
  require(error.code != decode_errc::none && *error.field && error.offset <= message.size());
}

/// Both decoders on any text.
void decode(std::string_view message) {
  auto first = decode_scram_server_first(message);
  keep(first);
  if (first) {
    std::string again = "r=" + std::string(first->nonce) + ",s=" + std::string(first->salt) +
                        ",i=" + std::to_string(first->iterations);
    require(message.starts_with(again) && (message.size() == again.size() || message[again.size()] == ','));
  } else {
    check_error(first.error(), message);
  }
  auto last = decode_scram_server_final(message);
  keep(last);
  if (last) {
    require(last->error.empty() != last->verifier.empty());
    std::string_view value = last->error.empty() ? last->verifier : last->error;
    require(message[0] == (last->error.empty() ? 'v' : 'e') && message.substr(2).starts_with(value));
  } else {
    check_error(last.error(), message);
  }
}

/// What a server would answer that knows the password, had it sent this first message.
std::string right_answer(std::string_view server_first, const std::string& client_first,
                         const std::string& client_final) {
  auto first = decode_scram_server_first(server_first);
  require(first.has_value());
  testing::scram_server server(scram_hash::sha256, "pencil");
  server.salt = as_text(*decode_base64(first->salt));
  server.iterations = static_cast<int>(first->iterations);
  server.nonce = first->nonce.substr(nonce.size());
  server.extensions =
      server_first.substr(server_first.find(",i=") + 3 + std::to_string(first->iterations).size());
  require(server.first(client_first) == server_first);
  return server.final(client_final);
}

void log_in(std::string_view server_first, std::string_view server_final) {
  scram_client client(scram_hash::sha256, "", secret{"pencil"}, {}, nonce, few_iterations());
  std::string client_first = client.client_first();
  try {
    std::string client_final = client.client_final(server_first);
    keep(client_final);
    require(client_final.starts_with("c=biws,r=" + nonce) && client_final.find(",p=") != client_final.npos);
    std::string right = right_answer(server_first, client_first, client_final);
    require(right.starts_with("v="));
    scram_client other(scram_hash::sha256, "", secret{"pencil"}, {}, nonce, few_iterations());
    other.client_first();
    require(other.client_final(server_first) == client_final);
    other.verify(right);
    require(other.verified());
    client.verify(server_final);
    require(client.verified());
    require(server_final.starts_with(right));
  } catch (const failure& f) {
    require(!client.verified());
    require(f.code == "TW-AUTH-SCRAM" || f.code == "TW-AUTH-PASSWORD" ||
            f.code == "TW-AUTH-SERVER-SIGNATURE");
    require(std::string_view(f.what()).find("pencil") == std::string_view::npos);
    keep(f);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  auto end = text.find('\n');
  std::string server_first = text.substr(0, end);
  std::string server_final = end == text.npos ? "" : text.substr(end + 1);
  decode(server_first);
  decode(server_final);
  log_in(server_first, server_final);
  return 0;
}
