#include "pgoutput/transaction_buffer.hpp"

#include <csignal>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/failure.hpp"
#include "pgoutput/message.hpp"
#include "tests/core/temporary_folder.hpp"
#include "tests/pgoutput/codec_case.hpp"

using namespace tidewire;
using namespace tidewire::pgoutput;
using namespace tidewire::pgoutput::testing;
using tidewire::testing::temporary_folder;
using limits = transaction_buffer::limits;

namespace {

limits small(std::size_t memory_bytes) {
  limits bounds;
  bounds.memory_bytes = memory_bytes;
  return bounds;
}

/// An insert of one text value inside a streamed block.
bytes insert(std::uint32_t subxid, std::string_view text) {
  return encoded([&](encoder& out) {
    row_view row;
    row.xid = subxid;
    row.relation = 16385;
    value v{text.data(), static_cast<std::uint32_t>(text.size()), value_kind::text};
    encode_insert(out, row, std::span(&v, 1), true);
  });
}

std::string text_of(byte_view message) {
  value v;
  REQUIRE(message[0] == 'I');
  REQUIRE(decode_insert(message.subspan(1), true, std::span(&v, 1)).has_value());
  return std::string(v.bytes());
}

std::vector<std::string> texts(transaction_buffer& buffer, std::uint32_t xid) {
  std::vector<std::string> all;
  buffer.replay(xid, [&](std::span<const byte_view> batch) {
    for (byte_view each : batch) all.push_back(text_of(each));
  });
  return all;
}

/// The files of this process that have no name any more, in `folder`.
int open_files(const std::string& folder, mode_t* mode = nullptr) {
  int count = 0;
  for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    std::string target = std::filesystem::read_symlink(each.path(), gone);
    if (gone || !target.starts_with(folder + "/")) continue;
    CHECK(target.ends_with(" (deleted)"));
    struct stat info;
    if (mode && ::stat(each.path().c_str(), &info) == 0) *mode = info.st_mode & 07777;
    ++count;
  }
  return count;
}

using list = std::vector<std::string>;

}  // namespace

TEST_CASE("interleaved transactions come out whole and in their order, from memory") {
  temporary_folder folder;
  transaction_buffer buffer(folder.path());
  buffer.start(1);
  buffer.add(1, insert(1, "a"));
  buffer.start(0xfffffff0);
  buffer.add(0xfffffff0, insert(0xfffffff0, "x"));
  buffer.add(1, insert(1, "b"));
  buffer.add(0xfffffff0, insert(0xfffffff1, "y"));
  buffer.add(1, insert(1, ""));
  buffer.start(3);
  CHECK(buffer.open_transactions() == 3);
  CHECK(texts(buffer, 0xfffffff0) == list{"x", "y"});
  CHECK(texts(buffer, 1) == list{"a", "b", ""});
  CHECK(texts(buffer, 3).empty());
  CHECK(texts(buffer, 4).empty());
  CHECK(texts(buffer, 1).empty());
  CHECK(buffer.open_transactions() == 0);
  CHECK(buffer.memory_bytes() == 0);
  CHECK(buffer.spilled_bytes() == 0);
  CHECK(open_files(folder.path()) == 0);  // no file until one is needed
}

TEST_CASE("aborts drop what they name and nothing else") {
  temporary_folder folder;
  for (std::size_t memory : {std::size_t{0}, std::size_t{1} << 20}) {
    transaction_buffer buffer(folder.path(), small(memory));
    for (const char* round : {"1", "2"}) {
      for (std::uint32_t subxid : {10, 11, 12, 13, 14})
        buffer.add(10, insert(subxid, std::to_string(subxid) + "-" + round));
      buffer.add(20, insert(20, round));
      if (round[0] == '1') buffer.abort(10, 13);  // before further messages, also of its own
    }
    buffer.abort(10, 11);
    buffer.abort(10, 11);
    buffer.abort(10, 99);
    buffer.abort(99, 10);
    buffer.abort(99, 99);
    CHECK(texts(buffer, 10) == list{"10-1", "12-1", "14-1", "10-2", "12-2", "14-2"});
    buffer.abort(20, 20);
    CHECK(texts(buffer, 20).empty());
    buffer.add(10, insert(11, "a new transaction of that number"));
    CHECK(texts(buffer, 10).size() == 1);
    CHECK(buffer.memory_bytes() == 0);
    CHECK(buffer.spilled_bytes() == 0);
  }
}

TEST_CASE("relations and types of an aborted subtransaction go, an origin belongs to the transaction") {
  temporary_folder folder;
  transaction_buffer buffer(folder.path());
  relation_view table{0, 16385, "public", "t", replica_identity::primary_key, 0, {}};
  auto relation = [&](std::uint32_t xid) {
    table.xid = xid;
    return encoded([&](encoder& out) { encode_relation(out, table, {}, true); });
  };
  auto type = [&](std::uint32_t xid) {
    return encoded([&](encoder& out) { encode_type(out, {xid, 5, "public", "mood"}, true); });
  };
  // An origin has no xid: what stands in that place must not be taken for one.
  bytes origin = encoded([](encoder& out) { encode_origin(out, {{0x0000000b00000000}, "o"}); });
  buffer.add(10, origin);
  for (const bytes& each : {relation(11), type(11), insert(11, "aborted")}) buffer.add(10, each);
  buffer.abort(10, 11);
  for (const bytes& each : {relation(12), type(12), insert(12, "kept")}) buffer.add(10, each);
  std::vector<bytes> out;
  buffer.replay(10, [&](std::span<const byte_view> batch) {
    for (byte_view each : batch) out.push_back(copy_of(each));
  });
  CHECK(out == std::vector<bytes>{origin, relation(12), type(12), insert(12, "kept")});
}

TEST_CASE("beyond the limit one nameless private file takes what memory does not") {
  temporary_folder folder;
  transaction_buffer buffer(folder.path(), small(64 * 1024));
  std::map<std::uint32_t, list> expected;
  for (int i = 0; i < 3000; ++i) {
    std::uint32_t xid = 100 + static_cast<std::uint32_t>(i * 7 % 50);
    std::string text = std::to_string(i) + std::string(static_cast<std::size_t>(i % 300), '.');
    buffer.add(xid, insert(xid, text));
    expected[xid].push_back(text);
    CHECK(buffer.memory_bytes() <= 64 * 1024);
  }
  mode_t mode = 0;
  CHECK(open_files(folder.path(), &mode) == 1);
  CHECK(mode == 0600);
  CHECK(std::filesystem::is_empty(folder.path()));
  CHECK(buffer.spilled_bytes() > 200 * 1024);
  for (const auto& [xid, list] : expected) CHECK(texts(buffer, xid) == list);
  CHECK(buffer.memory_bytes() == 0);
  CHECK(buffer.spilled_bytes() == 0);
  buffer.add(1, insert(1, "again"));
  CHECK(texts(buffer, 1) == list{"again"});
}

TEST_CASE("random streams agree with a simple model") {
  temporary_folder folder;
  for (std::size_t memory : {std::size_t{0}, std::size_t{20'000}, std::size_t{600'000}}) {
    CAPTURE(memory);
    transaction_buffer buffer(folder.path(), small(memory));
    std::mt19937 random(7);
    struct kept {
      std::uint32_t subxid;
      std::string text;
    };
    std::map<std::uint32_t, std::vector<kept>> model;
    std::map<std::uint32_t, std::set<std::uint32_t>> aborted;
    auto finish = [&](std::uint32_t xid) {
      list expected;
      for (const kept& each : model[xid])
        if (!aborted[xid].contains(each.subxid)) expected.push_back(each.text);
      CHECK(texts(buffer, xid) == expected);
      model.erase(xid);
      aborted.erase(xid);
    };
    for (int i = 0; i < 4000; ++i) {
      std::uint32_t xid = 1000 * (1 + random() % 8);
      std::uint32_t subxid = xid + random() % 20;
      unsigned choice = random() % 200;
      if (choice == 0) {
        finish(xid);
      } else if (choice == 1) {
        buffer.abort(xid, xid);
        model.erase(xid);
        aborted.erase(xid);
      } else if (choice < 6) {
        if (subxid == xid || !model.contains(xid)) continue;
        buffer.abort(xid, subxid);
        aborted[xid].insert(subxid);
      } else {
        std::size_t size = choice == 6 ? random() % 900'000 : random() % 400;
        std::string text(size, static_cast<char>('a' + i % 26));
        buffer.add(xid, insert(subxid, text));
        model[xid].push_back({subxid, std::move(text)});
      }
    }
    while (!model.empty()) finish(model.begin()->first);
    CHECK(buffer.memory_bytes() == 0);
    CHECK(buffer.spilled_bytes() == 0);
  }
}

TEST_CASE("a message larger than a block, and one larger than the memory allowed") {
  temporary_folder folder;
  transaction_buffer buffer(folder.path(), small(1 << 20));
  list expected{"before", std::string(400'000, 'x'), "between", std::string(5'000'000, 'y'), "after"};
  for (const std::string& each : expected) {
    buffer.add(7, insert(7, each));
    CHECK(buffer.memory_bytes() <= 1 << 20);
  }
  CHECK(texts(buffer, 7) == expected);
  CHECK(buffer.spilled_bytes() == 0);
}

TEST_CASE("messages are followed by readable padding") {
  temporary_folder folder;
  for (std::size_t memory : {std::size_t{0}, std::size_t{1} << 20}) {
    transaction_buffer buffer(folder.path(), small(memory));
    for (std::size_t size : {std::size_t{4096 - 32}, std::size_t{300'000}})
      buffer.add(7, insert(7, std::string(size, 'x')));
    unsigned sum = 0;
    buffer.replay(7, [&](std::span<const byte_view> batch) {
      for (byte_view each : batch) {
        std::uint8_t copy[transaction_replay::padding_bytes];
        std::memcpy(copy, each.data() + each.size(), sizeof copy);  // for the address sanitizer to judge
        sum += static_cast<unsigned>(each.size());
      }
    });
    CHECK(sum > 300'000);
  }
}

TEST_CASE("a replay that is given up leaves nothing behind; one buffer goes on meanwhile") {
  temporary_folder folder;
  transaction_buffer buffer(folder.path(), small(300'000));
  auto fill = [&](std::uint32_t xid) {
    for (int i = 0; i < 1000; ++i) buffer.add(xid, insert(xid, std::string(1000, 'x')));
  };
  fill(1);
  {
    transaction_replay replay = buffer.replay(1);
    CHECK(!replay.next_batch().empty());
    fill(2);
    transaction_replay moved = std::move(replay);
    CHECK(!moved.next_batch().empty());
    CHECK(buffer.open_transactions() == 1);
  }
  CHECK(texts(buffer, 2).size() == 1000);
  CHECK(buffer.memory_bytes() == 0);
  CHECK(buffer.spilled_bytes() == 0);
  fill(3);
  fill(4);
  buffer.clear();
  CHECK(buffer.open_transactions() == 0);
  CHECK(buffer.memory_bytes() == 0);
  CHECK(buffer.spilled_bytes() == 0);
  CHECK(texts(buffer, 3).empty());
}

TEST_CASE("the file's room is used again") {
  temporary_folder folder;
  transaction_buffer buffer(folder.path(), small(100'000));
  buffer.add(1, insert(1, std::string(200'000, 'x')));  // stays to the end: the file never becomes empty
  std::uint64_t largest = 0;
  for (std::uint32_t xid = 2; xid < 60; ++xid) {
    for (int i = 0; i < 1000; ++i) buffer.add(xid, insert(xid, std::string(1000, 'x')));
    largest = std::max(largest, buffer.spilled_bytes());
    CHECK(texts(buffer, xid).size() == 1000);
  }
  CHECK(largest < 3'000'000);
  CHECK(buffer.spilled_bytes() > 0);
  CHECK(texts(buffer, 1).size() == 1);
  CHECK(buffer.spilled_bytes() == 0);
}

TEST_CASE("limits") {
  temporary_folder folder;
  auto fails = [](failure_kind kind, std::string_view code, auto action) {
    try {
      action();
      FAIL("no failure");
    } catch (const failure& f) {
      CHECK(f.kind == kind);
      CHECK(f.code == code);
      CHECK(!f.hint.empty());
    }
  };
  limits bounds;
  bounds.memory_bytes = 10'000;
  bounds.spill_bytes = 1'000'000;
  bounds.transactions = 2;
  bounds.aborted_bytes = 8000;
  transaction_buffer buffer(folder.path(), bounds);
  buffer.start(1);
  buffer.start(2);
  fails(failure_kind::refused, "TW-PG-OPEN-TRANSACTIONS", [&] { buffer.start(3); });
  buffer.abort(1, 1);
  buffer.start(3);
  fails(failure_kind::refused, "TW-SPILL-LIMIT", [&] {
    for (int i = 0; i < 2000; ++i) buffer.add(2, insert(2, std::string(1000, 'x')));
  });
  CHECK(buffer.spilled_bytes() <= 1'000'000);
  buffer.clear();
  CHECK(buffer.spilled_bytes() == 0);
  // Neighbouring ids cost nothing more, in whichever order they come.
  for (std::uint32_t subxid = 100; subxid < 200'000; subxid += 3)
    for (std::uint32_t offset : {1u, 2u, 0u}) buffer.abort(2, subxid + offset);
  buffer.start(4);
  for (std::uint32_t subxid = 100; subxid < 200'000; ++subxid) buffer.abort(4, subxid);
  for (std::uint32_t subxid = 200'000; subxid > 1; --subxid) buffer.abort(4, subxid);
  buffer.clear();
  buffer.start(5);
  fails(failure_kind::refused, "TW-SPILL-LIMIT", [&] {
    for (std::uint32_t subxid = 0; subxid < 200'000; ++subxid) buffer.abort(5, subxid * 2);
  });
}

TEST_CASE("a folder that cannot be used, and a full disk") {
  transaction_buffer nowhere("/nonexistent/tidewire", small(0));
  CHECK_THROWS_AS(nowhere.add(1, insert(1, "x")), failure);

  temporary_folder folder;
  transaction_buffer buffer(folder.path(), small(0));
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &before) == 0);
  auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit full = before;
  full.rlim_cur = 100'000;
  REQUIRE(::setrlimit(RLIMIT_FSIZE, &full) == 0);
  std::string code, hint, text;
  failure_kind kind = failure_kind::usage;
  try {
    for (int i = 0; i < 1000; ++i) buffer.add(1, insert(1, std::string(1000, 'x')));
  } catch (const failure& f) {
    code = f.code;
    kind = f.kind;
    hint = f.hint;
    text = f.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(code == "TW-SPILL");
  CHECK(kind == failure_kind::transient);
  CHECK(hint.starts_with("make room"));
  CHECK(text.find(folder.path()) != text.npos);
  // Once there is room again, the next connection begins anew.
  buffer.clear();
  CHECK(buffer.spilled_bytes() == 0);
  buffer.add(1, insert(1, "x"));
  CHECK(texts(buffer, 1) == list{"x"});
}

TEST_CASE("many transactions at once share the memory and the file") {
  temporary_folder folder;
  limits bounds;
  bounds.memory_bytes = 1 << 20;
  transaction_buffer buffer(folder.path(), bounds);
  for (int round = 0; round < 3; ++round) {
    for (std::uint32_t xid = 1; xid <= 2000; ++xid)
      buffer.add(xid, insert(xid, std::string(200, static_cast<char>('a' + round))));
    CHECK(buffer.memory_bytes() <= bounds.memory_bytes);
  }
  CHECK(open_files(folder.path()) == 1);
  for (std::uint32_t xid = 1; xid <= 2000; ++xid) {
    list all = texts(buffer, xid);
    bool right = all.size() == 3 && all[0][0] == 'a' && all[1][0] == 'b' && all[2][0] == 'c';
    if (!right) CHECK(xid == 0);
  }
  CHECK(buffer.spilled_bytes() == 0);
}
