#include "mongo_wire/aws_login.hpp"

#include <algorithm>
#include <openssl/rand.h>

#include "core/base64.hpp"
#include "core/failure.hpp"
#include "mongo_wire/bson_writer.hpp"
#include "mongo_wire/session.hpp"

namespace tidewire::mongo_wire {
namespace {

constexpr std::size_t max_host_bytes = 255;
/// No channel binding; as the message has it and as the signed header.
constexpr char no_binding = 'n';
constexpr std::string_view question = "Action=GetCallerIdentity&Version=2011-06-15";

[[noreturn]] void refuse(const std::string& what) {
  throw failure{failure_kind::refused, "TW-AUTH-AWS",
                what + " in the server's first message of MONGODB-AWS: nothing was signed",
                "check that the other end is the database, and what is between it and here"};
}

std::string variable(const environment& variables, std::string_view name) {
  return variables(name).value_or("");
}

/// What this machine or container is given by Amazon is behind HTTP, which is not spoken.
void refuse_endpoints(const environment& variables) {
  auto is_set = [&](std::string_view name) { return !variable(variables, name).empty(); };
  const char* whose = nullptr;
  if (is_set("AWS_WEB_IDENTITY_TOKEN_FILE"))
    whose = "a web identity (EKS: AWS_WEB_IDENTITY_TOKEN_FILE)";
  else if (is_set("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") || is_set("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
    whose = "a container (ECS, EKS: AWS_CONTAINER_CREDENTIALS_…_URI)";
  if (!whose) return;
  throw failure{failure_kind::refused, "TW-AUTH-NOT-SUPPORTED",
                std::string("the credentials of ") + whose + " are not fetched",
                "give them as variables: eval \"$(aws configure export-credentials --format env)\""};
}

bool is_host_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
         c == '.';
}

struct server_first {
  byte_view nonce;
  std::string_view host;
};

/// Borrows from the message.
server_first decode(byte_view message) {
  auto part = [](auto found) {
    if (!found)
      refuse(std::string(to_string(found.error().code)) + " at offset " +
             std::to_string(found.error().offset) + " (" + found.error().field + ")");
    return *found;
  };
  bson_view document = part(decode_document(message));
  auto nonce = part(find(document, "s")).as_binary();
  auto host = part(find(document, "h")).as_string();
  if (!nonce || nonce->subtype != binary_generic || !host) refuse("a nonce or host of another type");
  return {nonce->data, *host};
}

}  // namespace

void add_aws_credentials(connection_options& to, const environment& variables) {
  if (to.mechanism != auth_mechanism::aws || !to.user.empty()) return;
  std::string key_id = variable(variables, "AWS_ACCESS_KEY_ID");
  secret key = secret::take(variable(variables, "AWS_SECRET_ACCESS_KEY"));
  secret token = secret::take(variable(variables, "AWS_SESSION_TOKEN"));
  if (key_id.empty() || key.empty()) {
    bool some = !key_id.empty() || !key.empty() || !token.empty();
    if (!some) refuse_endpoints(variables);
    throw failure{failure_kind::refused, "TW-AUTH-NO-PASSWORD",
                  some ? "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY one is not set"
                       : "MONGODB-AWS has no access key: the connection string has no user, and "
                         "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set",
                  "what a profile, SSO or an EC2 instance has is given as variables: eval \"$(aws configure "
                  "export-credentials --format env)\""};
  }
  to.user = std::move(key_id);
  to.password = std::move(key);
  to.has_password = true;
  to.aws_session_token = std::move(token);
}

aws_nonce make_aws_nonce() {
  aws_nonce nonce;
  if (RAND_bytes(nonce.data(), static_cast<int>(nonce.size())) != 1)
    throw failure{failure_kind::transient, "TW-AUTH-AWS", "the system gives no random numbers for a login",
                  "try again when it has gathered some"};
  return nonce;
}

std::optional<std::string> aws_region(std::string_view host) {
  if (host.empty() || host.size() > max_host_bytes || host.starts_with('.') || host.ends_with('.') ||
      host.find("..") != host.npos || !std::ranges::all_of(host, is_host_character))
    return {};
  std::size_t dot = host.find('.');
  if (host == "sts.amazonaws.com" || dot == host.npos) return "us-east-1";
  std::string_view behind = host.substr(dot + 1);
  return std::string(behind.substr(0, behind.find('.')));
}

std::vector<std::uint8_t> aws_client_first(const aws_nonce& nonce) {
  return command_fields([&](bson_writer& to) {
    to.put_binary("r", {binary_generic, nonce});
    to.put_int32("p", no_binding);
  });
}

std::vector<std::uint8_t> aws_client_second(const aws_credentials& credentials, const aws_nonce& nonce,
                                            byte_view server_first_message, std::int64_t unix_s) {
  server_first from = decode(server_first_message);
  if (from.nonce.size() != 2 * nonce.size()) refuse("a nonce that has not 64 bytes");
  if (!std::ranges::equal(from.nonce.first(nonce.size()), nonce))
    refuse("a nonce that does not continue ours");
  // It goes into lines that are signed.
  std::optional<std::string> region = aws_region(from.host);
  if (!region) refuse("a host that is none");
  aws_scope scope{aws_date(unix_s), *region, "sts"};
  std::string whole_nonce;
  append_base64(whole_nonce, from.nonce);
  aws_request request;
  request.method = "POST";
  request.body = question;
  request.headers = {{"content-length", std::to_string(question.size())},
                     {"content-type", "application/x-www-form-urlencoded"},
                     {"host", std::string(from.host)},
                     {"x-amz-date", scope.date}};
  std::string token(credentials.session_token.reveal());
  if (!token.empty()) request.headers.emplace_back("x-amz-security-token", token);
  request.headers.emplace_back("x-mongodb-gs2-cb-flag", std::string(1, no_binding));
  request.headers.emplace_back("x-mongodb-server-nonce", whole_nonce);
  std::string authorization = aws_authorization(credentials, request, scope);
  return command_fields([&](bson_writer& to) {
    to.put_string("a", authorization);
    to.put_string("d", scope.date);
    if (!token.empty()) to.put_string("t", token);
  });
}

}  // namespace tidewire::mongo_wire
