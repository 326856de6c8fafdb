#include "mongo_wire/check.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "mongo_wire/check_judging.hpp"

namespace tidewire::mongo_wire {
namespace {

[[noreturn]] void no_such_word(const char* option, std::string_view word, const char* words) {
  throw failure{failure_kind::usage, "TW-USAGE-OPTION",
                std::string(option) + " " + std::string(word) + " is none of what it takes for MongoDB",
                words};
}

bool is_of_atlas(std::string_view host) {
  std::string_view name = host.substr(0, host.rfind(':'));
  return name.ends_with(".mongodb.net") || name.ends_with(".mongodbgov.net");
}

}  // namespace

std::string_view display_name(hoster of) {
  return of == hoster::atlas ? "MongoDB Atlas" : "self-hosted";
}

std::optional<hoster> hoster_of_option(std::string_view word) {
  if (word.empty()) return {};
  if (word == "atlas") return hoster::atlas;
  if (word == "self-hosted") return hoster::self_hosted;
  no_such_word("--hoster", word, "atlas or self-hosted");
}

post_images post_images_of_option(std::string_view word) {
  if (word.empty() || word == "off") return post_images::off;
  if (word == "auto_configure") return post_images::auto_configure;
  if (word == "read_only") return post_images::read_only;
  no_such_word("--post-images", word, "off, auto_configure or read_only");
}

hoster hoster_of(const check_facts& facts, const check_wishes& wishes) {
  if (wishes.at) return *wishes.at;
  // Behind a private endpoint or a tunnel the string names something else; the set knows itself.
  bool atlas = std::ranges::any_of(facts.connection.named, is_of_atlas) ||
               std::ranges::any_of(facts.hello.hosts, is_of_atlas);
  return atlas ? hoster::atlas : hoster::self_hosted;
}

std::vector<check_finding> judge(const check_facts& facts, const check_wishes& wishes) {
  std::vector<check_finding> out;
  judging j{{out}, facts, wishes, hoster_of(facts, wishes)};
  judge_connection(j);
  judge_server(j);
  judge_rights(j);
  judge_collections(j);
  judge_history(j);
  return out;
}

check_finding& judging::unknown(const char* code, const char* title, const std::string& missing,
                                const std::vector<privilege>& needs) const {
  std::vector<check_fix> fixes;
  // Atlas' proxies have one number for all that they refuse.
  bool denied = missing.ends_with("(13 Unauthorized)") || missing.ends_with("(8000 AtlasError)");
  if (denied) fixes = rights_fixes(*this, needs, "clusterMonitor");
  return add(code, title, check_status::unknown, missing.empty() ? "the server does not say" : missing, "",
             std::move(fixes));
}

std::vector<privilege> stream_privileges(const std::string& database) {
  return {{resource::of_database(database), {"find", "changeStream"}}};
}

std::vector<privilege> listing_privileges(const std::string& database) {
  std::vector<privilege> needed{{resource::of_database(database), {"listCollections"}}};
  if (database.empty()) needed.push_back({resource::of_cluster(), {"listDatabases"}});
  return needed;
}

std::vector<privilege> image_privileges(const std::string& database) {
  return {{resource::of_database(database), {"collMod"}}};
}

std::vector<privilege> sight_privileges() {
  return {{resource::of_cluster(),
           {"serverStatus", "replSetGetStatus", "replSetGetConfig", "getParameter", "getClusterParameter"}}};
}

std::vector<const collection_info*> without_images(const check_facts& facts) {
  std::vector<const collection_info*> found;
  if (!facts.collections) return found;
  for (const collection_info& each : *facts.collections)
    if (each.is == collection_info::kind::collection && !each.images) found.push_back(&each);
  return found;
}

std::string images_command(const collection_info& of) {
  return shell_database(of.database) + ".runCommand({collMod: " + shell_text(of.name) +
         ", changeStreamPreAndPostImages: {enabled: true}});";
}

std::string hours_text(double seconds) {
  if (seconds < 60) return fmt::format("{:.0f} s", seconds);
  if (seconds < 3600) return fmt::format("{:.0f} min", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{:.1f} h", seconds / 3600);
  return fmt::format("{:.1f} days", seconds / 86400);
}

std::string counted(std::size_t count, const char* one, const char* several) {
  return std::to_string(count) + ' ' + (count == 1 ? one : several);
}

}  // namespace tidewire::mongo_wire
