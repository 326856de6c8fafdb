// From what is known of a MongoDB to findings: pure, without a server. docs/checks_mongodb.md has a section
// for each code.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/check_report.hpp"
#include "core/failure.hpp"
#include "mongo_wire/check_facts.hpp"
#include "mongo_wire/image_mode.hpp"

namespace tidewire::mongo_wire {

enum class hoster : std::uint8_t { self_hosted, atlas };
std::string_view display_name(hoster of);

struct check_wishes {
  std::optional<hoster> at;  // instead of the one that was found out
  post_images images = post_images::off;
};

/// Throw failure TW-USAGE-OPTION for another word; an empty one is nothing, and `off`.
std::optional<hoster> hoster_of_option(std::string_view word);
post_images post_images_of_option(std::string_view word);

/// Everything, for a server that was reached.
std::vector<check_finding> judge(const check_facts& facts, const check_wishes& wishes);

/// For a server that was not: why, and what to do.
std::vector<check_finding> judge_no_connection(const failure& why, const check_facts& facts,
                                               const check_wishes& wishes);

/// The DNS was asked for the hosts of mongodb+srv, in vain.
bool srv_failed(const check_facts& facts);

/// The hoster that was asked for, or what the hosts' names tell.
hoster hoster_of(const check_facts& facts, const check_wishes& wishes);

/// What a stream of this scope needs; of an empty database name one of all databases.
std::vector<privilege> stream_privileges(const std::string& database);
/// To see which collections there are.
std::vector<privilege> listing_privileges(const std::string& database);
/// To switch images on.
std::vector<privilege> image_privileges(const std::string& database);
/// To see how the server is, and nothing of what is in it.
std::vector<privilege> sight_privileges();

/// The collections whose changes are in the stream and that keep no images.
std::vector<const collection_info*> without_images(const check_facts& facts);
/// Switches them on, as mongosh has it.
std::string images_command(const collection_info& of);

}  // namespace tidewire::mongo_wire
