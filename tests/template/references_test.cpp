// Against transformers and jinja2: build/references/template (scripts/references/template_conversations.py).
#include <gtest/gtest.h>

#include <fstream>

#include "template/chat_template.h"

namespace quipu::chat_template {
namespace {

Json read(const char* name) {
  std::ifstream in(std::string(QUIPU_REFERENCES_DIR "/template/") + name);
  return Json::parse(in);
}

// The clock of the references.
std::string fixed_clock(const std::string& format) {
  std::tm time{};
  time.tm_year = 126, time.tm_mon = 6, time.tm_mday = 4, time.tm_hour = 12, time.tm_min = 30, time.tm_sec = 45;
  time.tm_wday = 6, time.tm_yday = 184;
  char text[256];
  return {text, std::strftime(text, sizeof text, format.c_str(), &time)};
}

// The outcome has to be the same: equal text, or an error on both sides.
void expect_same(const Result<std::string>& ours, const Json& expected, const std::string& what) {
  if (expected.contains("error")) {
    EXPECT_FALSE(ours.ok()) << what << ": must fail with " << expected["error"] << " but gives '"
                            << (ours.ok() ? *ours : "") << "'";
  } else if (!ours.ok()) {
    ADD_FAILURE() << what << ": " << ours.error().message;
  } else {
    EXPECT_EQ(*ours, expected["text"].get<std::string>()) << what;
  }
}

Result<std::string> render(const std::string& source, const RenderInput& input) {
  const auto parsed = ChatTemplate::parse(source);
  if (!parsed.ok()) return parsed.error();
  return parsed->render(input);
}

TEST(References, EveryKnownTemplateRendersAsInTransformers) {
  const Json reference = read("templates.json");
  ASSERT_GE(reference["templates"].size(), 60u);
  for (const Json& t : reference["templates"]) {
    for (const auto& [name, conversation] : reference["conversations"].items()) {
      RenderInput input;
      input.messages = conversation["messages"];
      if (conversation.contains("tools")) input.tools = conversation["tools"];
      if (conversation.contains("documents")) input.documents = conversation["documents"];
      input.add_generation_prompt = conversation.value("add_generation_prompt", true);
      if (conversation.contains("extra")) input.extra = conversation["extra"];
      input.bos_token = "<s>";
      input.eos_token = "</s>";
      input.strftime_now = fixed_clock;
      expect_same(render(t["source"], input), t["runs"][name], t["name"].get<std::string>() + " / " + name);
    }
  }
}

TEST(References, SnippetsRenderAsInJinja2) {
  const Json reference = read("snippets.json");
  ASSERT_GE(reference["snippets"].size(), 100u);
  for (const Json& snippet : reference["snippets"]) {
    RenderInput input;
    input.extra = reference["context"];
    input.strftime_now = fixed_clock;
    const std::string source = snippet["source"];
    expect_same(render(source, input), snippet, "'" + source + "'");
  }
}

}  // namespace
}  // namespace quipu::chat_template
