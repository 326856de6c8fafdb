#include "mongo_wire/type_wrapper.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <limits>
#include <string>

#include "core/base64.hpp"
#include "core/encoder.hpp"
#include "core/json.hpp"
#include "mongo_wire/decimal128.hpp"

namespace tidewire::mongo_wire {
namespace {

constexpr std::size_t most_fields = 2;

struct wrapper {
  element_view fields[most_fields];
  wrapped_fields wrapped;
  std::vector<std::uint8_t>& value;
};

/// Appends the value; false for one that is not of the form the wrapper wants.
using unwrapper = bool (*)(const wrapper& of);

template <class T>
bool put(const wrapper& of, T number) {
  encoder(of.value).le(number);
  return true;
}

bool is_plain(const wrapper& of) {
  return of.wrapped.direct == 0;
}

/// Digits of the base, all of them, without a sign that the type does not have.
template <std::integral T>
std::optional<T> parse_whole(std::string_view text, int base = 10) {
  T number = 0;
  auto parsed = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return {};
  return number;
}

bool put_text(const wrapper& of, std::string_view text) {
  encoder to(of.value);
  to.le(static_cast<std::uint32_t>(text.size() + 1));
  to.text(text);
  to.u8(0);
  return true;
}

template <std::integral T>
bool whole_number(const wrapper& of) {
  auto text = of.fields[0].as_string();
  auto number = text ? parse_whole<T>(*text) : std::nullopt;
  return number && put(of, *number);
}

bool number_double(const wrapper& of) {
  auto text = of.fields[0].as_string();
  if (!text) return false;
  constexpr double infinity = std::numeric_limits<double>::infinity();
  std::optional<double> number;
  if (*text == "Infinity")
    number = infinity;
  else if (*text == "-Infinity")
    number = -infinity;
  else if (*text == "NaN")
    number = std::numeric_limits<double>::quiet_NaN();
  else if (json::is_number(*text))
    number = parse_finite(*text);
  return number && put(of, std::bit_cast<std::uint64_t>(*number));
}

bool number_decimal(const wrapper& of) {
  auto text = of.fields[0].as_string();
  if (!text) return false;
  auto number = parse_decimal128(*text);
  return number && put(of, number->low) && put(of, number->high);
}

bool parse_hex(std::string_view digits, std::vector<std::uint8_t>& out) {
  if (digits.size() % 2 != 0) return false;
  for (; !digits.empty(); digits.remove_prefix(2)) {
    auto byte = parse_whole<std::uint8_t>(digits.substr(0, 2), 16);
    if (!byte) return false;
    out.push_back(*byte);
  }
  return true;
}

bool oid(const wrapper& of) {
  auto text = of.fields[0].as_string();
  return text && text->size() == 2 * object_id_bytes && parse_hex(*text, of.value);
}

bool symbol(const wrapper& of) {
  auto text = of.fields[0].as_string();
  return text && put_text(of, *text);
}

bool code_w_scope(const wrapper& of) {
  auto text = of.fields[0].as_string();
  auto scope = of.fields[1].as_document();
  if (!text || !scope) return false;
  put(of, static_cast<std::uint32_t>(4 + 4 + text->size() + 1 + scope->size));
  put_text(of, *text);
  encoder(of.value).bytes(scope->bytes());
  return true;
}

/// The two fields of an object inside, by their names; false unless it has exactly them.
bool split(const element_view& object, std::string_view first, std::string_view second,
           element_view (&parts)[2]) {
  auto document = object.as_document();
  if (!document) return false;
  bson_reader reader(*document);
  for (element_view each; reader.next(each);) {
    element_view& part = parts[each.name == second];
    if ((each.name != first && each.name != second) || part) return false;
    part = each;
  }
  return parts[0] && parts[1];
}

bool timestamp(const wrapper& of) {
  element_view parts[2];
  if (of.wrapped.inside || !split(of.fields[0], "t", "i", parts)) return false;
  std::uint32_t both[2];
  for (int i = 0; i < 2; ++i) {
    if (parts[i].type == bson_type::float64) return false;
    auto number = parts[i].as_integer();
    if (!number || *number != static_cast<std::uint32_t>(*number)) return false;
    both[i] = static_cast<std::uint32_t>(*number);
  }
  return put(of, both[1]) && put(of, both[0]);
}

bool has_zero(std::string_view text) {
  return text.find('\0') != text.npos;
}

bool regular_expression(const wrapper& of) {
  element_view parts[2];
  if (!split(of.fields[0], "pattern", "options", parts)) return false;
  auto pattern = parts[0].as_string(), options = parts[1].as_string();
  if (!pattern || !options || has_zero(*pattern) || has_zero(*options)) return false;
  std::string sorted(*options);
  if (std::ranges::all_of(sorted, [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
    std::ranges::sort(sorted);
  encoder to(of.value);
  to.cstring(*pattern, "regex pattern");
  to.cstring(sorted, "regex options");
  return true;
}

bool db_pointer(const wrapper& of) {
  element_view parts[2];
  if (!split(of.fields[0], "$ref", "$id", parts)) return false;
  auto ns = parts[0].as_string();
  auto id = parts[1].as_object_id();
  if (!ns || !id) return false;
  put_text(of, *ns);
  encoder(of.value).bytes(*id);
  return true;
}

bool put_binary(const wrapper& of, std::uint8_t subtype, byte_view data) {
  encoder to(of.value);
  auto size = static_cast<std::uint32_t>(data.size());
  to.le(subtype == binary_old ? size + 4 : size);
  to.u8(subtype);
  if (subtype == binary_old) to.le(size);
  to.bytes(data);
  return true;
}

bool binary(const wrapper& of) {
  element_view parts[2];
  if (!split(of.fields[0], "base64", "subType", parts)) return false;
  auto text = parts[0].as_string(), type = parts[1].as_string();
  if (!text || !type || type->empty() || type->size() > 2) return false;
  auto subtype = parse_whole<std::uint8_t>(*type, 16);
  auto data = decode_base64(*text);
  return subtype && data && put_binary(of, *subtype, *data);
}

bool uuid(const wrapper& of) {
  auto text = of.fields[0].as_string();
  if (!text || text->size() != 36) return false;
  std::string digits;
  for (std::size_t i = 0; i < text->size(); ++i) {
    bool hyphen = i == 8 || i == 13 || i == 18 || i == 23;
    if (hyphen != ((*text)[i] == '-')) return false;
    if (!hyphen) digits += (*text)[i];
  }
  std::vector<std::uint8_t> data;
  return parse_hex(digits, data) && put_binary(of, binary_uuid, data);
}

bool date(const wrapper& of) {
  if (auto text = of.fields[0].as_string()) {
    auto ms = parse_date(*text);
    return ms && put(of, *ms);
  }
  auto ms = of.fields[0].as_int64();
  return ms && !is_plain(of) && put(of, *ms);
}

bool key_of_order(const wrapper& of) {
  return is_plain(of) && of.fields[0].as_int32() == 1;
}

bool undefined(const wrapper& of) {
  return of.fields[0].as_bool() == true;
}

struct form {
  const char* key;
  const char* second;  // null: one key only
  bson_type type;
  unwrapper unwrap;
};

constexpr form forms[] = {
    {"$oid", nullptr, bson_type::object_id, oid},
    {"$symbol", nullptr, bson_type::symbol, symbol},
    {"$numberInt", nullptr, bson_type::int32, whole_number<std::int32_t>},
    {"$numberLong", nullptr, bson_type::int64, whole_number<std::int64_t>},
    {"$numberDouble", nullptr, bson_type::float64, number_double},
    {"$numberDecimal", nullptr, bson_type::decimal128, number_decimal},
    {"$binary", nullptr, bson_type::binary, binary},
    {"$uuid", nullptr, bson_type::binary, uuid},
    {"$code", "$scope", bson_type::code_w_scope, code_w_scope},
    {"$code", nullptr, bson_type::code, symbol},
    {"$timestamp", nullptr, bson_type::timestamp, timestamp},
    {"$regularExpression", nullptr, bson_type::regex, regular_expression},
    {"$dbPointer", nullptr, bson_type::db_pointer, db_pointer},
    {"$date", nullptr, bson_type::date_time, date},
    {"$minKey", nullptr, bson_type::min_key, key_of_order},
    {"$maxKey", nullptr, bson_type::max_key, key_of_order},
    {"$undefined", nullptr, bson_type::undefined, undefined},
};

/// Puts the object's fields in the form's order. False unless they are exactly the form's.
bool matches(const form& wanted, byte_view object, element_view (&fields)[most_fields]) {
  bson_reader reader({object.data(), static_cast<std::uint32_t>(object.size()), 0,
                      static_cast<std::uint32_t>(object.size())});
  std::fill(std::begin(fields), std::end(fields), element_view{});
  for (element_view each; reader.next(each);) {
    bool second = wanted.second && each.name == wanted.second;
    if ((!second && each.name != wanted.key) || fields[second]) return false;
    fields[second] = each;
  }
  return fields[0] && static_cast<bool>(fields[1]) == (wanted.second != nullptr);
}

/// The key for an error's field: the first that only wrappers have.
const char* key_of(byte_view object) {
  bson_reader reader({object.data(), static_cast<std::uint32_t>(object.size()), 0,
                      static_cast<std::uint32_t>(object.size())});
  for (element_view each; reader.next(each);)
    for (const form& known : forms) {
      if (each.name == known.key) return known.key;
      if (known.second && each.name == known.second) return known.second;
    }
  return "type wrapper";
}

/// Days from 1970 of a date, years beginning in March.
std::int64_t days_of(std::int64_t year, std::int64_t month, std::int64_t day) {
  year -= month <= 2;
  std::int64_t era = year / 400, of_era = year % 400;
  std::int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
  return era * 146'097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719'468;
}

}  // namespace

bool is_wrapper_key(std::string_view key) {
  if (!key.starts_with('$')) return false;
  return std::ranges::any_of(
      forms, [&](const form& each) { return key == each.key || (each.second && key == each.second); });
}

decoded<bson_type> unwrap_type(byte_view object, wrapped_fields wrapped, std::vector<std::uint8_t>& value) {
  wrapper of{{}, wrapped, value};
  for (const form& each : forms) {
    if (!matches(each, object, of.fields)) continue;
    if (each.unwrap(of)) return each.type;
    return std::unexpected(decode_error{decode_errc::bad_value, 0, each.key});
  }
  return std::unexpected(decode_error{decode_errc::bad_value, 0, key_of(object)});
}

std::optional<double> parse_finite(std::string_view number) {
#if defined(__cpp_lib_to_chars)
  double value = 0;
  auto parsed = std::from_chars(number.data(), number.data() + number.size(), value);
  if (parsed.ec != std::errc{}) return {};
  return value;
#else
  errno = 0;
  double value = std::strtod(std::string(number).c_str(), nullptr);
  if (errno == ERANGE && (value == 0 || std::isinf(value))) return {};
  return value;
#endif
}

std::optional<std::int64_t> parse_date(std::string_view text) {
  // 2026-11-24T10:00:00[.1[2[3]]](Z|±hh:mm)
  std::size_t at = 0;
  bool good = true;
  auto digits = [&](std::size_t count) -> std::int64_t {
    std::int64_t number = 0;
    for (std::size_t i = 0; i < count && good; ++i, ++at) {
      good = at < text.size() && text[at] >= '0' && text[at] <= '9';
      if (good) number = number * 10 + (text[at] - '0');
    }
    return number;
  };
  auto take = [&](char c) { return at < text.size() && text[at] == c && (++at, true); };
  auto must = [&](bool condition) { good = good && condition; };
  std::int64_t year = digits(4);
  must(take('-'));
  std::int64_t month = digits(2);
  must(take('-'));
  std::int64_t day = digits(2);
  must(take('T'));
  std::int64_t hour = digits(2);
  must(take(':'));
  std::int64_t minute = digits(2);
  must(take(':'));
  std::int64_t second = digits(2);
  std::int64_t ms = 0;
  if (good && take('.')) {
    std::int64_t worth = 100;
    std::size_t begin = at;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, worth /= 10)
      ms += worth * (text[at] - '0');
    must(at > begin && at <= begin + 3);
  }
  std::int64_t behind = 0;  // of UTC, in minutes
  if (good && !take('Z')) {
    bool east = take('+');
    must(east || take('-'));
    std::int64_t hours = digits(2);
    must(take(':'));
    std::int64_t minutes = digits(2);
    must(hours <= 23 && minutes <= 59);
    behind = (hours * 60 + minutes) * (east ? -1 : 1);
  }
  constexpr std::int64_t days_in[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  must(at == text.size() && month >= 1 && month <= 12 && day >= 1);
  must(hour <= 23 && minute <= 59 && second <= 59);
  if (!good) return {};
  bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
  if (day > days_in[month - 1] + (month == 2 && leap)) return {};
  // A year 0 that begins in March lies before the era that the division starts with.
  if (year == 0) return {};
  return ((days_of(year, month, day) * 24 + hour) * 60 + minute + behind) * 60'000 + second * 1000 + ms;
}

}  // namespace tidewire::mongo_wire
