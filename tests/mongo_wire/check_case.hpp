// Facts of a MongoDB for the tests of check and setup.
#pragma once

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "mongo_wire/check.hpp"

namespace tidewire::mongo_wire::testing {

/// A set of three with a user that has what it needs, asked about the database shop.
inline check_facts good_facts() {
  check_facts facts;
  facts.reached = true;
  facts.connection.host = "db1:27017";
  facts.connection.named = {"db1:27017"};
  facts.connection.database = "shop";
  facts.connection.user = "reader";
  facts.connection.auth_source = "admin";
  facts.connection.tls_version = "TLSv1.3";
  facts.connection.ca = "/ca (tlsCAFile)";
  facts.connection.seen = {{"db1:27017", server_kind::primary, ""}};
  facts.hello.kind = server_kind::primary;
  facts.hello.set_name = "rs0";
  facts.hello.hosts = {"db1:27017", "db2:27017", "db3:27017"};
  facts.version = {6, 0, 27};
  facts.version_name = "6.0.27";
  facts.feature_version.value = "6.0";
  facts.login.value =
      login_info{{{"reader", "admin"}},
                 {{"watcher", "admin"}},
                 {{resource::of_database("shop"), {"find", "changeStream", "listCollections"}}},
                 true};
  facts.trial.value = stream_trial{true, false, 0, ""};
  facts.databases.value = {"shop"};
  facts.collections.value = {{"shop", "items", collection_info::kind::collection, true},
                             {"shop", "orders", collection_info::kind::collection, true}};
  facts.set.value = set_status{
      {{"db1:27017", "PRIMARY", true}, {"db2:27017", "SECONDARY", true}, {"db3:27017", "SECONDARY", true}},
      0};
  facts.oplog.value = oplog_info{0, 3 * 86'400, false};
  facts.majority_reads.value = true;
  facts.expiry.value = image_expiry{};
  return facts;
}

/// What was found under that code; there must be something.
inline const check_finding& finding_in(const std::vector<check_finding>& findings, const std::string& code) {
  auto found = std::ranges::find(findings, "TW-CHECK-MO-" + code, &check_finding::code);
  INFO(code);
  REQUIRE(found != findings.end());
  return *found;
}

inline bool has_finding(const std::vector<check_finding>& findings, const std::string& code) {
  return std::ranges::find(findings, "TW-CHECK-MO-" + code, &check_finding::code) != findings.end();
}

inline std::string fix_texts(const check_finding& of) {
  std::string text;
  for (const check_fix& each : of.fixes) text += std::string(to_string(each.is)) + ": " + each.text + '\n';
  return text;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}

}  // namespace tidewire::mongo_wire::testing
