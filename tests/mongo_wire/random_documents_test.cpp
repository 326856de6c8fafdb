// 3,000 random documents of all types, and what two independent decoders made of them.
#include "mongo_wire/bson_walk.hpp"
#include "tests/mongo_wire/bson_case.hpp"
#include "tests/mongo_wire/rewrite.hpp"
#include "tests/mongo_wire/vectors.hpp"

using namespace tidewire;
using namespace tidewire::mongo_wire;
using namespace tidewire::mongo_wire::testing;

namespace {

std::vector<byte_view> split(const bytes& file) {
  std::vector<byte_view> documents;
  for (byte_view left = file; !left.empty();) {
    REQUIRE(left.size() >= 5);
    auto size = load_le<std::uint32_t>(left.data());
    REQUIRE(size <= left.size());
    documents.push_back(left.first(size));
    left = left.subspan(size);
  }
  return documents;
}

/// What the Go texts are known to get wrong: a quote in $dbPointer is not escaped, and an empty binary of
/// subtype 2 has a base64 text all the same.
class go_fault_finder {
 public:
  bool value(const element_view& e, bson_type) {
    if (auto pointer = e.as_db_pointer())
      found |= pointer->ns.find_first_of("\"\\") != pointer->ns.npos ||
               std::ranges::any_of(pointer->ns, [](unsigned char c) { return c < 0x20; });
    if (auto binary = e.as_binary()) found |= binary->subtype == binary_old && binary->data.empty();
    return true;
  }
  bool open(const element_view&, bson_type) { return true; }
  bool close(bson_type) { return true; }
  decode_error error() const { return {}; }

  bool found = false;
};

bool go_is_wrong(byte_view document) {
  go_fault_finder finder;
  REQUIRE(walk_bson(*decode_document(document), finder).has_value());
  return finder.found;
}

struct text_file {
  const char* name;
  extended_form form;
  bool go;
};

constexpr text_file text_files[] = {
    {"random-a.canonical.go.jsonl", extended_form::canonical, true},
    {"random-a.canonical.libbson.jsonl", extended_form::canonical, false},
    {"random-a.relaxed.go.jsonl", extended_form::relaxed, true},
    {"random-a.relaxed.libbson.jsonl", extended_form::relaxed, false},
};

}  // namespace

TEST_CASE("random documents: what two other decoders write", "[bson]") {
  fs::path folder = vectors("random");
  bytes file = read_bytes(folder / "random-a.bson");
  std::vector<byte_view> documents = split(file);
  REQUIRE(documents.size() == 3000);
  for (const text_file& texts : text_files) {
    CAPTURE(texts.name);
    std::vector<std::string> lines = read_lines(folder / texts.name);
    REQUIRE(lines.size() == documents.size());
    std::size_t left_out = 0;
    for (std::size_t i = 0; i < documents.size(); ++i) {
      if (texts.go && go_is_wrong(documents[i])) {
        ++left_out;
        continue;
      }
      std::string expected = spelled(lines[i], true);
      std::string ours = spelled(text_of(documents[i], texts.form), true);
      CAPTURE(i, lines[i]);
      REQUIRE(!expected.empty());
      REQUIRE(ours == expected);
    }
    CHECK(left_out < 100);
  }
}

TEST_CASE("random documents: written and read back", "[bson]") {
  bytes file = read_bytes(vectors("random") / "random-a.bson");
  std::size_t same = 0;
  for (byte_view document : split(file)) {
    bytes exact = copy_of(document);
    auto valid = validate_document(exact);
    REQUIRE(valid.has_value());
    REQUIRE(rewrite(*valid) == exact);
    std::string text = canonical(exact);
    bytes back = bson_of(text);
    same += back == exact;
    REQUIRE(canonical(back) == text);  // where it is not the same, the text could not tell: a NaN's payload
    REQUIRE(relaxed(bson_of(relaxed(exact))) == relaxed(exact));
  }
  CHECK(same > 2950);
}
