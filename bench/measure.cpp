#include "bench/measure.hpp"

#include <algorithm>
#include <cinttypes>
#include <string_view>
#include <vector>

#include "bench/memory_and_time.hpp"

namespace tidewire::bench {
namespace {

struct arguments {
  std::vector<mode> chosen;
  std::vector<std::string> files;
  int repeat = 5;
  std::size_t head_bytes = SIZE_MAX;
  bool json = false;
  bool callgrind = false;
};

struct figures {
  tally seen;
  std::vector<double> seconds;     // by repetition
  std::vector<double> times_walk;  // by repetition: how many times as long as the walk
};

double per_second(std::uint64_t count, double seconds) {
  return static_cast<double>(count) / seconds;
}

void print(const std::string& file, byte_view bytes, const mode& of, const figures& got, bool json) {
  std::string name = file.substr(file.rfind('/') + 1);
  const tally& seen = got.seen;
  double seconds = median(got.seconds), slower = median(got.times_walk);
  double input = per_second(bytes.size(), seconds) / 1e9, rows = per_second(seen.rows, seconds) / 1e6;
  double images = per_second(seen.images, seconds) / 1e6,
         output = per_second(seen.output_bytes, seconds) / 1e9;
  if (json)
    std::printf(R"({"file":"%s","mode":"%s","bytes":%zu,"messages":%)" PRIu64 R"(,"rows":%)" PRIu64
                R"(,"images":%)" PRIu64 R"(,"values":%)" PRIu64
                R"(,"seconds":%.6f,"gb_s":%.4f,"mrows_s":%.4f,"mimages_s":%.4f,"out_gb_s":%.4f,)"
                R"("times_walk":%.3f})"
                "\n",
                name.c_str(), of.name, bytes.size(), seen.messages, seen.rows, seen.images, seen.values,
                seconds, input, rows, images, output, slower);
  else
    std::printf("%-16s %-8s %8.1f MB %9" PRIu64 " messages %9" PRIu64
                " rows  %7.3f GB/s %8.2f %s %6.2f x walk\n",
                name.c_str(), of.name, static_cast<double>(bytes.size()) / 1e6, seen.messages, seen.rows,
                input, seen.images ? images : rows, seen.images ? "Mimages/s" : "Mrows/s", slower);
  std::fflush(stdout);
}

void measure(const program& of, const arguments& chosen, const std::string& file) {
  memory loaded = load_file(file.c_str());
  byte_view whole = loaded.view();
  byte_view bytes = whole.size() <= chosen.head_bytes ? whole : of.head_of(whole, chosen.head_bytes);
  const mode &walk = of.modes[0], &decode = of.modes[1];
  // The decoder is the first to see the file, and the only one that checks it.
  tally expected = decode.pass(bytes);
  if (!walk.pass(bytes).same_input(expected)) die("walk and decode saw different values in", file.c_str());
  std::vector<std::pair<mode, figures>> all;
  for (const mode& each : chosen.chosen) {
    tally seen = each.pass(bytes);
    if (seen.messages == 0) continue;
    if (seen.rows != expected.rows) die("not all rows were seen in", file.c_str());
    seen.images = expected.images;
    all.push_back({each, {seen, {}, {}}});
  }
  // Taking turns, so that a ratio compares what ran at the same time.
  for (int i = 0; i < chosen.repeat; ++i) {
    double walked = seconds_of(walk.pass, bytes);
    for (auto& [mode, got] : all) {
      got.seconds.push_back(mode.pass == walk.pass ? walked : seconds_of(mode.pass, bytes));
      got.times_walk.push_back(got.seconds.back() / walked);
    }
  }
  for (const auto& [mode, got] : all) print(file, bytes, mode, got, chosen.json);
}

void one_pass(const arguments& chosen) {
  memory loaded = load_file(chosen.files[0].c_str());
  byte_view bytes = loaded.view();
  tally seen = chosen.chosen[0].pass(bytes);
  std::printf("%" PRIu64 " messages %" PRIu64 " rows %" PRIu64 " values\n", seen.messages, seen.rows,
              seen.values);
}

const mode& find_mode(const program& of, const char* name) {
  for (const mode& each : of.modes)
    if (std::string_view(each.name) == name) return each;
  die("no such mode", name);
}

arguments parse(const program& of, int count, char** words) {
  arguments chosen;
  auto next = [&](int& i) { return value_of_option(count, words, i); };
  for (int i = 1; i < count; ++i) {
    std::string_view word = words[i];
    if (word == "--mode")
      chosen.chosen.push_back(find_mode(of, next(i)));
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
  if (chosen.files.empty()) {
    std::string usage =
        std::string(of.name) + " [--mode M]… [--repeat N] [--head MB] [--json] [--callgrind] FILE…";
    die("usage", usage.c_str());
  }
  if (chosen.chosen.empty() && chosen.callgrind) chosen.chosen = {of.modes[1]};
  if (chosen.chosen.empty()) chosen.chosen.assign(of.modes.begin(), of.modes.end());
  return chosen;
}

}  // namespace

int run(const program& of, int count, char** words) {
  arguments chosen = parse(of, count, words);
  if (chosen.callgrind)
    one_pass(chosen);
  else
    for (const std::string& file : chosen.files) measure(of, chosen, file);
  return 0;
}

}  // namespace tidewire::bench
