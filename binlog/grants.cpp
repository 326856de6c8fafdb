#include "binlog/grants.hpp"

#include <algorithm>

namespace tidewire::binlog {
namespace {

using kind = grant_line::kind;
using scope = grant_line::scope;

struct token {
  enum class form { word, quoted, mark, end, broken };
  form is = form::end;
  std::string text;

  bool marks(char c) const { return is == form::mark && text[0] == c; }
};

bool in_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '$' ||
         c == '%' || c == '-' || static_cast<unsigned char>(c) >= 0x80;
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 0x20);
  return text;
}

std::string folded(std::string_view text, bool fold) {
  std::string out(text);
  if (fold)
    for (char& c : out)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 0x20);
  return out;
}

class reader {
 public:
  explicit reader(std::string_view line) : rest_(line) { advance(); }

  const token& now() const { return now_; }
  token take() {
    token taken = std::move(now_);
    advance();
    return taken;
  }
  /// An unquoted word of that name.
  bool at(std::string_view word) const { return now_.is == token::form::word && upper(now_.text) == word; }
  bool skip(std::string_view word) {
    if (!at(word)) return false;
    advance();
    return true;
  }
  bool skip(char mark) {
    if (!now_.marks(mark)) return false;
    advance();
    return true;
  }
  std::optional<std::string> name() {
    if (now_.is != token::form::word && now_.is != token::form::quoted) return std::nullopt;
    return take().text;
  }

 private:
  void advance() {
    now_ = {};
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\t' || rest_[0] == '\n' || rest_[0] == '\r'))
      rest_.remove_prefix(1);
    if (rest_.empty()) return;
    char first = rest_[0];
    if (first == '`' || first == '"' || first == '\'') return quoted(first);
    if (in_word(first)) {
      std::size_t size = 0;
      while (size < rest_.size() && in_word(rest_[size])) ++size;
      now_ = {token::form::word, std::string(rest_.substr(0, size))};
      rest_.remove_prefix(size);
      return;
    }
    now_ = {token::form::mark, std::string(1, first)};
    rest_.remove_prefix(1);
  }

  /// A quote inside is doubled; in texts a backslash may stand before it.
  void quoted(char quote) {
    std::string text;
    for (rest_.remove_prefix(1); !rest_.empty(); rest_.remove_prefix(1)) {
      char c = rest_[0];
      if (c == quote) {
        if (rest_.size() == 1 || rest_[1] != quote) {
          rest_.remove_prefix(1);
          now_ = {token::form::quoted, std::move(text)};
          return;
        }
        rest_.remove_prefix(1);
      } else if (c == '\\' && quote == '\'' && rest_.size() > 1) {
        rest_.remove_prefix(1);
        c = rest_[0];
      }
      text += c;
    }
    now_ = {token::form::broken, {}};
  }

  std::string_view rest_;
  token now_;
};

/// Words, and the columns that they are for; or the name of a role.
struct item {
  std::string words;
  bool columns = false;
  bool quoted = false;
};

std::optional<item> take_item(reader& in) {
  item made;
  while (in.now().is == token::form::word && !in.at("ON") && !in.at("TO") && !in.at("FROM"))
    made.words += (made.words.empty() ? "" : " ") + in.take().text;
  if (made.words.empty() && in.now().is == token::form::quoted) {
    made.words = in.take().text;
    made.quoted = true;
  }
  if (made.words.empty() && !made.quoted) return std::nullopt;
  if (in.skip('@') && !in.name()) return std::nullopt;
  if (!in.skip('(')) return made;
  made.columns = true;
  do {
    if (!in.name()) return std::nullopt;
  } while (in.skip(','));
  if (!in.skip(')')) return std::nullopt;
  return made;
}

bool read_object(reader& in, grant_line& line) {
  // The kinds of routines, and MariaDB's PACKAGE BODY.
  bool routine = false;
  while (in.at("FUNCTION") || in.at("PROCEDURE") || in.at("PACKAGE") || in.at("BODY") || in.at("LIBRARY")) {
    routine = true;
    in.take();
  }
  in.skip("TABLE");
  if (in.skip('*')) {
    line.on = scope::global;
    return in.skip('.') && in.skip('*');
  }
  std::optional<std::string> schema = in.name();
  if (!schema || !in.skip('.')) return false;
  line.schema = std::move(*schema);
  if (in.skip('*')) {
    line.on = scope::schema;
    return !routine;
  }
  std::optional<std::string> table = in.name();
  if (!table) return false;
  line.table = std::move(*table);
  line.on = routine ? scope::other : scope::table;
  return true;
}

bool read_grantee(reader& in, grant_line& line) {
  std::optional<std::string> name = in.name();
  if (!name) return false;
  line.grantee = std::move(*name);
  return !in.skip('@') || in.name();
}

/// What follows the grantee: WITH GRANT OPTION, and on older servers how the account logs in.
bool read_rest(reader& in, grant_line& line) {
  for (; in.now().is != token::form::end; in.take()) {
    if (in.now().is == token::form::broken) return false;
    if (in.skip("GRANT") && in.at("OPTION")) line.grant_option = true;
    // Not PASSWORD REQUIRE CURRENT.
    bool require = in.skip("REQUIRE");
    line.requires_tls |=
        require && (in.at("SSL") || in.at("X509") || in.at("ISSUER") || in.at("SUBJECT") || in.at("CIPHER"));
    if (in.now().is == token::form::end) return true;
  }
  return true;
}

std::size_t wild_at(std::string_view pattern) {
  std::size_t at = 0;
  while (at < pattern.size() && pattern[at] != '%' && pattern[at] != '_') at += pattern[at] == '\\' ? 2 : 1;
  return at < pattern.size() ? at : std::string_view::npos;
}

}  // namespace

std::optional<grant_line> parse_grant(std::string_view text) {
  reader in(text);
  grant_line line;
  if (in.skip("SET")) {
    if (!in.skip("DEFAULT") || !in.skip("ROLE")) return std::nullopt;
    return line;
  }
  bool revoke = in.skip("REVOKE");
  if (!revoke && !in.skip("GRANT")) return std::nullopt;
  if (in.skip("PROXY")) return in.at("ON") ? std::optional(line) : std::nullopt;
  std::vector<item> items;
  do {
    std::optional<item> one = take_item(in);
    if (!one) return std::nullopt;
    items.push_back(std::move(*one));
  } while (in.skip(','));
  const char* before_grantee = revoke ? "FROM" : "TO";
  if (in.skip("ON")) {
    line.is = revoke ? kind::revoked : kind::privileges;
    for (const item& each : items) {
      if (each.quoted) return std::nullopt;
      (each.columns ? line.column_privileges : line.privileges).push_back(upper(each.words));
    }
    if (!read_object(in, line)) return std::nullopt;
  } else {
    line.is = revoke ? kind::other : kind::roles;
    for (item& each : items) {
      if (each.columns) return std::nullopt;
      line.roles.push_back(std::move(each.words));
    }
  }
  if (!in.skip(before_grantee) || !read_grantee(in, line) || !read_rest(in, line)) return std::nullopt;
  return line;
}

bool grant_line::names(std::string_view privilege) const {
  return std::ranges::any_of(privileges, [&](const std::string& each) {
    return each == privilege || each == "ALL PRIVILEGES" || each == "ALL";
  });
}

bool schema_matches(std::string_view pattern, std::string_view name, bool literal) {
  // Where a % may take more, if what follows it does not fit.
  std::size_t p = 0, n = 0, retry_p = std::string_view::npos, retry_n = 0;
  while (n < name.size() || p < pattern.size()) {
    bool more = p < pattern.size();
    if (more && pattern[p] == '%' && !literal) {
      retry_p = ++p;
      retry_n = n;
      continue;
    }
    bool escaped = more && pattern[p] == '\\' && p + 1 < pattern.size();
    char wanted = more ? pattern[p + (escaped ? 1 : 0)] : '\0';
    bool any = more && !escaped && !literal && wanted == '_';
    if (more && n < name.size() && (any || wanted == name[n])) {
      p += escaped ? 2 : 1;
      ++n;
      continue;
    }
    if (retry_p == std::string_view::npos || retry_n >= name.size()) return false;
    p = retry_p;
    n = ++retry_n;
  }
  return true;
}

void grant_list::add(std::string_view line) {
  std::optional<grant_line> parsed = parse_grant(line);
  if (!parsed) {
    ++not_understood;
    return;
  }
  parsed->schema = folded(parsed->schema, fold_case);
  parsed->table = folded(parsed->table, fold_case);
  lines.push_back(std::move(*parsed));
}

bool grant_list::global(std::string_view privilege) const {
  return std::ranges::any_of(lines, [&](const grant_line& each) {
    return each.is == kind::privileges && each.on == scope::global && each.names(privilege);
  });
}

bool grant_list::on_schema(std::string_view schema, std::string_view privilege) const {
  std::string name = folded(schema, fold_case);
  bool revoked = std::ranges::any_of(lines, [&](const grant_line& each) {
    return each.is == kind::revoked && each.on == scope::schema && each.names(privilege) &&
           schema_matches(each.schema, name, true);
  });
  if (global(privilege) && !revoked) return true;
  for (const grant_line& each : lines)
    if (pattern_fits(each, name) && each.names(privilege) && counts(each, name, privilege) == answer::yes)
      return true;
  return false;
}

bool grant_list::unclear_on_schema(std::string_view schema, std::string_view privilege) const {
  std::string name = folded(schema, fold_case);
  return std::ranges::any_of(lines, [&](const grant_line& each) {
    return pattern_fits(each, name) && each.names(privilege) &&
           counts(each, name, privilege) == answer::unclear;
  });
}

bool grant_list::pattern_fits(const grant_line& line, std::string_view name) const {
  return line.is == kind::privileges && line.on == scope::schema &&
         schema_matches(line.schema, name, literal_schemas);
}

/// Of several patterns of one account that fit, the server takes one and no other: a name before a pattern,
/// and among patterns by rules that differ between versions.
grant_list::answer grant_list::counts(const grant_line& line, std::string_view name,
                                      std::string_view privilege) const {
  if (exact(line.schema)) return answer::yes;
  answer result = answer::yes;
  for (const grant_line& other : lines) {
    if (&other == &line || other.grantee != line.grantee || !pattern_fits(other, name)) continue;
    if (other.names(privilege)) continue;
    if (exact(other.schema)) return answer::no;
    result = answer::unclear;
  }
  return result;
}

bool grant_list::exact(std::string_view pattern) const {
  return literal_schemas || wild_at(pattern) == std::string_view::npos;
}

bool grant_list::on_table(std::string_view schema, std::string_view table, std::string_view privilege) const {
  if (on_schema(schema, privilege)) return true;
  std::string schema_name = folded(schema, fold_case), table_name = folded(table, fold_case);
  return std::ranges::any_of(lines, [&](const grant_line& each) {
    return each.is == kind::privileges && each.on == scope::table && each.table == table_name &&
           each.schema == schema_name && each.names(privilege);
  });
}

bool grant_list::anywhere(std::string_view privilege) const {
  return std::ranges::any_of(lines, [&](const grant_line& each) {
    return each.is == kind::privileges && each.on != scope::other &&
           (each.names(privilege) ||
            std::ranges::find(each.column_privileges, privilege) != each.column_privileges.end());
  });
}

bool grant_list::requires_tls() const {
  return std::ranges::any_of(lines, &grant_line::requires_tls);
}

std::vector<std::string> grant_list::roles() const {
  std::vector<std::string> all;
  for (const grant_line& each : lines) all.insert(all.end(), each.roles.begin(), each.roles.end());
  return all;
}

}  // namespace tidewire::binlog
