// Loops over rows of numbers. They round alike whatever the vectors: what is summed over rows is summed
// in their order, and nothing is fused.
#pragma once
#include <stddef.h>

/// x[i · apart + j] −= centre[j]
void espalier_subtract(float *x, size_t rows, size_t apart, const float *centre, size_t columns);

/// sums[j] += Σ_i x[i · apart + j]
void espalier_add_rows(const float *x, size_t rows, size_t apart, size_t columns, double *sums);

/// sum[j] = factor · Σ_i x[i · apart + j]
void espalier_sum_rows(const float *x, size_t rows, size_t apart, size_t columns, float factor,
                       float *sum);

/// sums[k] += x[k]
void espalier_add(const float *x, size_t count, double *sums);

/// The z that minimises (clamp(t) − clamp(z))² + (z − y)².
static inline float espalier_nearest(float y, float t, float lower, float upper) {
#define LESSER(a, b) ((b) < (a) ? (b) : (a))
#define GREATER(a, b) ((b) >= (a) ? (b) : (a))
#pragma STDC FP_CONTRACT OFF
  float wanted = LESSER(GREATER(t, lower), upper), half = (wanted + y) / 2;
  float inside = LESSER(GREATER(half, lower), upper);
  float below = LESSER(y, lower), above = GREATER(y, upper);
  float cost = (wanted - inside) * (wanted - inside) + (inside - y) * (inside - y);
  float costBelow = (wanted - lower) * (wanted - lower) + (below - y) * (below - y);
  float costAbove = (wanted - upper) * (wanted - upper) + (above - y) * (above - y);
  float best = costBelow < cost ? below : inside;
  return costAbove < LESSER(cost, costBelow) ? above : best;
#undef LESSER
#undef GREATER
}

/// A clamp of every output, and what is added to an output before it.
typedef struct {
  const float *lower, *upper, *shift, *constant;
} espalier_clamps;

/// Replaces outputs y, rows of `columns` numbers, by how far away the nearest ones are that clamp to
/// the targets:
///
///     z(y + constant + s, target + s) − (y + constant + s)      s = shift + shortcut
///
/// - targets, shortcuts: `[rows, columns]`; shortcuts may be null.
/// - sums: Of what is written, added to, by column.
void espalier_move_outputs(float *y, size_t rows, size_t apart, size_t columns,
                           const float *targets, const float *shortcuts, espalier_clamps clamps,
                           double *sums);

/// x[k] = 2 (z(x[k], t[k]) − x[k])
void espalier_residual(float *x, const float *t, size_t count, float lower, float upper);

/// x[k] = 0 where at[k] is not between the bounds
void espalier_hide(float *x, const float *at, size_t count, float lower, float upper);
