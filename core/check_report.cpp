#include "core/check_report.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "core/json_text.hpp"

namespace tidewire {
namespace {

constexpr std::size_t status_width = 8;

std::string plain(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return out;
}

std::string_view colour_of(check_status status) {
  switch (status) {
    case check_status::ok: return "\033[32m";
    case check_status::warn: return "\033[33m";
    case check_status::fail: return "\033[1;31m";
    case check_status::unknown: return "\033[35m";
  }
  return "";
}

std::string painted(std::string_view text, std::string_view colour, bool wanted) {
  return wanted ? std::string(colour) + std::string(text) + "\033[0m" : std::string(text);
}

void add_finding(std::string& out, const check_finding& finding, bool colour) {
  std::string word(to_string(finding.status));
  std::string pad(status_width - word.size(), ' ');
  out += painted(word, colour_of(finding.status), colour) + pad + plain(finding.title);
  if (!finding.found.empty()) out += ": " + plain(finding.found);
  out += "  " + painted(finding.code, "\033[2m", colour) + '\n';
  std::string indent(status_width, ' ');
  if (!finding.why.empty()) out += indent + plain(finding.why) + '\n';
  for (const check_fix& fix : finding.fixes)
    out += indent + "-> " + std::string(to_string(fix.is)) + ": " + plain(fix.text) + '\n';
}

std::string summary(const check_report& report) {
  std::string text;
  auto add = [&](check_status status, const char* words) {
    if (std::size_t n = report.count(status))
      text += (text.empty() ? "" : ", ") + std::to_string(n) + " " + words;
  };
  add(check_status::fail, "failed");
  add(check_status::warn, "to look at");
  add(check_status::unknown, "unknown");
  add(check_status::ok, "ok");
  return (report.failed() ? "not ready: " : "ready: ") + text;
}

std::string json_of(const check_fix& fix) {
  std::string object = "{";
  json::add_member(object, "kind", to_string(fix.is));
  json::add_member(object, "text", fix.text);
  json::add_raw(object, "can_apply", fix.can_apply ? "true" : "false");
  return object + '}';
}

std::string json_of(const check_finding& finding) {
  std::string object = "{";
  json::add_member(object, "code", finding.code);
  json::add_member(object, "status", to_string(finding.status));
  json::add_member(object, "title", finding.title);
  json::add_member(object, "found", finding.found);
  json::add_member(object, "why", finding.why);
  json::add_raw(object, "fixes",
                json::array_of(finding.fixes, [](const check_fix& fix) { return json_of(fix); }));
  json::add_raw(object, "objects",
                json::array_of(finding.objects, [](const std::string& name) { return json::quoted(name); }));
  json::add_raw(object, "object_count", std::to_string(finding.object_count));
  return object + '}';
}

}  // namespace

check_finding& check_findings::add(const char* code, const char* title, check_status status,
                                   std::string found, std::string why, std::vector<check_fix> fixes) const {
  check_finding& made = out.emplace_back();
  made.code = code;
  made.title = title;
  made.status = status;
  made.found = std::move(found);
  made.why = std::move(why);
  made.fixes = std::move(fixes);
  return made;
}

check_finding& check_findings::ok(const char* code, const char* title, std::string found,
                                  std::string note) const {
  return add(code, title, check_status::ok, std::move(found), std::move(note));
}

check_finding& check_findings::unknown(const char* code, const char* title, const std::string& missing,
                                       std::vector<check_fix> fixes) const {
  return add(code, title, check_status::unknown, missing.empty() ? "the server does not say" : missing, "",
             std::move(fixes));
}

std::size_t check_report::count(check_status status) const {
  return static_cast<std::size_t>(std::ranges::count(findings, status, &check_finding::status));
}

std::string first_of(const std::vector<std::string>& names, std::size_t count) {
  std::string text;
  std::size_t shown = std::min(names.size(), max_named_objects);
  for (std::size_t i = 0; i < shown; ++i) text += (i ? ", " : "") + names[i];
  if (count > shown) text += " and " + std::to_string(count - shown) + " more";
  return text;
}

std::string counted(std::size_t count, const char* one, const char* several) {
  return std::to_string(count) + ' ' + (count == 1 ? one : several);
}

std::string bytes_text(double bytes) {
  constexpr const char* units[]{"bytes", "KB", "MB", "GB", "TB", "PB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(units)) bytes /= 1024, ++unit;
  return unit == 0 ? fmt::format("{:.0f} bytes", bytes) : fmt::format("{:.1f} {}", bytes, units[unit]);
}

std::string seconds_text(double seconds) {
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  if (seconds < 2 * 3600) return fmt::format("{:.0f} min", seconds / 60);
  if (seconds < 2 * 86400) return fmt::format("{:.0f} h", seconds / 3600);
  return fmt::format("{:.0f} days", seconds / 86400);
}

std::string report_text(const check_report& report, bool colour) {
  std::string out = plain(report.target) + '\n';
  if (!report.version.empty())
    out += plain(report.source + " " + report.version + ", " + report.hoster) + '\n';
  for (check_status status :
       {check_status::fail, check_status::warn, check_status::unknown, check_status::ok}) {
    if (report.count(status)) out += '\n';
    for (const check_finding& finding : report.findings)
      if (finding.status == status) add_finding(out, finding, colour);
  }
  return out + '\n' + summary(report) + '\n';
}

std::string report_json(const check_report& report) {
  std::string object = "{";
  json::add_raw(object, "v", "1");
  json::add_member(object, "source", report.source);
  json::add_member(object, "target", report.target);
  json::add_member(object, "version", report.version);
  json::add_member(object, "hoster", report.hoster);
  json::add_raw(object, "ready", report.failed() ? "false" : "true");
  std::string counts = "{";
  for (check_status status :
       {check_status::ok, check_status::warn, check_status::fail, check_status::unknown})
    json::add_raw(counts, to_string(status), std::to_string(report.count(status)));
  json::add_raw(object, "counts", counts + '}');
  json::add_raw(object, "findings",
                json::array_of(report.findings, [](const check_finding& each) { return json_of(each); }));
  return object + "}\n";
}

}  // namespace tidewire
