#include "core/secret.hpp"

#include <catch2/catch_test_macros.hpp>
#include <fmt/format.h>
#include <fmt/ostream.h>
#include <sstream>
#include <type_traits>

using tidewire::secret;

namespace {

template <class T>
concept streams = requires(std::ostream& out, const T& value) { out << value; };

}  // namespace

static_assert(streams<std::string>);
static_assert(!streams<secret>);
static_assert(!fmt::is_formattable<secret>::value);
static_assert(!std::is_convertible_v<secret, std::string>);
static_assert(!std::is_convertible_v<secret, std::string_view>);
static_assert(!std::is_convertible_v<std::string_view, secret>);

TEST_CASE("A secret is copied and moved like any text", "[secret]") {
  secret a{"hunter2"}, b = a, c = std::move(a);
  CHECK(a.empty());
  CHECK(b == c);
  CHECK(c.reveal() == "hunter2");
  b = secret{"other"};
  CHECK(!(b == c));
  c = std::move(b);
  CHECK(c.reveal() == "other");
  c = static_cast<const secret&>(c);
  CHECK(c.reveal() == "other");
  CHECK(secret{} == secret{""});
  CHECK(secret{}.empty());
}

TEST_CASE("Taking a text wipes it", "[secret]") {
  for (std::string text : {std::string("short"), std::string(100, 'x')}) {
    std::string copy = text;
    const char* at = copy.data();
    secret taken = secret::take(std::move(copy));
    CHECK(taken.reveal() == text);
    CHECK(copy.empty());
    // The buffer still belongs to `copy`, which is alive.
    copy.resize(1);
    CHECK(copy.data() == at);
    CHECK(std::string(at + 1, 3) == std::string(3, '\0'));
  }
}
