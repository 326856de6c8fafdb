#include "mongo_wire/aws_login.hpp"

#include "core/base64.hpp"
#include "tests/core/failure_of.hpp"
#include "tests/mongo_wire/event_case.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;
using tidewire::testing::failure_of;

namespace {

constexpr const char* example_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

aws_credentials example() {
  return {"AKIDEXAMPLE", secret{example_key}, {}};
}

aws_nonce counting() {
  aws_nonce nonce;
  for (std::size_t i = 0; i < nonce.size(); ++i) nonce[i] = static_cast<std::uint8_t>(i);
  return nonce;
}

std::string base64_of_counting(int count) {
  std::vector<std::uint8_t> bytes;
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<std::uint8_t>(i));
  std::string text;
  append_base64(text, bytes);
  return text;
}

std::string first_of_server(const std::string& nonce, const std::string& host, const char* subtype = "00") {
  return R"({"s":{"$binary":{"base64":")" + nonce + R"(","subType":")" + subtype + R"("}},"h":")" + host +
         R"("})";
}

// 2026-02-03T04:05:06Z
constexpr std::int64_t some_time = 1770091506;

std::string second(const aws_credentials& credentials, const std::string& server_first) {
  return canonical(aws_client_second(credentials, counting(), bson_of(server_first), some_time));
}

environment variables(std::map<std::string, std::string> of) {
  return [of = std::move(of)](std::string_view name) -> std::optional<std::string> {
    auto found = of.find(std::string(name));
    if (found == of.end()) return std::nullopt;
    return found->second;
  };
}

connection_options with_variables(const std::string& uri, std::map<std::string, std::string> of) {
  connection_options options = parse_connection_string(uri);
  add_aws_credentials(options, variables(std::move(of)));
  return options;
}

constexpr const char* no_user = "mongodb://h/?authMechanism=MONGODB-AWS";

}  // namespace

TEST_CASE("AWS: signatures that Amazon has published", "[mongo_aws]") {
  struct row {
    const char *method, *query, *host, *service, *content_type, *signature;
  };
  for (const row& each : {
           // get-vanilla and post-vanilla of the test suite, and the example of the documentation
           row{"GET", "", "example.amazonaws.com", "service", "",
               "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
           row{"POST", "", "example.amazonaws.com", "service", "",
               "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
           row{"GET", "Action=ListUsers&Version=2010-05-08", "iam.amazonaws.com", "iam",
               "application/x-www-form-urlencoded; charset=utf-8",
               "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
       }) {
    CAPTURE(each.method, each.service);
    aws_request request;
    request.method = each.method;
    request.query = each.query;
    if (*each.content_type) request.headers.emplace_back("content-type", each.content_type);
    request.headers.emplace_back("host", each.host);
    request.headers.emplace_back("x-amz-date", "20150830T123600Z");
    CHECK(aws_authorization(example(), request, {"20150830T123600Z", "us-east-1", each.service}) ==
          "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/" + std::string(each.service) +
              "/aws4_request, SignedHeaders=" + (*each.content_type ? "content-type;" : "") +
              "host;x-amz-date, Signature=" + each.signature);
  }
}

TEST_CASE("AWS: dates", "[mongo_aws]") {
  CHECK(aws_date(1440938160) == "20150830T123600Z");
  CHECK(aws_date(some_time) == "20260203T040506Z");
  CHECK(aws_date(0) == "19700101T000000Z");
  CHECK(aws_date(951827696) == "20000229T123456Z");
}

TEST_CASE("AWS: the client's messages", "[mongo_aws]") {
  CHECK(canonical(aws_client_first(counting())) == R"({"r":{"$binary":{"base64":")" + base64_of_counting(32) +
                                                       R"(","subType":"00"}},"p":{"$numberInt":"110"}})");
  // The signatures are botocore's for the same requests.
  std::string nonce = base64_of_counting(64);
  CHECK(second(example(), first_of_server(nonce, "sts.amazonaws.com")) ==
        R"({"a":"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260203/us-east-1/sts/aws4_request, )"
        R"(SignedHeaders=content-length;content-type;host;x-amz-date;x-mongodb-gs2-cb-flag;)"
        R"(x-mongodb-server-nonce, )"
        R"(Signature=f076130012e84aeb6241d5ba1b4e9df982ea7d8a8f81c986565c9c1e1e2902cb",)"
        R"("d":"20260203T040506Z"})");
  aws_credentials temporary{"ASIAEXAMPLE", secret{example_key}, secret{"FwoGZXIvYXdzEBYaD/+token="}};
  CHECK(second(temporary, first_of_server(nonce, "sts.us-west-2.amazonaws.com")) ==
        R"({"a":"AWS4-HMAC-SHA256 Credential=ASIAEXAMPLE/20260203/us-west-2/sts/aws4_request, )"
        R"(SignedHeaders=content-length;content-type;host;x-amz-date;x-amz-security-token;)"
        R"(x-mongodb-gs2-cb-flag;)"
        R"(x-mongodb-server-nonce, )"
        R"(Signature=c69e35ee0a04e2875fc717d4d9d90a5d02217322b213975a9975708a74574d24",)"
        R"("d":"20260203T040506Z","t":"FwoGZXIvYXdzEBYaD/+token="})");
  CHECK(make_aws_nonce() != make_aws_nonce());
}

TEST_CASE("AWS: a first message of the server that is not taken", "[mongo_aws]") {
  std::string good = base64_of_counting(64), host = "sts.amazonaws.com";
  std::string other = "x" + good.substr(1);
  std::string late = good;
  late[42] = late[42] == 'A' ? 'B' : 'A';  // byte 31, the last of ours
  for (const std::string& each : {first_of_server(base64_of_counting(63), host),
                                  first_of_server(base64_of_counting(32), host),
                                  first_of_server(base64_of_counting(65), host),
                                  first_of_server("", host),
                                  first_of_server(other, host),
                                  first_of_server(late, host),
                                  first_of_server(good, host, "04"),
                                  first_of_server(good, ""),
                                  first_of_server(good, ".amazonaws.com"),
                                  first_of_server(good, "sts.amazonaws."),
                                  first_of_server(good, "sts..com"),
                                  first_of_server(good, std::string(256, 'a')),
                                  first_of_server(good, R"(a\nx-amz-date:x)"),
                                  first_of_server(good, "a b"),
                                  first_of_server(good, "h:443"),
                                  first_of_server(good, R"(a\u0000b)"),
                                  std::string("{}"),
                                  std::string(R"({"s":1,"h":"a"})"),
                                  std::string(R"({"h":"a"})"),
                                  R"({"s":{"$binary":{"base64":")" + good + R"(","subType":"00"}},"h":1})"}) {
    CAPTURE(each);
    failure why = failure_of([&] { second(example(), each); });
    CHECK(why.code == "TW-AUTH-AWS");
    CHECK(why.kind == failure_kind::refused);
    CHECK(std::string(why.what()).find(example_key) == std::string::npos);
  }
  std::vector<std::uint8_t> whole = bson_of(first_of_server(good, host));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    std::vector<std::uint8_t> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(failure_of([&] { aws_client_second(example(), counting(), part, some_time); }).code ==
          "TW-AUTH-AWS");
  }
}

TEST_CASE("AWS: the region of a host", "[mongo_aws]") {
  CHECK(aws_region("sts.amazonaws.com") == "us-east-1");
  CHECK(aws_region("sts.us-west-2.amazonaws.com") == "us-west-2");
  CHECK(aws_region("sts.us-west-2.amazonaws.com.ch") == "us-west-2");
  CHECK(aws_region("example.com") == "com");
  CHECK(aws_region("localhost") == "us-east-1");
  CHECK(aws_region(std::string(255, 'a')) == "us-east-1");
  for (const char* each : {"", ".", "sts..com", ".amazonaws.com", "sts.amazonaws.", "a/b", "é.com"})
    CHECK_FALSE(aws_region(each).has_value());
  CHECK_FALSE(aws_region(std::string(256, 'a')).has_value());
}

TEST_CASE("AWS: where credentials come from", "[mongo_aws]") {
  connection_options got =
      with_variables(no_user, {{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "key"}});
  CHECK(got.user == "AKID");
  CHECK(got.password.reveal() == "key");
  CHECK(got.has_password);
  CHECK(got.aws_session_token.empty());
  got = with_variables(no_user, {{"AWS_ACCESS_KEY_ID", "AKID"},
                                 {"AWS_SECRET_ACCESS_KEY", "key"},
                                 {"AWS_SESSION_TOKEN", "token"},
                                 {"AWS_WEB_IDENTITY_TOKEN_FILE", "/f"}});
  CHECK(got.aws_session_token.reveal() == "token");
  // What the string has is not mixed with what the variables have.
  got = with_variables(
      "mongodb://u:p@h/?authMechanism=MONGODB-AWS",
      {{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "key"}, {"AWS_SESSION_TOKEN", "token"}});
  CHECK(got.user == "u");
  CHECK(got.password.reveal() == "p");
  CHECK(got.aws_session_token.empty());
  // And who logs in otherwise gets nothing.
  got = with_variables("mongodb://h", {{"AWS_ACCESS_KEY_ID", "AKID"}, {"AWS_SECRET_ACCESS_KEY", "key"}});
  CHECK(got.user.empty());
}

TEST_CASE("AWS: credentials that are not to be had", "[mongo_aws]") {
  auto why = [](std::map<std::string, std::string> of) {
    return failure_of([&] { with_variables(no_user, of); });
  };
  CHECK(why({}).code == "TW-AUTH-NO-PASSWORD");
  CHECK(why({{"AWS_ACCESS_KEY_ID", "AKID"}}).code == "TW-AUTH-NO-PASSWORD");
  failure some = why({{"AWS_SECRET_ACCESS_KEY", "hunter2"}, {"AWS_ACCESS_KEY_ID", ""}});
  CHECK(some.code == "TW-AUTH-NO-PASSWORD");
  CHECK(std::string(some.what()).find("hunter2") == std::string::npos);
  CHECK(why({{"AWS_SESSION_TOKEN", "t"}, {"AWS_WEB_IDENTITY_TOKEN_FILE", "/f"}}).code ==
        "TW-AUTH-NO-PASSWORD");
  for (const char* each : {"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                           "AWS_CONTAINER_CREDENTIALS_FULL_URI"}) {
    failure endpoint = why({{each, "x"}});
    CHECK(endpoint.code == "TW-AUTH-NOT-SUPPORTED");
    CHECK(endpoint.hint.find("export-credentials") != std::string::npos);
  }
}
