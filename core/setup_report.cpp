#include "core/setup_report.hpp"

#include <algorithm>

#include "core/json_text.hpp"

namespace tidewire {
namespace {

using state = setup_step::state;

/// Nothing of a name can begin another line or steer the terminal.
std::string line(std::string_view words) {
  std::string plain(words);
  std::ranges::replace_if(
      plain, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return plain + '\n';
}

std::string step_text(const setup_report& report, const setup_step& step) {
  std::string comment(report.comment);
  std::string out =
      line(comment + step.what + (report.applied ? ": " + std::string(to_string(step.at)) : "") +
           (step.note.empty() ? "" : " (" + step.note + ")"));
  if (step.is != check_fix::kind::sql)
    return out + line(comment + std::string(to_string(step.is)) + ": " + step.text);
  if (report.applied) return out + line(step.shown_text());
  return out + line((step.at == state::left ? comment : "") + step.text);
}

}  // namespace

bool setup_report::password_made() const {
  return std::ranges::any_of(steps, [this](const setup_step& step) {
    return step.has_password && step.at == (applied ? state::done : state::planned);
  });
}

bool setup_report::incomplete() const {
  return std::ranges::any_of(steps, [](const setup_step& step) {
    bool open = step.at == state::left || step.at == state::failed || step.at == state::undone;
    return open && !step.optional;
  });
}

std::string report_text(const setup_report& report) {
  std::string comment(report.comment);
  std::string out = line(comment + report.target);
  out += line(comment + report.source + " " + report.version + ", " + report.hoster);
  if (report.steps.empty()) return out + comment + "nothing is missing: nothing to do\n";
  for (const setup_step& step : report.steps) out += '\n' + step_text(report, step);
  if (report.password_made()) {
    out += '\n' + line(comment + "password of " + report.role + ", shown this once:");
    out += comment + std::string(report.password.reveal()) + '\n';
  }
  return out + '\n' + line(comment + "next: " + report.next);
}

std::string report_json(const setup_report& report) {
  std::string object = "{";
  json::add_raw(object, "v", "1");
  json::add_member(object, "source", report.source);
  json::add_member(object, "target", report.target);
  json::add_member(object, "version", report.version);
  json::add_member(object, "hoster", report.hoster);
  json::add_raw(object, "applied", report.applied ? "true" : "false");
  json::add_raw(object, "steps", json::array_of(report.steps, [&](const setup_step& step) {
                  std::string one = "{";
                  json::add_member(one, "what", step.what);
                  json::add_member(one, "kind", to_string(step.is));
                  json::add_member(one, "text", report.applied ? step.shown_text() : step.text);
                  json::add_member(one, "state", to_string(step.at));
                  json::add_member(one, "note", step.note);
                  json::add_raw(one, "optional", step.optional ? "true" : "false");
                  return one + '}';
                }));
  json::add_member(object, "role", report.role);
  if (report.password_made()) json::add_member(object, "password", report.password.reveal());
  json::add_member(object, "next", report.next);
  return object + "}\n";
}

}  // namespace tidewire
