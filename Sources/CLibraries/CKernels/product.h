// Sliced matrices and their product for one type of number, REAL.
//
// A sliced matrix has the rows of one slice of columns side by side, so that a product reads memory
// in order, and rows that lie a power of two apart do not evict each other. Within a slice four rows,
// a quad, take turns of 16 bytes. So a vector of 64 bytes has the same few columns of four rows of x;
// times 16 bytes of a row of y, repeated, it is a part of four sums, and nothing need be transposed.

/// Numbers in 16 bytes: a sum is in as many chains.
#define CHAINS (LANES / 4)
/// Columns of a slice.
#define SLICE ((size_t)LANES * 32)

_Static_assert(SLICE == JOIN(NAME(espalier_slice), columns), "memory is allocated for these slices");

typedef REAL NAME(vector) __attribute__((vector_size(64)));
typedef REAL NAME(part) __attribute__((vector_size(16)));
typedef REAL NAME(loose) __attribute__((vector_size(16), aligned(sizeof(REAL))));
#define VECTOR NAME(vector)
#define PART NAME(part)
#define LOOSE NAME(loose)

#if LANES == 16
#define REPEATED(p) __builtin_shufflevector(p, p, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3)
#else
#define REPEATED(p) __builtin_shufflevector(p, p, 0, 1, 0, 1, 0, 1, 0, 1)
#endif

/// What is subtracted from the columns of a slice, from column `start` on: a number for each; or for
/// `area` of them in turn, found by counting: a division for each would take longer than the copy.
static const REAL *NAME(centres)(const REAL *centre, size_t area, size_t start, size_t depth,
                                 REAL *shift) {
  if (area == 1) return centre + start;
  size_t channel = start / area, k = 0;
  for (size_t end = (channel + 1) * area - start; k < depth; end += area, channel++)
    for (; k < MIN(end, depth); k++) shift[k] = centre[channel];
  return shift;
}

static void NAME(slice)(const REAL *x, size_t rows, size_t inner, size_t begin, size_t end,
                        const REAL *centre, size_t centres, size_t first, size_t all, REAL *to) {
  REAL space[SLICE];
  if (!centres) memset(space, 0, sizeof space);
  for (size_t start = begin; start < end; start += SLICE, to += PADDED(all) * SLICE) {
    size_t depth = MIN(SLICE, end - start);
    const REAL *shift =
        centres ? NAME(centres)(centre, inner / centres, start, depth, space) : space;
    for (size_t i = 0; i < rows; i++) {
      const REAL *from = x + i * inner + start;
      REAL *row = to + (first + i) / 4 * 4 * SLICE + (first + i) % 4 * CHAINS;
      size_t k = 0;
      for (; k + CHAINS <= depth; k += CHAINS) {
        // The next row lies far away.
        __builtin_prefetch(from + inner + k);
        *(PART *)(row + 4 * k) = *(const LOOSE *)(from + k) - *(const LOOSE *)(shift + k);
      }
      for (; k < SLICE; k++)
        row[k / CHAINS * LANES + k % CHAINS] = k < depth ? from[k] - shift[k] : 0;
    }
    // Rows that fill the last quad up.
    if (first + rows == all)
      for (size_t i = all; i < PADDED(all); i++)
        for (size_t k = 0; k < SLICE; k += CHAINS)
          *(PART *)(to + i / 4 * 4 * SLICE + 4 * k + i % 4 * CHAINS) = (PART){0};
  }
}

/// Adds up the chains of four rows of x by four rows of y: `[4, 4]`, by rows of x.
INLINE void NAME(sums)(const VECTOR *by, REAL *to) {
#if LANES == 16
#define LOW(a, b) \
  __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define HIGH(a, b) \
  __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define EVEN(a, b) \
  __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define ODD(a, b) \
  __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
  VECTOR first = LOW(by[0], by[1]) + HIGH(by[0], by[1]);
  VECTOR second = LOW(by[2], by[3]) + HIGH(by[2], by[3]);
  *(VECTOR *)to = EVEN(first, second) + ODD(first, second);
#undef LOW
#undef HIGH
#else
#define EVEN(a, b) __builtin_shufflevector(a, b, 0, 8, 2, 10, 4, 12, 6, 14)
#define ODD(a, b) __builtin_shufflevector(a, b, 1, 9, 3, 11, 5, 13, 7, 15)
  VECTOR first = EVEN(by[0], by[1]) + ODD(by[0], by[1]);
  VECTOR second = EVEN(by[2], by[3]) + ODD(by[2], by[3]);
  *(VECTOR *)to = __builtin_shufflevector(first, second, 0, 1, 8, 9, 2, 3, 10, 11);
  *(VECTOR *)(to + LANES) = __builtin_shufflevector(first, second, 4, 5, 12, 13, 6, 7, 14, 15);
#endif
#undef EVEN
#undef ODD
}

/// `width` quads of x by a quad of y, the first `rows` and `columns` added to c.
INLINE void NAME(kernel)(size_t width, const REAL *x, const REAL *y, double *c, size_t ldc,
                         size_t rows, size_t columns) {
  VECTOR sums[WIDTH][4];
#pragma clang loop unroll(full)
  for (size_t q = 0; q < width; q++)
#pragma clang loop unroll(full)
    for (size_t j = 0; j < 4; j++) sums[q][j] = (VECTOR){0};
  for (size_t k = 0; k < 4 * SLICE; k += LANES) {
    // The next kernel's: its x is the same.
    __builtin_prefetch(y + 4 * SLICE + k);
    VECTOR factors[4];
#pragma clang loop unroll(full)
    for (size_t j = 0; j < 4; j++) {
      PART factor = *(const PART *)(y + k + j * CHAINS);
      factors[j] = REPEATED(factor);
    }
#pragma clang loop unroll(full)
    for (size_t q = 0; q < width; q++) {
      VECTOR quad = *(const VECTOR *)(x + q * 4 * SLICE + k);
#pragma clang loop unroll(full)
      for (size_t j = 0; j < 4; j++)
        sums[q][j] = __builtin_elementwise_fma(factors[j], quad, sums[q][j]);
    }
  }
#pragma clang loop unroll(full)
  for (size_t q = 0; q < width; q++) {
    _Alignas(64) REAL done[16];
    NAME(sums)(sums[q], done);
    double *to = c + 4 * q * ldc;
    if (rows >= 4 * q + 4 && columns >= 4) {
#pragma clang loop unroll(full)
      for (size_t i = 0; i < 4; i++)
#pragma clang loop unroll(full)
        for (size_t j = 0; j < 4; j++) to[i * ldc + j] += done[4 * i + j];
    } else {
      for (size_t i = 0; i < MIN(4, rows - 4 * q); i++)
        for (size_t j = 0; j < MIN(4, columns); j++) to[i * ldc + j] += done[4 * i + j];
    }
  }
}

/// A slice of m rows by one of n; of a symmetric product, the quads that reach the upper triangle.
INLINE void NAME(multiply)(size_t width, const REAL *x, size_t m, const REAL *y, size_t n,
                           bool upper, double *c, size_t ldc) {
  for (size_t i = 0; i < m; i += 4 * width)
    for (size_t j = upper ? i : 0; j < n; j += 4) {
      size_t quads = MIN(width, (m - i + 3) / 4);
      if (upper) quads = MIN(quads, (j - i) / 4 + 1);
#define KERNEL(width) \
  NAME(kernel)(width, x + i * SLICE, y + j * SLICE, c + i * ldc + j, ldc, m - i, n - j)
      // Where kernels are one quad wide, the compiler is to leave out all but the first.
      switch (width == 1 ? 1 : quads) {
        case 1: KERNEL(1); break;
        case 2: KERNEL(2); break;
        case 3: KERNEL(3); break;
        default: KERNEL(WIDTH); break;
      }
#undef KERNEL
    }
}

INLINE void NAME(blocks)(size_t width, const REAL *x, size_t m, const REAL *y, size_t n, bool upper,
                         size_t slices, double *c, size_t ldc) {
  for (size_t i = 0; i < m; i += BLOCK)
    for (size_t j = upper ? i : 0; j < n; j += BLOCK)
      for (size_t s = 0; s < slices; s++)
        NAME(multiply)(width, x + (s * PADDED(m) + i) * SLICE, MIN(BLOCK, m - i),
                       y + (s * PADDED(n) + j) * SLICE, MIN(BLOCK, n - j), upper && i == j,
                       c + i * ldc + j, ldc);
}

/// Rows multiplied by themselves: the product's diagonal.
INLINE void NAME(diagonal)(const REAL *x, size_t m, size_t slices, double *c) {
  for (size_t s = 0; s < slices; s++)
    for (size_t i = 0; i < m; i += 4) {
      VECTOR chains = {0};
      for (size_t k = 0; k < 4 * SLICE; k += LANES) {
        VECTOR quad = *(const VECTOR *)(x + (s * PADDED(m) + i) * SLICE + k);
        chains = __builtin_elementwise_fma(quad, quad, chains);
      }
      VECTOR four[4] = {chains, chains, chains, chains};
      _Alignas(64) REAL done[16];
      NAME(sums)(four, done);
      for (size_t row = i; row < MIN(i + 4, m); row++) c[row] += done[5 * (row - i)];
    }
}

#define PARAMETERS                                                                           \
  const REAL *x, size_t m, const REAL *y, size_t n, bool upper, size_t slices, double *c,    \
      size_t ldc
#define ARGUMENTS x, m, y, n, upper, slices, c, ldc

#if defined(__x86_64__)
#define AVX512 __attribute__((target("avx512f"), noinline))
#define AVX2 __attribute__((target("avx2,fma"), noinline))
AVX512 static void NAME(avx512)(PARAMETERS) { NAME(blocks)(WIDTH, ARGUMENTS); }
AVX2 static void NAME(avx2)(PARAMETERS) { NAME(blocks)(1, ARGUMENTS); }
AVX2 static void NAME(diagonal_avx2)(const REAL *x, size_t m, size_t slices, double *c) {
  NAME(diagonal)(x, m, slices, c);
}
#endif

static void NAME(product)(const REAL *x, size_t m, const REAL *y, size_t n, size_t slices,
                          double *c, size_t ldc) {
  bool upper = !y;
  if (upper) y = x, n = m;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return NAME(avx512)(ARGUMENTS);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return NAME(avx2)(ARGUMENTS);
#endif
  NAME(blocks)(1, ARGUMENTS);
}

static void NAME(squares)(const REAL *x, size_t m, size_t slices, double *c) {
#if defined(__x86_64__)
  // Without the instruction, a fused multiply–add is a call of the C library.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return NAME(diagonal_avx2)(x, m, slices, c);
#endif
  NAME(diagonal)(x, m, slices, c);
}

#undef CHAINS
#undef SLICE
#undef VECTOR
#undef PART
#undef LOOSE
#undef REPEATED
#undef PARAMETERS
#undef ARGUMENTS
#undef AVX512
#undef AVX2
