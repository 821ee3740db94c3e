#include "grammar/json_number.h"

#include <array>
#include <nlohmann/json.hpp>

namespace quipu::grammar {

namespace {

constexpr int kMaxDigits = 400;  // the largest double has 309

enum Relation : uint8_t { less, equal, greater };
using Relations = std::array<bool, 3>;  // which are wanted

// An optional minus and digits without leading zeros; with `fraction`, ".digits"; with `exponent`, "e" and one or two
// digits, since many readers of JSON refuse what is no double.
Result<Fsa> all_numbers(bool fraction, bool exponent) {
  Nfa nfa;
  const StateId from = nfa.add(), to = nfa.add(), sign = nfa.add(), whole = nfa.add(), end = nfa.add();
  nfa.empty(from, sign);
  nfa.byte(from, '-', '-', sign);
  nfa.byte(sign, '0', '0', end);
  nfa.byte(sign, '1', '9', whole);
  nfa.byte(whole, '0', '9', whole);
  nfa.empty(whole, end);
  nfa.empty(end, to);
  StateId tail = end;
  if (fraction) {
    const StateId point = nfa.add(), digits = nfa.add();
    nfa.byte(end, '.', '.', point);
    nfa.byte(point, '0', '9', digits);
    nfa.byte(digits, '0', '9', digits);
    nfa.empty(digits, to);
    tail = digits;
  }
  if (exponent) {
    const StateId e = nfa.add(), first = nfa.add(), digits = nfa.add();
    for (const StateId s : {end, tail}) nfa.byte(s, 'e', 'e', e), nfa.byte(s, 'E', 'E', e);
    nfa.empty(e, first);
    nfa.byte(e, '+', '+', first);
    nfa.byte(e, '-', '-', first);
    nfa.byte(first, '0', '9', digits);
    nfa.byte(digits, '0', '9', to);
    nfa.empty(digits, to);
  }
  return nfa.determinise(from, to);
}

// Unsigned decimals (no leading zeros) whose relation to `pivot` is wanted. Digit by digit: while as many digits are
// read as the pivot has, the first difference decides; fewer digits are less, more are greater.
Fsa compared(const Decimal& pivot, const Relations& wanted) {
  const size_t n = pivot.digits.size(), m = pivot.fraction.size();
  // digits read k and relation so far: 3 k + relation; then more digits than the pivot; then the fraction: decided,
  // or equal through j digits.
  const size_t over = 3 * (n + 1), fraction_less = over + 1, fraction_greater = over + 2, fraction_equal = over + 3;
  Fsa fsa;
  fsa.states.resize(fraction_equal + m + 1);
  const auto digit_edge = [&](size_t s, int digit, size_t target) {
    const auto byte = static_cast<uint8_t>('0' + digit);
    fsa.states[s].bytes.push_back({byte, byte, static_cast<StateId>(target)});
  };
  const auto fraction_of = [&](Relation r) {
    return r == less ? fraction_less : r == greater ? fraction_greater : fraction_equal;
  };
  const auto relation_to = [](int digit, char pivot_digit) {
    return digit < pivot_digit - '0' ? less : digit > pivot_digit - '0' ? greater : equal;
  };
  // State 0 is "no digit read, equal": the numbering of relations is turned so that `equal` comes first.
  const auto state_of = [&](size_t k, Relation r) { return 3 * k + (r == equal ? 0 : r == less ? 1 : 2); };
  for (size_t k = 0; k <= n; ++k) {
    for (const Relation r : {less, equal, greater}) {
      const size_t s = state_of(k, r);
      const Relation now = k < n ? less : r;
      // A text that ends here is less than a pivot with the same digits and a fraction.
      fsa.states[s].accepting = k > 0 && wanted[now == equal && m > 0 ? less : now];
      if (k > 0) fsa.states[s].bytes.push_back({'.', '.', static_cast<StateId>(fraction_of(now))});
      for (int d = 0; d < 10; ++d) {
        if (k == n)
          digit_edge(s, d, over);
        else
          digit_edge(s, d, state_of(k + 1, r == equal ? relation_to(d, pivot.digits[k]) : r));
      }
    }
  }
  fsa.states[over].accepting = wanted[greater];
  fsa.states[over].bytes = {{'.', '.', static_cast<StateId>(fraction_greater)}, {'0', '9', static_cast<StateId>(over)}};
  for (const Relation r : {less, greater}) {
    const size_t s = fraction_of(r);
    fsa.states[s].accepting = wanted[r];
    fsa.states[s].bytes = {{'0', '9', static_cast<StateId>(s)}};
  }
  for (size_t j = 0; j <= m; ++j) {
    const size_t s = fraction_equal + j;
    fsa.states[s].accepting = wanted[j < m ? less : equal];
    for (int d = 0; d < 10; ++d) {
      const Relation r = relation_to(d, j < m ? pivot.fraction[j] : '0');
      digit_edge(s, d, r == equal ? fraction_equal + std::min(j + 1, m) : fraction_of(r));
    }
  }
  return fsa;
}

Result<Fsa> bounded(Bound bound, const Decimal& b) {
  Relations wanted{};  // of the number to b
  wanted[less] = bound == Bound::at_most || bound == Bound::below;
  wanted[greater] = !wanted[less];
  wanted[equal] = bound == Bound::at_most || bound == Bound::at_least;
  const auto all_or_none = [](bool all) { return Relations{all, all, all}; };
  Decimal magnitude = b;
  magnitude.negative = false;
  // Of the magnitude of a number to that of b, for numbers without and with a minus.
  Relations plain = wanted, minus{};
  if (b.negative) {
    plain = all_or_none(wanted[greater]);
    minus = {wanted[greater], wanted[equal], wanted[less]};
  } else if (b.is_zero()) {
    minus = {wanted[greater], wanted[equal], wanted[less]};
  } else {
    minus = all_or_none(wanted[less]);
  }
  Nfa nfa;
  const StateId from = nfa.add(), to = nfa.add(), sign = nfa.add();
  nfa.insert(compared(magnitude, plain), from, to);
  nfa.byte(from, '-', '-', sign);
  nfa.insert(compared(magnitude, minus), sign, to);
  return nfa.determinise(from, to);
}

// The remainder of the digits read, divided by m, where the step is m / 10^scale; behind the point also how many.
Result<Fsa> multiples(const Decimal& step) {
  constexpr uint64_t kMaxStep = 20'000;
  const size_t scale = step.fraction.size();
  const std::string text = step.digits == "0" ? step.fraction : step.digits + step.fraction;
  uint64_t m = 0;
  for (const char c : text) m = std::min(kMaxStep + 1, 10 * m + static_cast<uint64_t>(c - '0'));
  if (m > kMaxStep || m * (scale + 2) > kMaxStates / 2) {
    return error_of(ErrorKind::unsupported, "a step of {}.{} cannot be honoured: it has too many digits", step.digits,
                    step.fraction);
  }
  std::vector<uint64_t> power{1 % m};  // 10^i mod m
  while (power.size() <= scale) power.push_back(power.back() * 10 % m);
  Fsa fsa;
  // State 0: nothing read. Then 1 + remainder; then, for each number of fraction digits, remainders again.
  fsa.states.resize(1 + m * (scale + 2));
  const auto state_of = [&](size_t part, uint64_t remainder) { return static_cast<StateId>(1 + part * m + remainder); };
  const auto digits = [&](StateId s, size_t part, uint64_t remainder) {
    for (uint64_t d = 0; d < 10; ++d) {
      const auto byte = static_cast<uint8_t>('0' + d);
      fsa.states[s].bytes.push_back({byte, byte, state_of(part, (10 * remainder + d) % m)});
    }
  };
  digits(0, 0, 0);
  for (uint64_t r = 0; r < m; ++r) {
    const StateId whole = state_of(0, r);
    fsa.states[whole].accepting = r * power[scale] % m == 0;
    fsa.states[whole].bytes.push_back({'.', '.', state_of(1, r)});
    digits(whole, 0, r);
    for (size_t j = 0; j <= scale; ++j) {
      const StateId s = state_of(1 + j, r);
      fsa.states[s].accepting = r * power[scale - j] % m == 0;
      if (j < scale)
        digits(s, 2 + j, r);
      else
        fsa.states[s].bytes.push_back({'0', '0', s});
    }
  }
  Nfa nfa;
  const StateId from = nfa.add(), to = nfa.add(), sign = nfa.add();
  nfa.empty(from, sign);
  nfa.byte(from, '-', '-', sign);
  nfa.insert(fsa, sign, to);
  return nfa.determinise(from, to);
}

}  // namespace

Result<Decimal> Decimal::of(const nlohmann::ordered_json& number) {
  const std::string text = number.dump();
  Decimal result;
  std::string digits;
  int point = -1, exponent = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '-') result.negative = true;
    if (c == '.') point = static_cast<int>(digits.size());
    if (c >= '0' && c <= '9') digits += c;
    if (c == 'e' || c == 'E') {
      exponent = std::atoi(text.c_str() + i + 1);
      break;
    }
  }
  if (point < 0) point = static_cast<int>(digits.size());
  point += exponent;
  if (std::abs(point) > kMaxDigits) {
    return error_of(ErrorKind::limit_exceeded, "{} has more than {} digits", text, kMaxDigits);
  }
  while (point > static_cast<int>(digits.size())) digits += '0';
  if (point < 0) {
    digits = fmt::format("{:0>{}}", digits, digits.size() + static_cast<size_t>(-point));
    point = 0;
  }
  result.digits = digits.substr(0, static_cast<size_t>(point));
  result.fraction = digits.substr(static_cast<size_t>(point));
  result.digits.erase(0, std::min(result.digits.find_first_not_of('0'), result.digits.size()));
  if (result.digits.empty()) result.digits.push_back('0');
  while (!result.fraction.empty() && result.fraction.back() == '0') result.fraction.pop_back();
  if (result.is_zero()) result.negative = false;
  return result;
}

std::string Decimal::text() const {
  return fmt::format("{}{}{}{}", negative ? "-" : "", digits, fraction.empty() ? "" : ".", fraction);
}

Result<Fsa> numbers(const NumberConstraints& constraints) {
  const bool plain = constraints.bounds.empty() && constraints.multiple_of.empty();
  QUIPU_TRY(Fsa fsa, all_numbers(!constraints.integer, plain && !constraints.integer));
  for (const auto& [bound, b] : constraints.bounds) {
    QUIPU_TRY(const Fsa within, bounded(bound, b));
    QUIPU_TRY(fsa, product(fsa, within, ProductKind::both));
  }
  for (const Decimal& step : constraints.multiple_of) {
    QUIPU_TRY(const Fsa steps, multiples(step));
    QUIPU_TRY(fsa, product(fsa, steps, ProductKind::both));
  }
  return fsa;
}

}  // namespace quipu::grammar
