// How fast captures are decoded, on one thread:
//
//   decode [--mode walk|decode|ndjson]… [--repeat N] [--head MB] [--json] FILE…
//   decode --callgrind [--mode M] FILE          one pass and nothing else
//
// Before anything is timed, all passes over a file must have seen the same values. Figures are medians, per
// second of CPU time: on a shared machine wall time tells of the neighbours. --head: only the records of the
// first megabytes, which fit into the processor's cache, as what comes from a socket does.

#include <algorithm>
#include <cinttypes>
#include <string>

#include "bench/decode/decode_pass.hpp"
#include "bench/decode/ndjson_pass.hpp"
#include "bench/decode/walk.hpp"
#include "bench/measuring.hpp"

namespace tidewire::bench {
namespace {

struct mode {
  const char* name;
  tally (*pass)(byte_view);
};

constexpr mode modes[] = {{"walk", walk_pass}, {"decode", decode_pass}, {"ndjson", ndjson_pass}};

struct arguments {
  std::vector<mode> chosen;
  std::vector<std::string> files;
  int repeat = 5;
  std::size_t head_bytes = SIZE_MAX;
  bool json = false;
  bool callgrind = false;
};

/// The whole records among the first bytes.
byte_view head_of(byte_view file, std::size_t bytes) {
  if (file.size() <= bytes) return file;
  pgoutput::capture_reader reader(file.first(bytes));
  while (*reader.next()) continue;
  return file.first(bytes - reader.unread_bytes());
}

struct figures {
  tally seen;
  std::vector<double> seconds;     // by repetition
  std::vector<double> times_walk;  // by repetition: how many times as long as the walk
};

void print(const std::string& file, byte_view bytes, const mode& of, const figures& got, bool json) {
  std::string name = file.substr(file.rfind('/') + 1);
  auto size = static_cast<double>(bytes.size());
  double seconds = median(got.seconds), slower = median(got.times_walk);
  double input = size / seconds / 1e9, rows = static_cast<double>(got.seen.rows) / seconds / 1e6;
  double output = static_cast<double>(got.seen.output_bytes) / seconds / 1e9;
  if (json)
    std::printf(R"({"file":"%s","mode":"%s","bytes":%zu,"messages":%)" PRIu64 R"(,"rows":%)" PRIu64
                R"(,"values":%)" PRIu64 R"(,"seconds":%.6f,"gb_s":%.4f,"mrows_s":%.4f,"out_gb_s":%.4f,)"
                R"("times_walk":%.3f})"
                "\n",
                name.c_str(), of.name, bytes.size(), got.seen.messages, got.seen.rows, got.seen.values,
                seconds, input, rows, output, slower);
  else
    std::printf("%-16s %-8s %8.1f MB %9" PRIu64 " messages %9" PRIu64
                " rows  %7.3f GB/s %8.2f Mrows/s %6.2f x walk\n",
                name.c_str(), of.name, size / 1e6, got.seen.messages, got.seen.rows, input, rows, slower);
  std::fflush(stdout);
}

void measure(const arguments& chosen, const std::string& file) {
  memory whole = load_file(file.c_str());
  byte_view bytes = head_of(whole.view(), chosen.head_bytes);
  // The decoder is the first to see the file, and the only one that checks it.
  tally expected = decode_pass(bytes);
  if (!walk_pass(bytes).same_input(expected)) die("walk and decode saw different values in", file.c_str());
  std::vector<std::pair<mode, figures>> all;
  for (const mode& each : chosen.chosen) {
    tally seen = each.pass(bytes);
    if (seen.messages == 0) continue;
    if (seen.rows != expected.rows) die("not all rows were seen in", file.c_str());
    all.push_back({each, {seen, {}, {}}});
  }
  // Taking turns, so that a ratio compares what ran at the same time.
  for (int i = 0; i < chosen.repeat; ++i) {
    double walked = seconds_of(modes[0].pass, bytes);
    for (auto& [mode, got] : all) {
      got.seconds.push_back(mode.pass == walk_pass ? walked : seconds_of(mode.pass, bytes));
      got.times_walk.push_back(got.seconds.back() / walked);
    }
  }
  for (const auto& [mode, got] : all) print(file, bytes, mode, got, chosen.json);
}

void one_pass(const arguments& chosen) {
  memory bytes = load_file(chosen.files[0].c_str());
  tally seen = chosen.chosen[0].pass(bytes.view());
  std::printf("%" PRIu64 " messages %" PRIu64 " rows %" PRIu64 " values\n", seen.messages, seen.rows,
              seen.values);
}

const mode& find_mode(const char* name) {
  for (const mode& each : modes)
    if (std::string_view(each.name) == name) return each;
  die("no such mode", name);
}

arguments parse(int count, char** words) {
  arguments chosen;
  auto next = [&](int& i) { return value_of_option(count, words, i); };
  for (int i = 1; i < count; ++i) {
    std::string_view word = words[i];
    if (word == "--mode")
      chosen.chosen.push_back(find_mode(next(i)));
    else if (word == "--repeat")
      chosen.repeat = std::max(1, std::atoi(next(i)));
    else if (word == "--head")
      chosen.head_bytes = static_cast<std::size_t>(std::max(1, std::atoi(next(i)))) * 1'000'000;
    else if (word == "--json")
      chosen.json = true;
    else if (word == "--callgrind")
      chosen.callgrind = true;
    else if (word.starts_with("-"))
      die("no such option", words[i]);
    else
      chosen.files.emplace_back(word);
  }
  if (chosen.files.empty())
    die("usage", "decode [--mode M]… [--repeat N] [--head MB] [--json] [--callgrind] FILE…");
  if (chosen.chosen.empty() && chosen.callgrind) chosen.chosen = {find_mode("decode")};
  if (chosen.chosen.empty()) chosen.chosen.assign(std::begin(modes), std::end(modes));
  return chosen;
}

}  // namespace
}  // namespace tidewire::bench

int main(int count, char** words) {
  using namespace tidewire::bench;
  arguments chosen = parse(count, words);
  if (chosen.callgrind) {
    one_pass(chosen);
    return 0;
  }
  for (const std::string& file : chosen.files) measure(chosen, file);
  return 0;
}
