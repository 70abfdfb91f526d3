#include "products.h"

#include <stdbool.h>
#include <string.h>

/// Rows of x and of y that are worked on together: their slices take 256 KB each, and share a
/// second-level cache of 1 MB or more.
#define BLOCK 128
/// Quads of x that are multiplied by a quad of y in registers: sixteen vectors of sums. Their slices
/// take 32 KB, that of y and the next one 16 KB: a first-level cache of those who have AVX-512.
#define WIDTH 4
#define INLINE static inline __attribute__((always_inline))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
/// Whole quads.
#define PADDED(n) (((n) + 3) / 4 * 4)
_Static_assert(espalier_slice_rows == 4, "a quad has four rows");
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

void espalier_squares_f32(const float *x, size_t m, size_t slices, double *c) {
  squares_f32(x, m, slices, c);
}

void espalier_squares_f64(const double *x, size_t m, size_t slices, double *c) {
  squares_f64(x, m, slices, c);
}
