// How fast change events in BSON are read and written as JSON, on one thread, beside libbson if it is there:
//
//   bson [--class small|medium|nested|large|huge]… [--mode M]… [--mb N] [--repeat N] [--json]
//   bson --callgrind [--class C] [--mode M] [--mb N]     one pass and nothing else
//   bson --class C [--mb N] --write FILE                 the corpus, whole messages one after the other, to a
//   file;
//                                                        then what is asked for by standard input: modes, one
//                                                        a line, each answered with what it saw and its CPU
//                                                        time
//
//   walk      every element of the replies, checked         beside libbson_iter
//   walk_utf8 the same, and that texts are UTF-8             beside libbson_validate
//   ndjson    lines of the native envelope, from messages   beside libbson_json, relaxed, of the events alone
//
// Before anything is timed, the passes must have seen the same elements, and written the same JSON. Figures
// are medians, per second of CPU time and of bytes read; ratios compare what ran one after the other.

#include <cinttypes>
#include <cstring>
#include <iostream>
#include <string>

#include "bench/bson/passes.hpp"
#if defined(TIDEWIRE_LIBBSON)
#include "bench/bson/libbson_passes.hpp"
#endif

namespace tidewire::bench {
namespace {

struct mode {
  const char* name;
  bson_tally (*pass)(const corpus&);
  const char* peer = nullptr;  // compared with this one
};

constexpr mode modes[] = {
    {"walk", walk_pass, "libbson_iter"},     {"walk_utf8", walk_utf8_pass, "libbson_validate"},
    {"ndjson", ndjson_pass, "libbson_json"},
#if defined(TIDEWIRE_LIBBSON)
    {"libbson_iter", libbson_iter_pass},     {"libbson_validate", libbson_validate_pass},
    {"libbson_json", libbson_json_pass},
#endif
};

struct arguments {
  std::vector<mode> modes;
  std::vector<corpus_class> classes;
  std::size_t bytes = 100'000'000;
  int repeat = 5;
  const char* write_to = nullptr;
  bool json = false;
  bool callgrind = false;
};

struct figures {
  bson_tally seen;
  std::vector<double> seconds;  // by repetition
};

/// An event with a byte of a text turned into one that no UTF-8 has.
void check_refusal(const corpus& of) {
  std::vector<std::uint8_t> damaged(of.events[0].begin(), of.events[0].end());
  mongo_wire::bson_view event = good(mongo_wire::decode_document(damaged));
  damaged[good(mongo_wire::find(event, "operationType")).offset + 4] = 0xff;
  text_counter counter;
  if (mongo_wire::walk_bson(event, counter)) die("not UTF-8, and taken", of.name);
}

/// Dies unless all passes do the same.
void check(const corpus& of) {
  bson_tally walked = walk_pass(of);
  if (!walked.same_elements(walk_utf8_pass(of))) die("the walks saw different elements in", of.name);
  check_refusal(of);
  json::buffer text;
  bson_tally lines = put_lines(of, [&](std::string_view line, const mongo_wire::change_event_view& event) {
    text.clear();
    if (event.full_document) {
      text.text(R"(,"after":)");
      good(mongo_wire::put_extended_json(text, event.full_document));
    }
    if (line.find(text.view()) == line.npos || line.find('\n') != line.size() - 1)
      die("a line without its document in", of.name);
  });
  if (lines.events != of.events.size()) die("not all events became lines in", of.name);
#if defined(TIDEWIRE_LIBBSON)
  if (!walked.same_elements(libbson_iter_pass(of))) die("libbson saw different elements in", of.name);
  compare_with_libbson(of);
#endif
}

/// How many times as fast as the peer, by repetition; 0 without one.
double times_peer(const std::vector<std::pair<mode, figures>>& all, const mode& of, const figures& got) {
  if (!of.peer) return 0;
  for (const auto& [mode, theirs] : all) {
    if (std::strcmp(mode.name, of.peer) != 0) continue;
    std::vector<double> ratios;
    for (std::size_t i = 0; i < got.seconds.size(); ++i) ratios.push_back(theirs.seconds[i] / got.seconds[i]);
    return median(ratios);
  }
  return 0;
}

void print(const corpus& of, const mode& by, const figures& got, double ratio, bool json) {
  auto size = static_cast<double>(of.bytes.view().size());
  double seconds = median(got.seconds);
  double events = static_cast<double>(of.events.size()) / seconds;
  double output = static_cast<double>(got.seen.output_bytes) / seconds / 1e9;
  if (json)
    std::printf(R"({"class":"%s","mode":"%s","bytes":%.0f,"events":%zu,"seconds":%.6f,"gb_s":%.4f,)"
                R"("events_s":%.0f,"out_gb_s":%.4f,"times_peer":%.3f})"
                "\n",
                of.name, by.name, size, of.events.size(), seconds, size / seconds / 1e9, events, output,
                ratio);
  else
    std::printf("%-7s %-17s %6.1f MB %7zu events %7.3f GB/s %10.0f events/s %7.2f x libbson\n", of.name,
                by.name, size / 1e6, of.events.size(), size / seconds / 1e9, events, ratio);
  std::fflush(stdout);
}

void measure(const arguments& chosen, corpus_class kind) {
  corpus of = make_corpus(kind, chosen.bytes);
  check(of);
  std::vector<std::pair<mode, figures>> all;
  for (const mode& each : chosen.modes) all.push_back({each, {each.pass(of), {}}});
  for (int i = 0; i < chosen.repeat; ++i)
    for (auto& [mode, got] : all) got.seconds.push_back(seconds_of(mode.pass, of));
  for (const auto& [mode, got] : all) print(of, mode, got, times_peer(all, mode, got), chosen.json);
}

void one_pass(const arguments& chosen) {
  corpus of = make_corpus(chosen.classes[0], chosen.bytes);
  bson_tally seen = chosen.modes[0].pass(of);
  std::printf("%zu bytes %zu events %" PRIu64 " elements\n", of.bytes.view().size(), of.events.size(),
              seen.elements);
}

const mode& find_mode(const char* name) {
  for (const mode& each : modes)
    if (std::strcmp(each.name, name) == 0) return each;
  die("no such mode", name);
}

/// For a program that takes turns with this one.
void write_and_answer(const arguments& chosen) {
  corpus of = make_corpus(chosen.classes[0], chosen.bytes);
  check(of);
  std::FILE* file = std::fopen(chosen.write_to, "wb");
  byte_view bytes = of.bytes.view();
  if (!file || std::fwrite(bytes.data(), 1, bytes.size(), file) != bytes.size() || std::fclose(file) != 0)
    die("cannot write", chosen.write_to);
  for (std::string name; std::getline(std::cin, name);) {
    bson_tally seen;
    bson_tally (*pass)(const corpus&) = find_mode(name.c_str()).pass;
    double seconds = seconds_of([&](const corpus& each) { return seen = pass(each); }, of);
    std::printf(R"({"seconds":%.6f,"bytes":%zu,"elements":%)" PRIu64 R"(,"name_bytes":%)" PRIu64
                R"(,"types":%)" PRIu64 R"(,"events":%)" PRIu64 R"(,"output_bytes":%)" PRIu64 "}\n",
                seconds, bytes.size(), seen.elements, seen.name_bytes, seen.types, seen.events,
                seen.output_bytes);
    std::fflush(stdout);
  }
}

arguments parse(int count, char** words) {
  arguments chosen;
  for (int i = 1; i < count; ++i) {
    std::string_view word = words[i];
    auto number = [&] { return std::max(1, std::atoi(value_of_option(count, words, i))); };
    if (word == "--mode")
      chosen.modes.push_back(find_mode(value_of_option(count, words, i)));
    else if (word == "--class")
      chosen.classes.push_back(find_class(value_of_option(count, words, i)));
    else if (word == "--mb")
      chosen.bytes = static_cast<std::size_t>(number()) * 1'000'000;
    else if (word == "--repeat")
      chosen.repeat = number();
    else if (word == "--write")
      chosen.write_to = value_of_option(count, words, i);
    else if (word == "--json")
      chosen.json = true;
    else if (word == "--callgrind")
      chosen.callgrind = true;
    else
      die("usage: bson [--class C]… [--mode M]… [--mb N] [--repeat N] [--json] [--callgrind] [--write F], "
          "not",
          words[i]);
  }
  if (chosen.modes.empty()) chosen.modes.assign(std::begin(modes), std::end(modes));
  if (chosen.classes.empty())
    chosen.classes = {corpus_class::small, corpus_class::medium, corpus_class::nested, corpus_class::large};
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
  if (chosen.write_to) {
    write_and_answer(chosen);
    return 0;
  }
  for (corpus_class each : chosen.classes) measure(chosen, each);
  return 0;
}
