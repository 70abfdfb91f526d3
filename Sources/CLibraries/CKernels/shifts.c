#include "shifts.h"

#include <stdbool.h>

#define INLINE static inline __attribute__((always_inline))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define LANES 16
/// Rows and vectors of a tile: its sums stay in registers.
#define ROWS 8
#define VECTORS 3

typedef float vector __attribute__((vector_size(64)));
typedef float loose __attribute__((vector_size(64), aligned(4)));

INLINE void tile(size_t rows, size_t vectors, espalier_places places, espalier_map a,
                 espalier_map b, double *c, size_t ldc, size_t columns) {
  vector sums[ROWS][VECTORS];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++) sums[i][j] = (vector){0};
  for (size_t n = 0; n < places.images; n++) {
    const float *x = a.first + n * a.imagesApart, *y = b.first + n * b.imagesApart;
    for (size_t k = 0; k < places.depth; k++, x += a.apart, y += b.apart) {
      vector factors[VECTORS];
#pragma clang loop unroll(full)
      for (size_t j = 0; j < vectors; j++) factors[j] = *(const loose *)(y + LANES * j);
#pragma clang loop unroll(full)
      for (size_t i = 0; i < rows; i++) {
        vector repeated = x[i] - (vector){0};
#pragma clang loop unroll(full)
        for (size_t j = 0; j < vectors; j++)
          sums[i][j] = __builtin_elementwise_fma(repeated, factors[j], sums[i][j]);
      }
    }
  }
  _Alignas(64) float done[ROWS * VECTORS * LANES];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
    for (size_t j = 0; j < vectors; j++)
      *(vector *)(done + (i * vectors + j) * LANES) = sums[i][j];
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < columns; j++) c[i * ldc + j] += done[i * vectors * LANES + j];
}

INLINE void strip(size_t vectors, bool isWide, espalier_places places, espalier_map a, size_t m,
                  espalier_map b, double *c, size_t ldc, size_t columns) {
  size_t i = 0;
#define TILES(rows)                                                            \
  for (; i + rows <= m; i += rows) {                                           \
    espalier_map some = {a.first + i, a.apart, a.imagesApart};                 \
    tile(rows, vectors, places, some, b, c + i * ldc, ldc, columns);           \
  }
  if (isWide) TILES(ROWS);
  TILES(4);
  TILES(1);
#undef TILES
}

INLINE void product(size_t vectors, espalier_places places, espalier_map a, size_t m,
                    espalier_map b, size_t n, double *c, size_t ldc) {
  for (size_t j = 0; j < n; j += LANES * vectors) {
    espalier_map some = {b.first + j, b.apart, b.imagesApart};
    size_t columns = MIN(LANES * vectors, n - j);
#define STRIP(count) strip(count, vectors > 1, places, a, m, some, c + j, ldc, columns)
    // Where strips are one vector wide, the compiler is to leave out all but the first.
    switch (vectors == 1 ? 1 : (columns + LANES - 1) / LANES) {
      case 1: STRIP(1); break;
      case 2: STRIP(2); break;
      default: STRIP(VECTORS); break;
    }
#undef STRIP
  }
}

#define PARAMETERS                                                                     \
  espalier_places places, espalier_map a, size_t m, espalier_map b, size_t n, double *c, \
      size_t ldc
#define ARGUMENTS places, a, m, b, n, c, ldc

#if defined(__x86_64__)
__attribute__((target("avx512f"), noinline)) static void avx512(PARAMETERS) {
  product(VECTORS, ARGUMENTS);
}
__attribute__((target("avx2,fma"), noinline)) static void avx2(PARAMETERS) {
  product(1, ARGUMENTS);
}
#endif

void espalier_shifted_product(PARAMETERS) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return avx512(ARGUMENTS);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2(ARGUMENTS);
#endif
  product(1, ARGUMENTS);
}
