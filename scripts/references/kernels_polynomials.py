#!/usr/bin/env python3
"""Minimax coefficients of the polynomials in src/kernels (exp, exp2, the normal distribution), by the Remez exchange.

Prints, for each, the coefficients rounded to float32 (lowest power first) and the largest relative error of the exact
polynomial with these rounded coefficients: what evaluation in float32 adds comes on top. Standard library only.
"""
import math
import struct


def f32(x):
    return struct.unpack("f", struct.pack("f", x))[0]


def solve(a, b):
    n = len(b)
    m = [row[:] + [v] for row, v in zip(a, b)]
    for c in range(n):
        p = max(range(c, n), key=lambda r: abs(m[r][c]))
        m[c], m[p] = m[p], m[c]
        for r in range(c + 1, n):
            k = m[r][c] / m[c][c]
            m[r] = [x - k * y for x, y in zip(m[r], m[c])]
    x = [0.0] * n
    for r in reversed(range(n)):
        x[r] = (m[r][n] - sum(m[r][c] * x[c] for c in range(r + 1, n))) / m[r][r]
    return x


def horner(c, x):
    y = 0.0
    for k in reversed(c):
        y = y * x + k
    return y


def remez(target, weight, lo, hi, degree, rounds=30):
    """Coefficients c that minimise the largest |weight(x) * (sum c_k x^k - target(x))| on [lo, hi]."""
    n = degree + 2
    xs = [lo + (hi - lo) * (1 - math.cos(math.pi * i / (n - 1))) / 2 for i in range(n)]
    grid = [lo + (hi - lo) * (1 - math.cos(math.pi * i / 4000)) / 2 for i in range(4001)]
    for _ in range(rounds):
        a = [[x**k for k in range(degree + 1)] + [(-1) ** i / weight(x)] for i, x in enumerate(xs)]
        c = solve(a, [target(x) for x in xs])[:-1]
        err = [weight(x) * (horner(c, x) - target(x)) for x in grid]
        # the extreme of each stretch of equal sign
        peaks = []
        for x, e in zip(grid, err):
            if peaks and (peaks[-1][1] > 0) == (e > 0):
                if abs(e) > abs(peaks[-1][1]):
                    peaks[-1] = (x, e)
            else:
                peaks.append((x, e))
        while len(peaks) > n:
            peaks.pop(0 if abs(peaks[0][1]) < abs(peaks[-1][1]) else -1)
        if len(peaks) < n:
            break
        xs = [p[0] for p in peaks]
    return c


def report(name, c, relative_error, lo, hi):
    c = [f32(x) for x in c]
    worst = max(abs(relative_error(c, lo + (hi - lo) * i / 20000)) for i in range(20001))
    print(f"{name}: largest relative error {worst:.2e}")
    print("  " + ", ".join(f"{x.hex()}f /* {x:.9g} */" for x in c))


def fit_exponential(name, function, half_width, degree):
    """function(r) = 1 + r * P(r): exactly 1 at 0."""
    rate = math.log(function(1.0))
    c = remez(lambda r: math.expm1(r * rate) / r if r else rate, lambda r: (abs(r) + 1e-9) / function(r), -half_width,
              half_width, degree - 1)
    report(name, [1.0] + c, lambda k, r: horner(k, r) / function(r) - 1, -half_width, half_width)


def fit_normal_tail(degree, p):
    """erfc(z) = exp(-z^2) * t * P(t), t = 1 / (1 + p z), for z in [0, 10.5]."""
    def scaled(t):  # erfc(z) exp(z^2) / t
        z = (1 / t - 1) / p
        if z > 25:
            return 1 / (math.sqrt(math.pi) * z) / t
        return math.erfc(z) * math.exp(z * z) / t
    lo = 1 / (1 + 10.5 * p)
    c = remez(scaled, lambda t: 1 / scaled(t), lo, 1.0, degree)
    report(f"erfc, p = {p}, degree {degree}", c, lambda k, t: horner(k, t) / scaled(t) - 1, lo, 1.0)


if __name__ == "__main__":
    fit_exponential("e^r, degree 6, |r| <= ln(2)/2", math.exp, math.log(2) / 2 * 1.0001, 6)
    fit_exponential("2^r, degree 5, |r| <= 1/2", lambda r: 2.0**r, 0.50001, 5)
    fit_normal_tail(9, 0.328125)
