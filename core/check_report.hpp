// What `tidewire check` finds and what `tidewire setup` does about it, in words that fit every source: a list
// of findings, each with a stable code of docs/checks.md, the value found and how to put it right.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tidewire {

enum class check_status : std::uint8_t { ok, warn, fail, unknown };
inline constexpr std::string_view check_status_names[]{"ok", "warn", "fail", "unknown"};
constexpr std::string_view to_string(check_status status) {
  return check_status_names[static_cast<std::size_t>(status)];
}

/// One step of the way to put something right. The text is complete: what is in CAPITALS (APP, INSTANCE) is
/// for the reader to fill in.
struct check_fix {
  enum class kind : std::uint8_t {
    sql,      // a statement to run in the database
    shell,    // a command of the operating system or of the hoster's program
    console,  // a step in the hoster's web pages
    setting,  // a change of what tidewire is called with
  };
  kind is = kind::sql;
  std::string text;
  bool can_apply = false;  // `tidewire setup --apply` can do it

  friend bool operator==(const check_fix&, const check_fix&) = default;
};
inline constexpr std::string_view check_fix_kind_names[]{"sql", "shell", "console", "setting"};
constexpr std::string_view to_string(check_fix::kind kind) {
  return check_fix_kind_names[static_cast<std::size_t>(kind)];
}

struct check_finding {
  std::string code;  // TW-CHECK-PG-WAL-LEVEL
  std::string title;
  check_status status = check_status::ok;
  std::string found;  // the value; for unknown what keeps us from knowing
  std::string why;    // why it matters, or a note beside an ok; may be empty
  std::vector<check_fix> fixes;
  std::vector<std::string> objects;  // the first of the tables or slots that it is about
  std::size_t object_count = 0;      // of all of them
};

/// Where a judgement's findings go: each source's `judging` is one of these and its facts.
struct check_findings {
  std::vector<check_finding>& out;

  check_finding& add(const char* code, const char* title, check_status status, std::string found,
                     std::string why = {}, std::vector<check_fix> fixes = {}) const;
  check_finding& ok(const char* code, const char* title, std::string found, std::string note = {}) const;
  /// The server would not tell; `missing` says why, or is empty.
  check_finding& unknown(const char* code, const char* title, const std::string& missing,
                         std::vector<check_fix> fixes = {}) const;
};

struct check_report {
  std::string source;   // "postgres"
  std::string target;   // the connection, redacted
  std::string version;  // "15.18"; empty where there was no answer
  std::string hoster;   // "Supabase"; empty likewise
  std::vector<check_finding> findings;

  std::size_t count(check_status status) const;
  bool failed() const { return count(check_status::fail) != 0; }
};

/// How many objects a finding names at most.
inline constexpr std::size_t max_named_objects = 5;

/// "a, b, c and 97 more": the first of them, and how many there are.
std::string first_of(const std::vector<std::string>& names, std::size_t count);

/// "1 table: ", "3 tables: ".
std::string counted(std::size_t count, const char* one, const char* several);
/// 1536 bytes: "1.5 KB"; 600 s: "10 min".
std::string bytes_text(double bytes);
std::string seconds_text(double seconds);

/// For people: what failed first, then warnings, what could not be found out, and what is fine; a summary in
/// the last line. Control characters of names become spaces, so that nothing can steer the terminal.
std::string report_text(const check_report& report, bool colour);
/// One object in one line, as docs/checks.md describes it.
std::string report_json(const check_report& report);

}  // namespace tidewire
