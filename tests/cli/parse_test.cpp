#include "cli/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "cli/flag_values.h"
#include "cli/flags.h"

namespace quipu::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using Words = std::vector<std::string>;

CommandLine parse(const Words& words, Modes mode = kMainModes) {
  auto line = parse_words(words, mode, Options());
  EXPECT_TRUE(line.ok()) << testing::PrintToString(words) << ": " << (line.ok() ? "" : line.error().message);
  return line.ok() ? std::move(*line) : CommandLine();
}
std::string error(const Words& words, Modes mode = kMainModes) {
  const auto line = parse_words(words, mode, Options());
  return line.ok() ? "no error" : line.error().message;
}

TEST(Parse, Modes) {
  EXPECT_EQ(parse({}).options.mode, kNoMode);
  EXPECT_EQ(parse({"--chat"}).options.mode, kChat);
  EXPECT_EQ(parse({"-p", "x"}).options.mode, kCompletion);
  EXPECT_EQ(parse({"-f", "x"}).options.mode, kCompletion);
  EXPECT_EQ(parse({"--chat", "-p", "x"}).options.mode, kChat);
  EXPECT_EQ(parse({"--server", "--nobrowser"}).options.mode, kServer);
  EXPECT_EQ(parse({"--server", "--cli"}).options.mode, kCompletion);  // a mode in .args gives way to the user's
  EXPECT_EQ(parse({"x"}, kTokenize).options.mode, kTokenize);
}

TEST(Parse, TheModelCardsFlags) {
  const auto card = parse({"--server", "--nobrowser", "--host", "0.0.0.0", "-ngl", "999", "--gpu", "auto",
                           "--recompile", "-c", "4096", "-m", "x.gguf", "--log-disable"});
  EXPECT_THAT(card.warnings, IsEmpty());
  EXPECT_EQ(card.options.host, "0.0.0.0");
  EXPECT_EQ(card.options.n_gpu_layers, 999);
  EXPECT_EQ(card.options.n_ctx, 4096);
  EXPECT_FALSE(card.options.browser);
}

TEST(Parse, ValuesOfEveryKind) {
  const Options o = parse({"-n", "-2",    "--temp", "0",  "-s",  "-1",          "--top-k=7", "--in-prefix=",
                           "-r", "a",     "-r",     "b",  "-e",  "--no-escape", "-l",        "5-inf",
                           "-l", "7+1.5", "-fa",    "on", "-fa", "--samplers",  "top_k;temp"})
                        .options;
  EXPECT_EQ(o.n_predict, -2);
  EXPECT_EQ(o.sampling.temperature, 0);
  EXPECT_EQ(o.sampling.seed, UINT64_MAX);
  EXPECT_EQ(o.sampling.top_k, 7);
  EXPECT_THAT(o.reverse_prompts, ElementsAre("a", "b"));
  EXPECT_FALSE(o.escape);
  EXPECT_EQ(o.sampling.logit_bias[0], std::make_pair(5, -std::numeric_limits<float>::infinity()));
  EXPECT_EQ(o.sampling.logit_bias[1], std::make_pair(7, 1.5f));
  EXPECT_THAT(o.sampling.order, ElementsAre("top_k", "temp"));
}

TEST(Parse, AValueMayLookLikeAFlag) {
  EXPECT_EQ(parse({"-p", "--- a list ---"}).options.prompt, "--- a list ---");
  EXPECT_EQ(parse({"-p", ""}).options.has_prompt, true);
}

TEST(Parse, DoubleDashEndsTheFlags) {
  EXPECT_THAT(parse({"a", "--", "--b"}, kPack).positional, ElementsAre("a", "--b"));
}

TEST(Parse, FurtherValues) {
  const auto line = parse({"OUT", "M", "--with", "a", "b", "--args", "c", "--with", "d"}, kPack);
  EXPECT_THAT(line.options.with, ElementsAre("a", "b", "d"));
  EXPECT_EQ(line.options.args_file, "c");
  EXPECT_THAT(line.positional, ElementsAre("OUT", "M"));
}

TEST(Parse, ErrorsAreClear) {
  EXPECT_EQ(error({"-n", "abc"}), "-n: 'abc' is not a whole number");
  EXPECT_EQ(error({"-n", "1.5"}), "-n: '1.5' is not a whole number");
  EXPECT_EQ(error({"-n", ""}), "-n: '' is not a whole number");
  EXPECT_EQ(error({"-n", "-3"}), "-n is -3, but must be -2 or more");
  EXPECT_EQ(error({"-c", "99999999999999999999"}), "-c is 99999999999999999999, but must be 0 or more");
  EXPECT_EQ(error({"-c", "-5"}), "-c is -5, but must be 0 or more");
  EXPECT_EQ(error({"--port", "70000"}), "--port is 70000, but must be from 0 to 65535");
  EXPECT_EQ(error({"--temp", "hot"}), "--temp: 'hot' is not a number");
  EXPECT_EQ(error({"--temp", "nan"}), "--temp is nan, but must be 0 or more");
  EXPECT_EQ(error({"--top-p", "1.5"}), "--top-p is 1.5, but must be from 0 to 1");
  EXPECT_EQ(error({"-ctk", "q9_9"}), "-ctk is 'q9_9', but must be one of f32, f16, bf16, q8_0, q4_0");
  EXPECT_EQ(error({"-n"}), "-n needs a value: -n N");
  EXPECT_EQ(error({"--cli=1"}), "--cli takes no value");
  EXPECT_THAT(error({"-l", "x"}), StartsWith("-l: 'x' is not of the form"));
  EXPECT_THAT(error({"-l", "5+nan"}), StartsWith("-l: '5+nan' is not of the form"));
  EXPECT_THAT(error({"--samplers", "top_k;nonsense"}), HasSubstr("unknown sampler 'nonsense'"));
  EXPECT_THAT(error({"--sampling-seq", "kz"}), HasSubstr("'z' stands for no sampler"));
  EXPECT_THAT(error({"--gpu", "nvidia"}), HasSubstr("no support for GPUs"));
  EXPECT_THAT(error({"--gpu", "voodoo"}), HasSubstr("one of auto, nvidia"));
  EXPECT_THAT(error({"--mmproj", "x"}), HasSubstr("images are not supported"));
}

TEST(Parse, ATypoGetsTheNearestName) {
  EXPECT_EQ(error({"--tmep", "1"}), "unknown flag '--tmep'; did you mean --temp?");
  EXPECT_THAT(error({"--top-q", "1"}), HasSubstr("did you mean --top-"));
  EXPECT_THAT(error({"--threds", "1"}), HasSubstr("did you mean --threads"));
  EXPECT_THAT(error({"--ctx", "1"}), HasSubstr("unknown flag '--ctx'"));
  EXPECT_EQ(error({"--xyzzyplugh"}), "unknown flag '--xyzzyplugh'; --help lists them");
  EXPECT_THAT(error({"--temp", "1"}, kPack), HasSubstr("unknown flag '--temp'"));
  EXPECT_THAT(error({"--with", "x"}), HasSubstr("unknown flag '--with'"));
}

TEST(Parse, FlagsWithoutEffectAreWarnings) {
  EXPECT_THAT(parse({"--cli", "--port", "80"}).warnings, ElementsAre("--port has no effect in --cli"));
  EXPECT_THAT(parse({"--no-mmap"}).warnings, ElementsAre("--no-mmap has no effect: weights are always mapped"));
  EXPECT_THAT(parse({"--server", "--silent-prompt"}).warnings,
              ElementsAre("--silent-prompt has no effect in --server"));
  EXPECT_THAT(parse({"--port", "80", "--silent-prompt"}).warnings, IsEmpty());
}

TEST(Parse, Environment) {
  const auto get = [](const std::string& name) -> std::optional<std::string> {
    if (name == "QUIPU_CTX_SIZE") return "512";
    if (name == "QUIPU_TEMP") return "0.25";
    if (name == "QUIPU_VERBOSE") return "1";
    if (name == "QUIPU_NO_ESCAPE") return "off";
    return std::nullopt;
  };
  const auto options = options_from_environment(get);
  ASSERT_TRUE(options.ok()) << options.error().message;
  EXPECT_EQ(options->n_ctx, 512);
  EXPECT_EQ(options->sampling.temperature, 0.25f);
  EXPECT_TRUE(options->verbose);
  EXPECT_TRUE(options->escape);
  EXPECT_EQ(parse_words({"-c", "64"}, kMainModes, *options)->options.n_ctx, 64);

  const auto bad = options_from_environment([](const std::string& name) -> std::optional<std::string> {
    return name == "QUIPU_TOP_P" ? std::optional<std::string>("7") : std::nullopt;
  });
  EXPECT_EQ(bad.error().message, "the environment variable QUIPU_TOP_P is 7, but must be from 0 to 1");
}

TEST(FlagTable, NamesAreUniqueWithinAMode) {
  std::set<std::pair<std::string_view, Modes>> seen;
  for (const FlagGroup& group : flag_groups()) {
    for (const Flag& flag : group.flags) {
      for (const auto name : flag.names) {
        EXPECT_THAT(name, StartsWith("-"));
        for (Modes bit = 1; bit != 0; bit <<= 1) {
          if ((flag.modes & bit) == 0) continue;
          EXPECT_TRUE(seen.emplace(name, bit).second) << name;
        }
        EXPECT_TRUE(flag.modes != 0 || seen.emplace(name, 0).second) << name;
      }
      EXPECT_FALSE(help_of(flag).empty()) << flag.names.front();
      EXPECT_FALSE(help_of(flag).ends_with('.')) << flag.names.front();
    }
  }
}

// The flags of COMPAT.md, as a list that does not come from the table.
TEST(FlagTable, HasEveryFlagThatScriptsPass) {
  for (const char* name : {"-m",
                           "-c",
                           "-n",
                           "-t",
                           "-b",
                           "-ub",
                           "-ngl",
                           "--gpu",
                           "--recompile",
                           "--nocompile",
                           "--tinyblas",
                           "--temp",
                           "--top-k",
                           "--top-p",
                           "--min-p",
                           "--typical",
                           "--repeat-penalty",
                           "--repeat-last-n",
                           "--presence-penalty",
                           "--frequency-penalty",
                           "--dry-multiplier",
                           "--xtc-probability",
                           "--top-n-sigma",
                           "--dynatemp-range",
                           "--mirostat",
                           "-s",
                           "--seed",
                           "--grammar",
                           "--grammar-file",
                           "-j",
                           "--json-schema",
                           "-e",
                           "--no-escape",
                           "-i",
                           "-r",
                           "-cnv",
                           "-sp",
                           "--log-disable",
                           "--prompt-cache",
                           "--prompt-cache-all",
                           "--prompt-cache-ro",
                           "--host",
                           "--port",
                           "--nobrowser",
                           "--path",
                           "--url-prefix",
                           "--api-key",
                           "-np",
                           "--timeout",
                           "--metrics",
                           "--mlock",
                           "--no-mmap",
                           "-fa",
                           "-ctk",
                           "-ctv",
                           "--no-warmup",
                           "--fast",
                           "--precise",
                           "--trap",
                           "--unsecure",
                           "--nologo",
                           "--ascii",
                           "--verbose",
                           "--chat-template",
                           "--chat",
                           "--cli",
                           "--server",
                           "--help",
                           "--version",
                           "--silent-prompt",
                           "--no-display-prompt",
                           "-p",
                           "-f",
                           "--isa"}) {
    EXPECT_NE(find_flag(name, kMainModes), nullptr) << name;
  }
}

TEST(FlagValues, Escapes) {
  EXPECT_EQ(unescaped(R"(a\nb\tc\\d\"e\'f\x41\x0a\r)"), "a\nb\tc\\d\"e'f\x41\n\r");
  EXPECT_EQ(unescaped(R"(\q \x4 \xzz \)"), R"(\q \x4 \xzz \)");
  EXPECT_EQ(unescaped("\\x00"), std::string(1, '\0'));
}

}  // namespace
}  // namespace quipu::cli
