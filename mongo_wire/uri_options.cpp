#include "mongo_wire/uri_options.hpp"

#include <algorithm>
#include <charconv>

#include "core/failure.hpp"

namespace tidewire::mongo_wire {
namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw failure{failure_kind::usage, "TW-USAGE-CONNECTION-STRING", why,
                "see the manual's page on connection strings"};
}

std::string lowered(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), lower);
  return out;
}

/// Without meaning for one that only reads a change stream.
bool is_ignored(std::string_view key) {
  static const std::set<std::string_view> names{"w",
                                                "wtimeoutms",
                                                "journal",
                                                "retrywrites",
                                                "retryreads",
                                                "maxpoolsize",
                                                "minpoolsize",
                                                "maxidletimems",
                                                "maxconnecting",
                                                "waitqueuetimeoutms",
                                                "timeoutms",
                                                "readconcernlevel",
                                                "serverMonitoringMode",
                                                "uuidrepresentation",
                                                "maxadaptiveretries",
                                                "enableoverloadretargeting",
                                                "servermonitoringmode",
                                                "srvpollingintervalms",
                                                "serverapi"};
  return names.contains(key);
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

template <class Take>
void split_commas(std::string_view text, Take take) {
  while (true) {
    std::size_t comma = text.find(',');
    take(text.substr(0, comma));
    if (comma == text.npos) return;
    text.remove_prefix(comma + 1);
  }
}

}  // namespace

std::optional<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3) return {};
    int high = hex_value(text[i + 1]), low = hex_value(text[i + 2]);
    if (high < 0 || low < 0) return {};
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return out;
}

void option_reader::take(std::string_view name, std::string value) {
  std::string key = lowered(name);
  if (txt_record_ && key != "authsource" && key != "replicaset" && key != "loadbalanced")
    refuse("a TXT record may give authSource, replicaSet and loadBalanced, not " + std::string(name));
  if (!is_new(key)) return;
  // Of tags it is a set that any server has.
  if (value.empty() && key != "readpreferencetags")
    return warn("the option " + std::string(name) + " is empty and ignored");
  if (key == "tls" || key == "ssl") {
    if (value != "true" && value != "false")
      return warn(std::string(name) + " is neither true nor false: ignored");
    bool wanted = value == "true";
    if (to_.tls && *to_.tls != wanted) refuse("tls and ssl contradict each other");
    to_.tls = wanted;
    to_.given["tls"] = value;
    return;
  }
  if (secret_text(key, value)) return;
  bool taken = known(key, value);
  if (!taken)
    return warn("the option " + std::string(name) +
                " is unknown, or its value is none that it takes: ignored");
  to_.given[key] = value;
}

bool option_reader::is_new(const std::string& key) {
  if (txt_record_) return !to_.given.contains(key);
  if (seen_.insert(key).second || key == "readpreferencetags") return true;
  if (key.starts_with("proxy")) refuse("an option of a proxy is given twice");
  if (key == "tls" || key == "ssl") return true;
  warn("the option " + key + " is given twice: the first counts");
  return false;
}

bool option_reader::known(const std::string& key, const std::string& value) {
  if (key == "authmechanism") return mechanism(value);
  if (key == "compressors") return compressors(value);
  if (key == "readpreference") return read_mode_of(value);
  if (key == "readpreferencetags") return tags(value);
  return text(key, value) || truth(key, value) || number(key, value);
}

bool option_reader::text(const std::string& key, const std::string& value) {
  if (key == "authsource") return to_.auth_source = value, true;
  if (key == "replicaset") return to_.replica_set = value, true;
  if (key == "appname") return value.size() <= 128 && (to_.app_name = value, true);
  if (key == "tlscafile") return to_.tls_ca_file = value, true;
  if (key == "tlscertificatekeyfile") return to_.tls_certificate_key_file = value, true;
  if (key == "srvservicename") return to_.srv_service = value, true;
  return key == "w" || key == "readconcernlevel" || key == "proxyhost" || key == "proxyusername" ||
         key == "uuidrepresentation" ||
         (key == "servermonitoringmode" && (value == "auto" || value == "poll" || value == "stream"));
}

bool option_reader::secret_text(const std::string& key, std::string& value) {
  if (key == "tlscertificatekeyfilepassword")
    return to_.tls_certificate_key_password = secret::take(std::move(value)), true;
  if (key == "proxypassword") {
    to_.given[key] = "";
    return true;
  }
  if (key == "authmechanismproperties" && properties(value)) {
    to_.given[key] = "";  // a session token may be in it
    return true;
  }
  return false;
}

bool option_reader::truth(const std::string& key, const std::string& value) {
  if (value != "true" && value != "false") return false;
  bool set = value == "true";
  if (key == "directconnection") return to_.direct = set, true;
  if (key == "loadbalanced") return to_.load_balanced = set, true;
  if (key == "tlsinsecure") return insecure_ = set, true;
  if (key == "tlsallowinvalidcertificates") return to_.tls_any_certificate = set, true;
  if (key == "tlsallowinvalidhostnames") return to_.tls_any_host_name = set, true;
  return key == "tlsdisablecertificaterevocationcheck" || key == "tlsdisableocspendpointcheck" ||
         key == "retrywrites" || key == "retryreads" || key == "journal" ||
         key == "enableoverloadretargeting";
}

bool option_reader::number(const std::string& key, const std::string& value) {
  std::int64_t number = 0;
  auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  constexpr std::int64_t most = 1'000'000'000'000;
  if (error != std::errc{} || end != value.data() + value.size() || number < -1 || number > most)
    return false;
  std::chrono::milliseconds time{number};
  if (key == "zlibcompressionlevel") return number <= 9 && (to_.zlib_level = static_cast<int>(number), true);
  if (key == "maxstalenessseconds") {
    if (number != -1) to_.max_staleness_s = number;
    return number == -1 || number > 0;
  }
  if (number < 0) return false;
  if (key == "connecttimeoutms") return to_.connect_timeout = time, true;
  if (key == "sockettimeoutms") return to_.socket_timeout = time, true;
  if (key == "serverselectiontimeoutms") return to_.selection_timeout = time, true;
  if (key == "heartbeatfrequencyms") return number >= 500 && (to_.heartbeat = time, true);
  if (key == "localthresholdms") return to_.local_threshold = time, true;
  if (key == "srvmaxhosts")
    return number <= 1000 && (to_.srv_max_hosts = static_cast<unsigned>(number), true);
  if (key == "maxconnecting") return number > 0;
  if (key == "proxyport") return number > 0 && number < 65536;
  return is_ignored(key) && key != "journal" && key != "retrywrites" && key != "retryreads";
}

bool option_reader::mechanism(const std::string& value) {
  for (int i = 1; i <= static_cast<int>(auth_mechanism::gssapi); ++i) {
    if (to_string(static_cast<auth_mechanism>(i)) != value) continue;
    to_.mechanism = static_cast<auth_mechanism>(i);
    return true;
  }
  // Who names a mechanism must not get another one.
  refuse("authMechanism is none that is known");
}

bool option_reader::properties(const std::string& value) {
  bool good = true;
  std::map<std::string, std::string> found;
  split_commas(value, [&](std::string_view pair) {
    std::size_t colon = pair.find(':');
    if (colon == 0 || colon == pair.npos)
      good = false;
    else
      found[std::string(pair.substr(0, colon))] = pair.substr(colon + 1);
  });
  if (!good) return false;
  if (auto token = found.find("AWS_SESSION_TOKEN"); token != found.end()) {
    to_.aws_session_token = secret::take(std::move(token->second));
    found.erase(token);
  }
  to_.mechanism_properties = std::move(found);
  return true;
}

bool option_reader::compressors(const std::string& value) {
  split_commas(value, [this](std::string_view name) {
    for (compressor each : {compressor::snappy, compressor::zlib, compressor::zstd})
      if (name == name_of(each)) return to_.compressors.push_back(each);
    warn("the compressor " + std::string(name) + " is unknown and ignored");
  });
  return true;
}

bool option_reader::read_mode_of(const std::string& value) {
  constexpr std::string_view names[] = {"primary", "primarypreferred", "secondary", "secondarypreferred",
                                        "nearest"};
  auto found = std::ranges::find(names, lowered(value));
  if (found == std::end(names)) return false;
  to_.read_from = static_cast<read_mode>(found - std::begin(names));
  return true;
}

bool option_reader::tags(const std::string& value) {
  tag_set tags;
  bool good = true;
  if (value.empty()) return to_.read_tags.push_back(tags), true;
  split_commas(value, [&](std::string_view pair) {
    std::size_t colon = pair.find(':');
    if (colon == 0 || colon == pair.npos)
      good = false;
    else
      tags[std::string(pair.substr(0, colon))] = pair.substr(colon + 1);
  });
  if (good) to_.read_tags.push_back(std::move(tags));
  return good;
}

void option_reader::finish() {
  auto has = [this](const char* key) { return to_.given.contains(key); };
  constexpr const char* exclusive[] = {"tlsinsecure", "tlsallowinvalidcertificates",
                                       "tlsdisablecertificaterevocationcheck", "tlsdisableocspendpointcheck"};
  int given = 0;
  for (const char* each : exclusive) given += has(each);
  if (given > 1 || (has("tlsinsecure") && has("tlsallowinvalidhostnames")))
    refuse(
        "of the options that lower TLS, tlsInsecure, tlsAllowInvalid… and tlsDisable…, only one may be "
        "given");
  if (insecure_.value_or(false)) to_.tls_any_certificate = to_.tls_any_host_name = true;
  if ((has("proxyport") || has("proxyusername") || has("proxypassword")) && !has("proxyhost"))
    refuse("options of a proxy are given, and no proxyHost");
  if (has("proxyusername") != has("proxypassword")) refuse("proxyUsername and proxyPassword go together");
  if (to_.mechanism == auth_mechanism::gssapi &&
      to_.mechanism_properties.contains("CANONICALIZE_HOST_NAME")) {
    constexpr std::string_view names[] = {"none", "forward", "forwardAndReverse", "true", "false"};
    if (std::ranges::find(names, to_.mechanism_properties["CANONICALIZE_HOST_NAME"]) == std::end(names))
      refuse("CANONICALIZE_HOST_NAME is none, forward or forwardAndReverse");
  }
  for (const auto& [name, value] : to_.mechanism_properties) {
    if (to_.mechanism == auth_mechanism::aws) refuse("MONGODB-AWS has no property " + name);
    if (to_.mechanism == auth_mechanism::oidc && name != "ENVIRONMENT" && name != "TOKEN_RESOURCE" &&
        name != "ALLOWED_HOSTS")
      refuse("MONGODB-OIDC has no property " + name);
  }
}

}  // namespace tidewire::mongo_wire
