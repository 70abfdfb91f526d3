#include "rows.h"

#pragma STDC FP_CONTRACT OFF

#if defined(__x86_64__) && defined(__linux__)
#define WIDE __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define WIDE
#endif

WIDE void espalier_subtract(float *restrict x, size_t rows, size_t apart,
                            const float *restrict centre, size_t columns) {
  for (size_t i = 0; i < rows; i++, x += apart)
    for (size_t j = 0; j < columns; j++) x[j] -= centre[j];
}

WIDE void espalier_add_rows(const float *restrict x, size_t rows, size_t apart, size_t columns,
                            double *restrict sums) {
  for (size_t i = 0; i < rows; i++, x += apart)
    for (size_t j = 0; j < columns; j++) sums[j] += x[j];
}

WIDE void espalier_sum_rows(const float *restrict x, size_t rows, size_t apart, size_t columns,
                            float factor, float *restrict sum) {
  for (size_t j = 0; j < columns; j++) sum[j] = 0;
  for (size_t i = 0; i < rows; i++, x += apart)
    for (size_t j = 0; j < columns; j++) sum[j] += x[j];
  for (size_t j = 0; j < columns; j++) sum[j] *= factor;
}

WIDE void espalier_add(const float *restrict x, size_t count, double *restrict sums) {
  for (size_t k = 0; k < count; k++) sums[k] += x[k];
}

WIDE void espalier_move_outputs(float *restrict y, size_t rows, size_t apart, size_t columns,
                                const float *restrict targets, const float *restrict shortcuts,
                                espalier_clamps clamps, double *restrict sums) {
  for (size_t i = 0; i < rows; i++, y += apart, targets += columns) {
    for (size_t j = 0; j < columns; j++) {
      float added = clamps.shift[j] + (shortcuts ? shortcuts[j] : 0);
      float value = y[j] + clamps.constant[j] + added;
      y[j] = espalier_nearest(value, targets[j] + added, clamps.lower[j], clamps.upper[j]) - value;
    }
    for (size_t j = 0; j < columns; j++) sums[j] += y[j];
    if (shortcuts) shortcuts += columns;
  }
}

WIDE void espalier_residual(float *restrict x, const float *restrict t, size_t count, float lower,
                            float upper) {
  for (size_t k = 0; k < count; k++) x[k] = 2 * (espalier_nearest(x[k], t[k], lower, upper) - x[k]);
}

WIDE void espalier_hide(float *restrict x, const float *restrict at, size_t count, float lower,
                        float upper) {
  for (size_t k = 0; k < count; k++) x[k] = at[k] > lower && at[k] < upper ? x[k] : 0;
}
