// Any bytes as the server's first message of MONGODB-AWS: what is signed continues our nonce and names one
// host in one line, and a refusal has no secret.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/failure.hpp"
#include "mongo_wire/aws_login.hpp"
#include "mongo_wire/bson.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

constexpr std::string_view key = "wJalrXUtnFEMI";

/// As 32 characters, so that a mutation can keep it.
aws_nonce ours() {
  aws_nonce nonce;
  std::ranges::fill(nonce, 'n');
  return nonce;
}

void check_taken(byte_view server_first, const std::vector<std::uint8_t>& second) {
  auto said = decode_document(server_first);
  require(said.has_value());
  auto nonce = find(*said, "s")->as_binary();
  auto host = find(*said, "h")->as_string();
  require(nonce && host && nonce->data.size() == 64);
  require(std::ranges::all_of(nonce->data.first(32), [](std::uint8_t byte) { return byte == 'n'; }));
  require(!host->empty() && host->size() <= 255 && host->find_first_of(" \r\n\t:/") == host->npos);
  auto region = aws_region(*host);
  require(region && !region->empty() && region->find('.') == region->npos);
  auto answer = decode_document(second);
  require(answer.has_value());
  auto header = find(*answer, "a")->as_string();
  require(header && header->starts_with("AWS4-HMAC-SHA256 Credential=AKID/20260203/" + *region + "/sts/"));
  // Of the region a fuzzer makes anything.
  require(host->find(key) != host->npos || header->find(key) == header->npos);
  require(header->find('\n') == header->npos);
  require(find(*answer, "d")->as_string() == "20260203T040506Z");
  require(find(*answer, "t")->as_string() == "token");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> exact(data, data + size);
  aws_credentials credentials{"AKID", secret{key}, secret{"token"}};
  try {
    check_taken(exact, aws_client_second(credentials, ours(), exact, 1770091506));
  } catch (const failure& why) {
    require(why.code == "TW-AUTH-AWS" && why.kind == failure_kind::refused);
    require(std::string_view(why.what()).find(key) == std::string_view::npos);
  }
  return 0;
}
