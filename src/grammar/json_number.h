// Numbers by their digits: automata for the texts of all numbers within bounds.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "grammar/fsa.h"

namespace quipu::grammar {

// digits.fraction, without leading and trailing zeros; zero is "0" and not negative.
struct Decimal {
  bool negative = false;
  std::string digits = "0";
  std::string fraction;

  // Exactly the shortest text of the JSON number. An error beyond 400 digits.
  static Result<Decimal> of(const nlohmann::ordered_json& number);
  [[nodiscard]] bool is_zero() const { return digits == "0" && fraction.empty(); }
  [[nodiscard]] std::string text() const;
};

enum class Bound : uint8_t { at_least, above, at_most, below };

struct NumberConstraints {
  bool integer = false;
  std::vector<std::pair<Bound, Decimal>> bounds;
  std::vector<Decimal> multiple_of;  // above zero
};

// JSON numbers that keep to the constraints. Integers are written without fraction and exponent; where there is a
// constraint, numbers are written without exponent.
Result<Fsa> numbers(const NumberConstraints& constraints);

}  // namespace quipu::grammar
