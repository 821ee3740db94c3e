// exp and its kin over the primitives `S` of one instruction set (ISA/simd.h). The coefficients are minimax fits that
// scripts/references/kernels_polynomials.py prints with their errors.
#pragma once

namespace quipu::kernels {
namespace {

// e^x: relative error at most 3 * 2^-24; 0 and infinity where they belong,
// subnormal results rounded once, NaN for NaN.
template <class S>
typename S::F exp_lanes(typename S::F x) {
  using F = typename S::F;
  // below -104 the result is 0 (less than half the least subnormal), above 89 infinity
  x = S::min(S::set(89.0f), S::max(S::set(-104.0f), x));
  const F n = S::round(S::mul(x, S::set(0x1.715476p+0f)));
  // ln(2) in two parts; the first has 9 digits, so its product with n is exact
  F r = S::fnma(n, S::set(0x1.63p-1f), x);
  r = S::fnma(n, S::set(-0x1.bd0106p-13f), r);
  // relative error 1.7e-8 on |r| <= ln(2)/2
  F p = S::set(0x1.6ae720p-10f);
  p = S::fma(p, r, S::set(0x1.126792p-7f));
  p = S::fma(p, r, S::set(0x1.555822p-5f));
  p = S::fma(p, r, S::set(0x1.55541ap-3f));
  p = S::fma(p, r, S::set(0x1.fffffcp-2f));
  p = S::fma(p, r, S::set(1.0f));
  p = S::fma(p, r, S::set(1.0f));
  return S::scale_by_power(p, n);
}

// 2^x for x <= 0: relative error at most 3 * 2^-24 down to x = -126.5, below that 0. NaN for NaN.
template <class S>
typename S::F exp2_of_negative_lanes(typename S::F x) {
  using F = typename S::F;
  x = S::max(S::set(-127.0f), x);
  // the sum's unit in the last place is 1, so it is round(x) + 127, the exponent of 2^round(x), in its low bits
  constexpr float kRound = 0x1.8p23f + 127.0f;
  const F t = S::add(x, S::set(kRound));
  const F r = S::sub(x, S::sub(t, S::set(kRound)));
  // relative error 1.1e-7 on |r| <= 1/2
  F p = S::set(0x1.5bba10p-10f);
  p = S::fma(p, r, S::set(0x1.3cea8cp-7f));
  p = S::fma(p, r, S::set(0x1.c6b754p-5f));
  p = S::fma(p, r, S::set(0x1.ebf9bcp-3f));
  p = S::fma(p, r, S::set(0x1.62e42ap-1f));
  p = S::fma(p, r, S::set(1.0f));
  return S::mul(p, S::shift_to_exponent(t));
}

// tanh(x): absolute error at most 5 * 2^-24. NaN for NaN.
template <class S>
typename S::F tanh_lanes(typename S::F x) {
  using F = typename S::F;
  const F one = S::set(1.0f);
  const F e = exp_lanes<S>(S::mul(S::set(-2.0f), S::abs(x)));
  const F magnitude = S::div(S::sub(one, e), S::add(one, e));
  return S::select(S::less(x, S::zero()), S::sub(S::zero(), magnitude), magnitude);
}

// The standard normal distribution's P(X <= x) = erfc(-x / sqrt(2)) / 2, with
// erfc(z) = exp(-z^2) t P(t), t = 1 / (1 + 21/64 z) for z >= 0 (relative error of t P(t) 2.1e-8).
template <class S>
typename S::F normal_cdf_lanes(typename S::F x) {
  using F = typename S::F;
  // beyond 20 the tail, 2.8e-89, is zero anyway, and x^2 cannot overflow
  const F a = S::min(S::set(20.0f), S::abs(x));
  const F t = S::div(S::set(1.0f), S::fma(a, S::set(0.328125f * 0x1.6a09e6p-1f), S::set(1.0f)));
  F p = S::set(0x1.c9a574p-5f);
  p = S::fma(p, t, S::set(-0x1.3e2062p-2f));
  p = S::fma(p, t, S::set(0x1.37842cp-1f));
  p = S::fma(p, t, S::set(-0x1.11914ap-1f));
  p = S::fma(p, t, S::set(0x1.eaf4bep-2f));
  p = S::fma(p, t, S::set(-0x1.3ca904p-5f));
  p = S::fma(p, t, S::set(0x1.9dce2cp-3f));
  p = S::fma(p, t, S::set(0x1.5588b2p-3f));
  p = S::fma(p, t, S::set(0x1.7ce76ep-3f));
  p = S::fma(p, t, S::set(0x1.7b0e56p-3f));
  // exp(-a^2/2) with what the rounding of a^2 dropped (nothing where there is no FMA)
  const F square = S::mul(a, a);
  const F dropped = S::sub(S::zero(), S::fnma(a, a, square));
  const F e = exp_lanes<S>(S::mul(S::set(-0.5f), square));
  const F half_e = S::mul(S::mul(S::set(0.5f), e), S::fnma(S::set(0.5f), dropped, S::set(1.0f)));
  const F tail = S::mul(S::mul(p, t), half_e);
  return S::select(S::less(x, S::zero()), tail, S::sub(S::set(1.0f), tail));
}

}  // namespace
}  // namespace quipu::kernels
