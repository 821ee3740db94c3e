#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/api/errors.h"
#include "server/api/fields.h"
#include "server/api/json.h"
#include "server/service/access.h"

namespace quipu::server {
namespace {

using ::testing::HasSubstr;

TEST(RequestJson, LimitsHold) {
  EXPECT_TRUE(parse_json("{\"a\": [1, {\"a\": 2}]}").ok());
  EXPECT_THAT(parse_json("{\"a\": 1, \"a\": 2}").error().message, HasSubstr("'a' occurs twice"));
  EXPECT_THAT(parse_json(std::string(101, '[') + std::string(101, ']')).error().message, HasSubstr("deep"));
  EXPECT_TRUE(parse_json("\"" + std::string(5000, '[') + "\\\"[[\"").ok());  // within a text they are no nesting
  EXPECT_THAT(parse_json("[1,2,3]", {.max_values = 3}).error().message, HasSubstr("more than 3 values"));
  EXPECT_THAT(parse_json("[1, x]").error().message, HasSubstr("byte 5"));
  EXPECT_FALSE(parse_json("\"\xff\"").ok());
  EXPECT_FALSE(parse_json("NaN").ok());
  EXPECT_FALSE(parse_json("1e999").ok());
  EXPECT_FALSE(parse_json("").ok());
}

const Table& table() {
  static const Table fields{
      {.name = "n", .kind = FieldKind::integer, .least = 1, .most = 5}, {.name = "x", .kind = FieldKind::number},
      {.name = "t", .kind = FieldKind::text, .choices = {"a", "b"}},    {.name = "s", .kind = FieldKind::texts},
      {.name = "m", .kind = FieldKind::list, .required = true},         {.name = "o", .only = {"false", "[]"}}};
  return fields;
}

std::string error_of_body(const char* text) {
  const Json body = Json::parse(text);
  const auto fields = Fields::of(table(), body);
  return fields.ok() ? "" : fields.error().message;
}

TEST(RequestFields, EachMistakeNamesItsField) {
  EXPECT_EQ(error_of_body(R"({"m": [], "n": 5.0, "x": 1, "t": "a", "s": ["q"], "o": false})"), "");
  EXPECT_EQ(error_of_body(R"({"m": [], "n": null})"), "");
  EXPECT_THAT(error_of_body(R"({"m": [], "n": 6})"), HasSubstr("$.n: is 6, but must be from 1 to 5"));
  EXPECT_THAT(error_of_body(R"({"m": [], "n": 1.5})"), HasSubstr("$.n: must be a whole number"));
  EXPECT_THAT(error_of_body(R"({"m": [], "x": "1"})"), HasSubstr("$.x: must be a number"));
  EXPECT_THAT(error_of_body(R"({"m": [], "t": "c"})"), HasSubstr("$.t: must be one of 'a', 'b'"));
  EXPECT_THAT(error_of_body(R"({"m": [], "s": [1]})"), HasSubstr("$.s: must be a text or a list of texts"));
  EXPECT_THAT(error_of_body(R"({"m": [], "o": true})"), HasSubstr("$.o: this server supports no other value"));
  EXPECT_THAT(error_of_body(R"({"m": [], "y": 1})"), HasSubstr("$.y: is no field"));
  EXPECT_THAT(error_of_body(R"({})"), HasSubstr("$.m: is missing"));
  EXPECT_THAT(error_of_body(R"([])"), HasSubstr("$: must be an object"));
}

TEST(RequestFields, TheirSchemaSaysTheSame) {
  const Json schema = schema_of(table());
  EXPECT_EQ(schema["additionalProperties"], false);
  EXPECT_EQ(schema["required"], Json::array({"m"}));
  EXPECT_EQ(schema["properties"]["n"]["maximum"], 5);
  EXPECT_EQ(schema["properties"]["o"]["enum"], Json::parse("[false, [], null]"));
}

TEST(ApiErrors, ThePathBecomesTheParameter) {
  const ApiError error = api_error(invalid_input("$.messages[0].role: is missing"));
  EXPECT_EQ(error.param, "messages[0].role");
  EXPECT_EQ(error.message, "'messages[0].role' is missing");
  EXPECT_EQ(api_error(error_of(ErrorKind::busy, "full")).status, 429);
  EXPECT_EQ(error_json(api_error(invalid_input("oh")))["error"]["param"], nullptr);
}

TEST(Access, KeysAreComparedWhole) {
  EXPECT_TRUE(equal_in_constant_time("secret", "secret"));
  for (const char* other : {"", "secre", "secret1", "Secret", "secretsecret"})
    EXPECT_FALSE(equal_in_constant_time("secret", other)) << other;
  ApiKeys keys;
  EXPECT_FALSE(keys.required());
  keys.set({"a", "b"});
  EXPECT_TRUE(keys.allows("b"));
  EXPECT_FALSE(keys.allows("ab"));
  EXPECT_FALSE(ApiKeys::read({""}, "").ok());
}

TEST(Access, OriginsOfThisMachineAlone) {
  const OriginRules rules({"https://app.example"});
  for (const char* origin :
       {"http://localhost:3000", "http://127.0.0.1", "http://[::1]:80", "https://app.example", "http://a.localhost"})
    EXPECT_TRUE(rules.allows_origin(origin, "localhost:8080")) << origin;
  for (const char* origin :
       {"null", "http://evil.example", "http://localhost.evil.example", "http://127.0.0.1.evil.example",
        "http://127.evil.example", "https://app.example.evil", "file://"})
    EXPECT_FALSE(rules.allows_origin(origin, "localhost:8080")) << origin;
  // Its own origin, when it is called by an address; by a name it may be another's.
  EXPECT_TRUE(rules.allows_origin("http://192.168.1.5:8080", "192.168.1.5:8080"));
  EXPECT_FALSE(rules.allows_origin("http://evil.example:8080", "evil.example:8080"));
  EXPECT_FALSE(rules.allows_host("evil.example:8080"));
  EXPECT_TRUE(rules.allows_host("app.example"));
  EXPECT_TRUE(rules.allows_host("[::1]:8080"));
}

}  // namespace
}  // namespace quipu::server
