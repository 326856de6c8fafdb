// How a setting is changed at hosters that run several kinds of databases, and what the tables of hosters are
// made of.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/check_report.hpp"

namespace tidewire {

template <class Hoster>
struct hoster_names {
  Hoster at;
  std::string_view display;  // for people
  std::string_view option;   // the word that --hoster takes
};
template <class Hoster>
struct host_ending {
  std::string_view ending;  // of its servers' names
  Hoster at;
};

namespace fixes {

inline check_fix console(std::string text) {
  return {check_fix::kind::console, std::move(text), false};
}
inline check_fix shell(std::string text) {
  return {check_fix::kind::shell, std::move(text), false};
}

/// `cluster`: Aurora's. `restart`: the setting can't be changed in a running server.
std::vector<check_fix> aws_setting(bool cluster, std::string_view name, std::string_view value, bool restart);
/// `database`: as the program `az` calls it.
std::vector<check_fix> azure_setting(std::string_view database, std::string_view name, std::string_view value,
                                     bool restart);

}  // namespace fixes
}  // namespace tidewire
