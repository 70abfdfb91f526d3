#include "CTileProducts.h"

#include <stdbool.h>
#include <string.h>

#define SLICE espalier_slice
/// Rows of x and of y that are worked on together: a slice of both fits the second-level cache.
#define BLOCK 128
/// The greatest part of a product that is summed in registers: rows of x, vectors of a panel.
///
/// A row's factor serves more sums the wider a panel is, which saves instructions: with two vectors,
/// a core whose other half works for somebody else is a fifth slower.
#define HEIGHT 6
#define WIDTH 4
#define INLINE static inline __attribute__((always_inline))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
/// Rows of panels: whole ones, however wide they are.
#define PADDED(n) (((n) + espalier_panel_rows - 1) / espalier_panel_rows * espalier_panel_rows)
#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)

#define REAL float
#define LANES 16
#define NAME(what) JOIN(what, f32)
#include "product.h"
#undef REAL
#undef LANES
#undef NAME

#define REAL double
#define LANES 8
#define NAME(what) JOIN(what, f64)
#include "product.h"

void espalier_slice_f32(const float *x, size_t rows, size_t inner, size_t begin, size_t end,
                        const float *centre, size_t centres, size_t first, size_t all, float *to) {
  slice_f32(x, rows, inner, begin, end, centre, centres, first, all, to);
}

void espalier_slice_f64(const double *x, size_t rows, size_t inner, size_t begin, size_t end,
                        const double *centre, size_t centres, size_t first, size_t all, double *to) {
  slice_f64(x, rows, inner, begin, end, centre, centres, first, all, to);
}

void espalier_product_f32(const float *x, size_t m, const float *y, size_t n, size_t slices,
                          double *c, size_t ldc) {
  product_f32(x, m, y, n, slices, c, ldc);
}

void espalier_product_f64(const double *x, size_t m, const double *y, size_t n, size_t slices,
                          double *c, size_t ldc) {
  product_f64(x, m, y, n, slices, c, ldc);
}

void espalier_panels_f32(const float *y, size_t n, size_t slices, float *panels) {
  panels_f32(y, n, slices, panels);
}

void espalier_product_panels_f32(const float *x, size_t m, const float *panels, size_t n, bool upper,
                                 size_t slices, double *c, size_t ldc) {
  product_panels_f32(x, m, panels, n, upper, slices, c, ldc);
}

/// Several rows at a time: each sum is one chain, which alone would wait for itself.
INLINE void squares(const float *x, size_t m, size_t slices, double *c) {
  enum { rows = 8 };
  for (size_t s = 0; s < slices; s++)
    for (size_t i = 0; i < m; i += rows) {
      const float *row = x + (s * m + i) * SLICE;
      float sums[rows] = {0};
      for (size_t k = 0; k < SLICE; k++)
#pragma clang loop unroll(full)
        for (size_t r = 0; r < rows; r++)
          sums[r] = __builtin_fmaf(row[r * SLICE + k], row[r * SLICE + k], sums[r]);
      for (size_t r = 0; r < MIN(rows, m - i); r++) c[i + r] += sums[r];
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) static void squares_fma(const float *x, size_t m,
                                                           size_t slices, double *c) {
  squares(x, m, slices, c);
}
#endif

void espalier_squares_f32(const float *x, size_t m, size_t slices, double *c) {
#if defined(__x86_64__)
  // Without the instruction, a fused multiply–add is a call of the C library.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return squares_fma(x, m, slices, c);
#endif
  squares(x, m, slices, c);
}
