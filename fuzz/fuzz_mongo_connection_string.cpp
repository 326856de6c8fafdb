// Any text as a connection string of MongoDB, its TXT record and a host of its SRV records: read or refused,
// never with the password in the refusal. The text's lines are these three.
#include <cstdint>
#include <string>

#include "core/failure.hpp"
#include "mongo_wire/connection_string.hpp"
#include "mongo_wire/topology.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;

namespace {

void require(bool holds) {
  if (!holds) __builtin_trap();
}

/// A word that is the input's password and nothing else in it, also not in capitals: hosts are lowered.
bool is_password(const std::string& input, const std::string& word) {
  std::size_t at = input.find(word), begin = input.find("://");
  if (at == input.npos || begin == input.npos) return false;
  std::string lowered = input;
  for (char& c : lowered) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (lowered.find(word) != at || lowered.find(word, at + 1) != lowered.npos) return false;
  return at > begin + 4 && input.find_first_of("/?\n", begin + 3) > at && input[at - 1] == ':' &&
         input[at + word.size()] == '@';
}

template <class Run>
void refusal_is_usage(bool secret, Run run) {
  try {
    run();
  } catch (const failure& why) {
    require(why.kind == failure_kind::usage && why.code == "TW-USAGE-CONNECTION-STRING");
    require(!secret || std::string(why.what()).find("hunter2") == std::string::npos);
  }
}

std::string take_line(std::string& text) {
  std::size_t end = std::min(text.find('\n'), text.size());
  std::string line = text.substr(0, end);
  text.erase(0, std::min(text.size(), end + 1));
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  bool secret = is_password(text, "hunter2");
  std::string uri = take_line(text), txt = take_line(text), host = take_line(text);
  if (auto named = parse_host(host)) require(parse_host(named->text()) == named);
  refusal_is_usage(secret, [&] {
    connection_options options = parse_connection_string(uri);
    require(!options.hosts.empty());
    for (const host_port& each : options.hosts) require(!each.host.empty() && each.port != 0);
    for (const std::string& warning : options.warnings)
      require(!secret || warning.find("hunter2") == std::string::npos);
    topology known(options);
    require(!known.servers().empty());
    source_of_user(options);
    if (!options.srv) return;
    set_srv_hosts(options, {{host, 27017, false}});
    add_txt_record(options, txt);
  });
  return 0;
}
