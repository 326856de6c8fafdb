#include "pgoutput/position.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace tidewire;
using pgoutput::parse_position;
using pgoutput::position;

TEST_CASE("A position prints and parses back", "[position]") {
  for (position each : {position{wire::lsn{0x16B3790}, 1}, position{wire::lsn{~0ull}, ~0u}, position{}})
    CHECK(parse_position(to_string(each)) == each);
  CHECK(to_string(position{wire::lsn{0x1016B3790}, 3}) == "1/16B3790@3");
}

TEST_CASE("What is no position", "[position]") {
  std::string whole = "0/16B3790@12";
  for (std::size_t size = 0; size + 2 < whole.size(); ++size) CHECK(!parse_position(whole.substr(0, size)));
  for (const char* each : {"0/16B3790", "0/16B3790@", "0/16B3790@x", "0/16B3790@1 ", "0/16B3790@-1", "@1",
                           "/@1", "0/123456789@1", "0/16B3790@4294967296", "0/16B3790@1@2"})
    CHECK(!parse_position(each));
}
