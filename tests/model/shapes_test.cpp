// Files without weights: build/references/model, made with the `gguf` package from published configurations
// (scripts/references/model_shapes.py).
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "model/model.h"

namespace quipu::model {
namespace {

using Json = nlohmann::json;

std::string path_of(const std::string& name) {
  return QUIPU_REFERENCES_DIR "/model/" + name + ".gguf";
}

Json reference() {
  std::ifstream in(QUIPU_REFERENCES_DIR "/model/shapes.json");
  return Json::parse(in);
}

std::string error_of_loading(const std::string& name) {
  const auto file = gguf::File::open(path_of(name));
  if (!file.ok()) return file.error().message;
  const auto model = load(*file);
  return model.ok() ? "" : model.error().message;
}

TEST(Shapes, PublishedModelsLoadByTheirMetadata) {
  const Json models = reference()["models"];
  ASSERT_EQ(models.size(), 4u);
  for (const auto& [name, expected] : models.items()) {
    const auto file = gguf::File::open(path_of(name));
    ASSERT_TRUE(file.ok()) << file.error().message;
    EXPECT_EQ(file->tensors().size(), expected["n_tensors"]);
    const auto model = load(*file);
    ASSERT_TRUE(model.ok()) << model.error().message;
    const Hyperparameters& hp = (*model)->hyperparameters();
    const Json& keys = expected["keys"];
    EXPECT_EQ(hp.n_vocab, keys["vocab_size"]) << name;
    EXPECT_EQ(hp.n_ctx_train, keys["context_length"]) << name;
    EXPECT_EQ(hp.n_embd, keys["embedding_length"]) << name;
    EXPECT_EQ(hp.n_layer, keys["block_count"]) << name;
    EXPECT_EQ(hp.n_ff, keys["feed_forward_length"]) << name;
    EXPECT_EQ(hp.n_head, keys["attention.head_count"]) << name;
    EXPECT_EQ(hp.n_head_kv, keys["attention.head_count_kv"]) << name;
    EXPECT_EQ(hp.head_dim_k, expected["head_dim"]) << name;
    EXPECT_EQ(hp.head_dim_v, expected["head_dim"]) << name;
    EXPECT_EQ(hp.rope.n_rot, expected["head_dim"]) << name;
    EXPECT_EQ(hp.rope.scaling, RopeScaling::llama3) << name;
    EXPECT_EQ(hp.rope.factor, keys["rope.scaling.factor"].get<float>()) << name;
    EXPECT_EQ(hp.rope.n_ctx_original, keys["rope.scaling.original_context_length"]) << name;
  }
}

TEST(Shapes, EachBrokenHyperparameterIsAnErrorThatNamesItsKey) {
  const Json broken = reference()["broken"];
  ASSERT_GE(broken.size(), 18u);
  for (const auto& [name, key] : broken.items()) {
    const std::string message = error_of_loading("broken_" + name);
    EXPECT_NE(message.find(key.get<std::string>()), std::string::npos) << name << ": '" << message << "'";
  }
}

TEST(Shapes, AMissingTensorIsNamed) {
  EXPECT_NE(error_of_loading("missing_tensor").find("'blk.7.ffn_up.weight' is missing"), std::string::npos);
}

TEST(Shapes, AWrongShapeIsNamedWithBothShapes) {
  const std::string message = error_of_loading("wrong_shape");
  EXPECT_NE(message.find("blk.3.attn_k.weight"), std::string::npos) << message;
  EXPECT_NE(message.find("1024x512"), std::string::npos) << message;
  EXPECT_NE(message.find("2048x512"), std::string::npos) << message;
}

// Without the norm on q that this tensor stands for, the model would answer nonsense.
TEST(Shapes, ATensorThatNobodyUsesIsAnError) {
  EXPECT_NE(error_of_loading("extra_tensor").find("blk.0.attn_q_norm.weight"), std::string::npos);
}

}  // namespace
}  // namespace quipu::model
