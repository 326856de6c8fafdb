#include "binlog/schema_history.hpp"

#include <algorithm>

#include "core/failure.hpp"
#include "core/position_store.hpp"

namespace tidewire::binlog {

namespace {

constexpr std::string_view first_line = "tidewire schema 1\n";
constexpr std::string_view last_line = "\nchecksum ";
constexpr std::size_t most_touches = 10'000;

[[noreturn]] void damaged(const std::string& how) {
  throw failure{failure_kind::refused, "TW-MY-SCHEMA-STORED",
                "the schema file beside the position can't be used: " + how,
                "put back a copy of it. Without the file the schema is read from the server again, which is "
                "refused where a table was changed since; or begin anew"};
}

}  // namespace

bool is_behind(const std::string& mark, const position& at) {
  auto place = parse_position(mark);
  return place && place->kind == at.kind && contains(at, *place);
}

void schema_history::show(const std::pair<std::string, std::string>& name, const history& of) {
  const version& now = of.versions[of.current];
  if (now.columns)
    book_.set(name.first, name.second, *now.columns);
  else
    book_.forget(name.first, name.second);
}

void schema_history::learned(std::string_view schema, std::string_view table,
                             std::vector<column_facts> columns) {
  std::pair name{std::string(schema), std::string(table)};
  auto [at, fresh] = tables_.try_emplace(name);
  history& of = at->second;
  if (fresh) {
    auto last = std::ranges::find_if(touches_.rbegin(), touches_.rend(),
                                     [&](const touch& each) { return each.which.covers(schema, table); });
    of.versions.push_back({last == touches_.rend() ? std::string{} : last->mark, std::nullopt});
  }
  of.versions[of.current].columns = std::move(columns);
  show(name, of);
  changed_ = true;
}

void schema_history::touched(const ddl_tables& which, const std::string& mark) {
  if (which.none()) return;
  for (const auto& name : which.tables)
    if (wanted_ && tables_.try_emplace(name, history{{{mark, std::nullopt}}}).second)
      changed_ = any_unknown_ = true;
  for (auto& [name, of] : tables_) {
    if (!which.covers(name.first, name.second) || of.versions[of.current].mark == mark) continue;
    std::size_t next = of.current + 1;
    if (next == of.versions.size() || of.versions[next].mark != mark) {
      of.versions.resize(next);
      of.versions.push_back({mark, std::nullopt});
      changed_ = true;
    }
    of.current = next;
    of.asked = false;
    any_unknown_ |= !of.versions[next].columns;
    show(name, of);
  }
  if (touches_.size() >= most_touches) touches_ = {{{true, {}, {}}, touches_.back().mark}};
  touches_.push_back({which, mark});
}

std::vector<std::pair<std::string, std::string>> schema_history::unknown(std::size_t most) const {
  std::vector<std::pair<std::string, std::string>> names;
  for (const auto& [name, of] : tables_)
    if (!of.versions[of.current].columns && !of.asked && names.size() < most) names.push_back(name);
  return names;
}

void schema_history::asked_for(const std::vector<std::pair<std::string, std::string>>& tables) {
  for (const auto& name : tables)
    if (auto at = tables_.find(name); at != tables_.end()) at->second.asked = true;
  any_unknown_ = !unknown(1).empty();
}

void schema_history::forget_before(const position& durable) {
  if (durable.kind != since_.kind || !contains(durable, since_)) return;
  since_ = durable;
  std::erase_if(touches_, [&](const touch& each) { return is_behind(each.mark, durable); });
  for (auto at = tables_.begin(); at != tables_.end();) {
    history& of = at->second;
    std::size_t first = 0;
    for (std::size_t i = 1; i <= of.current; ++i)
      if (is_behind(of.versions[i].mark, durable)) first = i;
    of.versions.erase(of.versions.begin(), of.versions.begin() + static_cast<std::ptrdiff_t>(first));
    of.current -= first;
    if (!of.versions[0].mark.empty() && is_behind(of.versions[0].mark, durable)) of.versions[0].mark.clear();
    bool nothing = of.versions.size() == 1 && !of.versions[0].columns && of.versions[0].mark.empty();
    at = nothing ? tables_.erase(at) : std::next(at);
  }
}

std::string schema_history::text() const {
  std::string out(first_line);
  put_fields(out, {"since", to_string(since_)});
  for (const auto& [name, of] : tables_)
    for (const version& each : of.versions) {
      put_fields(out, {each.columns ? "table" : "unknown", name.first, name.second, each.mark});
      if (!each.columns) continue;
      for (const column_facts& column : *each.columns)
        put_fields(out, {"column", column.name, column.type, column.charset, column.key ? "PRI" : ""});
    }
  out += "checksum " + position_checksum(out) + "\n";
  return out;
}

schema_history schema_history::read(std::string_view text) {
  if (!text.starts_with(first_line)) damaged("it is of another kind or version");
  std::size_t last = text.rfind(last_line);
  if (last == text.npos) damaged("its end is missing");
  std::string sum = position_checksum(text.substr(0, last + 1));
  if (text.substr(last + last_line.size()) != sum + "\n") damaged("its checksum is wrong");
  text = text.substr(first_line.size(), last + 1 - first_line.size());
  std::optional<schema_history> made;
  history* of = nullptr;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    std::vector<std::string> line = take_fields(text.substr(0, end));
    text.remove_prefix(end + 1);
    if (!made) {
      auto since = line.size() == 2 && line[0] == "since" ? parse_position(line[1]) : std::nullopt;
      if (!since) damaged("it does not say since when it is right");
      made.emplace(std::move(*since));
    } else if (line.size() == 4 && (line[0] == "table" || line[0] == "unknown")) {
      if (!line[3].empty() && !parse_position(line[3])) damaged("a statement is named in a way of its own");
      of = &made->tables_[{line[1], line[2]}];
      of->versions.push_back({line[3], std::nullopt});
      if (line[0] == "table") of->versions.back().columns.emplace();
    } else if (line.size() == 5 && line[0] == "column" && of && of->versions.back().columns) {
      of->versions.back().columns->push_back({line[1], line[2], line[3], line[4] == "PRI"});
    } else {
      damaged("a line is not known");
    }
  }
  if (!made) damaged("it does not say since when it is right");
  return std::move(*made);
}

schema_history schema_history::parse(std::string_view text, const position& at) {
  schema_history made = read(text);
  if (made.since_.kind != at.kind || !contains(at, made.since_))
    damaged("it begins at " + to_string(made.since_).substr(0, 200) +
            ", which is behind the stored position");
  for (auto& [name, of] : made.tables_) {
    for (std::size_t i = 1; i < of.versions.size(); ++i)
      if (is_behind(of.versions[i].mark, at)) of.current = i;
    // The oldest may itself be from behind the place.
    const std::string& oldest = of.versions[0].mark;
    if (of.current == 0 && !oldest.empty() && !is_behind(oldest, at))
      of.versions.insert(of.versions.begin(), version{});
    made.show(name, of);
  }
  made.forget_before(at);
  return made;
}

}  // namespace tidewire::binlog
