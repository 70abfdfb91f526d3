// Sliced matrices and their product for one type of number, REAL, in vectors of LANES numbers
// (64 bytes).
//
// A sliced matrix has the rows of one slice of columns side by side, so that a product reads memory
// in order, and rows that lie a power of two apart do not evict each other. Of each slice of y there
// is a copy turned into panels `[SLICE, width · LANES]`, as wide as the registers allow: a kernel
// multiplies a few rows of x by a panel in registers and reads it in order. While it does, the next
// slice is fetched. Who multiplies by the same y often has it turned once.

typedef REAL NAME(vector) __attribute__((vector_size(64)));
#define VECTOR NAME(vector)

/// The centres of the columns of a slice, from column `start` on.
///
/// Found by counting: a division for each column would take longer than the copy.
static void NAME(centres)(const REAL *centre, size_t area, size_t start, size_t depth,
                          REAL *shift) {
  size_t channel = start / area, k = 0;
  for (size_t end = (channel + 1) * area - start; k < depth; end += area, channel++)
    for (; k < MIN(end, depth); k++) shift[k] = centre[channel];
}

static void NAME(slice)(const REAL *x, size_t rows, size_t inner, size_t begin, size_t end,
                        const REAL *centre, size_t centres, size_t first, size_t all, REAL *to) {
  REAL shift[SLICE] = {0};
  for (size_t start = begin; start < end; start += SLICE) {
    size_t depth = MIN(SLICE, end - start);
    if (centres) NAME(centres)(centre, inner / centres, start, depth, shift);
    for (size_t i = 0; i < rows; i++) {
      const REAL *from = x + i * inner + start;
      REAL *row = to + ((start - begin) / SLICE * all + first + i) * SLICE;
      if (depth == SLICE) {
        for (size_t k = 0; k < SLICE; k++) row[k] = from[k] - shift[k];
      } else {
        for (size_t k = 0; k < depth; k++) row[k] = from[k] - shift[k];
        memset(row + depth, 0, (SLICE - depth) * sizeof(REAL));
      }
    }
  }
}

/// Half a vector: what is turned at a time, which takes no more registers of 32 bytes than there are.
typedef REAL NAME(half) __attribute__((vector_size(32), aligned(sizeof(REAL))));
#define HALF NAME(half)

/// Turns LANES / 2 rows, SLICE apart, into LANES / 2 columns, `panel` apart.
///
/// What lies in each 16 bytes is turned first, which takes an instruction for two vectors; then these
/// squares change places.
INLINE void NAME(transpose)(const REAL *from, REAL *to, size_t panel) {
  HALF a[LANES / 2], b[LANES / 2];
#pragma clang loop unroll(full)
  for (int i = 0; i < LANES / 2; i++) a[i] = *(const HALF *)(from + i * SLICE);
#if LANES == 16
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i += 2) {
    b[i] = __builtin_shufflevector(a[i], a[i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
    b[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; i += 4)
#pragma clang loop unroll(full)
    for (int j = 0; j < 2; j++) {
      a[i + 2 * j] = __builtin_shufflevector(b[i + j], b[i + j + 2], 0, 1, 8, 9, 4, 5, 12, 13);
      a[i + 2 * j + 1] =
          __builtin_shufflevector(b[i + j], b[i + j + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i++) {
    b[i] = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
    b[i + 4] = __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
  }
#else
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; i += 2) {
    HALF low = __builtin_shufflevector(a[i], a[i + 1], 0, 4, 2, 6);
    a[i + 1] = __builtin_shufflevector(a[i], a[i + 1], 1, 5, 3, 7);
    a[i] = low;
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < 2; i++) {
    b[i] = __builtin_shufflevector(a[i], a[i + 2], 0, 1, 4, 5);
    b[i + 2] = __builtin_shufflevector(a[i], a[i + 2], 2, 3, 6, 7);
  }
#endif
#pragma clang loop unroll(full)
  for (int i = 0; i < LANES / 2; i++) *(HALF *)(to + i * panel) = b[i];
}

/// What to read ahead: the next slices of x and y, a share with every kernel.
typedef struct {
  const char *x, *y;
  /// Lines of 64 bytes for every 64 bytes of a row that are worked on.
  size_t share_x, share_y;
} NAME(ahead);

/// `height` rows of `a` by `width` vectors of a panel, the first `rows` and `columns` added to c.
INLINE void NAME(kernel)(size_t height, size_t width, size_t panel, const REAL *a, const REAL *b,
                         double *c, size_t ldc, size_t rows, size_t columns, NAME(ahead) * ahead) {
  VECTOR sums[HEIGHT][WIDTH];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < height; i++)
#pragma clang loop unroll(full)
    for (size_t v = 0; v < width; v++) sums[i][v] = (VECTOR){0};
  // What the sums are added to is in no near cache, and all of it is asked for at the end.
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < columns; j += 64 / sizeof(double)) __builtin_prefetch(c + i * ldc + j, 1);
  const char *x = ahead->x, *y = ahead->y;
  size_t share_x = ahead->share_x, share_y = ahead->share_y;
  for (size_t line = 0; line < SLICE; line += LANES) {
    for (size_t i = 0; i < share_x; i++, x += 64) __builtin_prefetch(x);
    for (size_t i = 0; i < share_y; i++, y += 64) __builtin_prefetch(y);
#pragma clang loop unroll_count(2)
    for (size_t k = line; k < line + LANES; k++) {
      VECTOR others[WIDTH];
#pragma clang loop unroll(full)
      for (size_t v = 0; v < width; v++) others[v] = *(const VECTOR *)(b + k * panel + v * LANES);
#pragma clang loop unroll(full)
      for (size_t i = 0; i < height; i++) {
        VECTOR factor = a[i * SLICE + k] - (VECTOR){0};
#pragma clang loop unroll(full)
        for (size_t v = 0; v < width; v++)
          sums[i][v] = __builtin_elementwise_fma(factor, others[v], sums[i][v]);
      }
    }
  }
  ahead->x = x;
  ahead->y = y;
  // A copy, so that indexing it does not keep the sums themselves from the registers.
  VECTOR done[HEIGHT][WIDTH];
#pragma clang loop unroll(full)
  for (size_t i = 0; i < height; i++)
#pragma clang loop unroll(full)
    for (size_t v = 0; v < width; v++) done[i][v] = sums[i][v];
  for (size_t i = 0; i < rows; i++) {
    const REAL *sum = (const REAL *)done[i];
    if (columns == width * LANES)
      for (size_t j = 0; j < width * LANES; j++) c[i * ldc + j] += sum[j];
    else
      for (size_t j = 0; j < columns; j++) c[i * ldc + j] += sum[j];
  }
}

/// All rows of a slice by all panels; of a symmetric product, those that reach the upper triangle.
INLINE void NAME(multiply)(size_t height, size_t width, const REAL *x, size_t m, const REAL *panels,
                           size_t n, bool upper, double *c, size_t ldc, NAME(ahead) * ahead) {
  size_t panel = width * LANES;
  for (size_t i = 0; i < m; i += height) {
    size_t rows = MIN(height, m - i);
    for (size_t j = 0; j < n; j += panel) {
      size_t end = MIN(panel, n - j);
      // Vectors that lie below the diagonal as a whole.
      size_t below = upper && i > j ? (i - j) / LANES : 0, start = below * LANES;
      if (start >= end) continue;
      const REAL *left = x + i * SLICE;
      const REAL *right = panels + j * SLICE + start;
      double *to = c + i * ldc + j + start;
#define KERNEL(width) \
  NAME(kernel)(height, width, panel, left, right, to, ldc, rows, end - start, ahead)
      // Where panels are one vector wide, the compiler is to leave out all kernels but the first.
      switch (width == 1 ? 1 : (end - start + LANES - 1) / LANES) {
        case 1: KERNEL(1); break;
        case 2: KERNEL(2); break;
        case 3: KERNEL(3); break;
        default: KERNEL(WIDTH); break;
      }
#undef KERNEL
    }
  }
}

/// Turns at most BLOCK rows of a slice into panels.
INLINE void NAME(turn)(size_t width, const REAL *y, size_t n, REAL *panels) {
  size_t panel = width * LANES;
  for (size_t j = 0; j < n; j += LANES / 2)
    for (size_t k = 0; k < SLICE; k += LANES / 2)
      NAME(transpose)(y + j * SLICE + k,
                      panels + j / panel * panel * SLICE + k * panel + j % panel, panel);
}

/// The product of at most BLOCK rows by at most BLOCK rows, of matrices of all_x and all_y rows.
///
/// - y: Sliced, to be turned slice by slice into `panels`; or turned already, where there are none.
INLINE void NAME(block)(size_t height, size_t width, const REAL *x, size_t m, size_t all_x,
                        const REAL *y, size_t n, size_t all_y, bool upper, size_t slices, double *c,
                        size_t ldc, REAL *panels) {
  size_t panel = width * LANES;
  size_t calls = (m + height - 1) / height * ((n + panel - 1) / panel);
  if (upper) calls = (calls + 1) / 2;
  // Of the SLICE / LANES lines of each row, one by one as kernels pass along a slice.
  NAME(ahead) share = {.share_x = (m + calls - 1) / calls, .share_y = (n + calls - 1) / calls};
  if (upper && panels) share.share_x = 0;
  for (size_t s = 0; s < slices; s++) {
    const REAL *rows = x + s * all_x * SLICE, *others = y + s * all_y * SLICE;
    if (panels) NAME(turn)(width, others, n, panels);
    NAME(ahead) ahead = share;
    if (s + 1 < slices) {
      ahead.x = (const char *)(rows + all_x * SLICE);
      ahead.y = (const char *)(others + all_y * SLICE);
    } else {
      ahead.share_x = ahead.share_y = 0;
    }
    NAME(multiply)(height, width, rows, m, panels ? panels : others, n, upper, c, ldc, &ahead);
  }
}

INLINE void NAME(blocks)(size_t height, size_t width, const REAL *x, size_t m, const REAL *y,
                         size_t n, size_t all_y, bool upper, size_t slices, double *c, size_t ldc,
                         REAL *panels) {
  for (size_t i = 0; i < m; i += BLOCK)
    for (size_t j = upper ? i : 0; j < n; j += BLOCK)
      NAME(block)(height, width, x + i * SLICE, MIN(BLOCK, m - i), m, y + j * SLICE,
                  MIN(BLOCK, n - j), all_y, upper && i == j, slices, c + i * ldc + j, ldc, panels);
}

#define PARAMETERS                                                                              \
  const REAL *x, size_t m, const REAL *y, size_t n, size_t all_y, bool upper, size_t slices,    \
      double *c, size_t ldc, REAL *panels
#define ARGUMENTS x, m, y, n, all_y, upper, slices, c, ldc, panels

#if defined(__x86_64__)
#define AVX512 __attribute__((target("avx512f"), noinline))
#define AVX2 __attribute__((target("avx2,fma"), noinline))
AVX512 static void NAME(avx512)(PARAMETERS) { NAME(blocks)(HEIGHT, WIDTH, ARGUMENTS); }
AVX2 static void NAME(avx2)(PARAMETERS) { NAME(blocks)(HEIGHT, 1, ARGUMENTS); }
#endif
__attribute__((noinline)) static void NAME(portable)(PARAMETERS) {
  NAME(blocks)(4, 1, ARGUMENTS);
}

static void NAME(any)(PARAMETERS) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    NAME(avx512)(ARGUMENTS);
  else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    NAME(avx2)(ARGUMENTS);
  else
#endif
    NAME(portable)(ARGUMENTS);
}

static void NAME(product)(const REAL *x, size_t m, const REAL *y, size_t n, size_t slices,
                          double *c, size_t ldc) {
  _Alignas(64) REAL panels[BLOCK * SLICE];
  if (!y) n = m;
  NAME(any)(x, m, y ? y : x, n, n, !y, slices, c, ldc, panels);
}

#if LANES == 16
/// All slices turned into panels, BLOCK rows at a time.
INLINE void NAME(turns)(size_t width, const REAL *y, size_t n, size_t slices, REAL *panels) {
  for (size_t s = 0; s < slices; s++)
    for (size_t j = 0; j < n; j += BLOCK)
      NAME(turn)(width, y + (s * n + j) * SLICE, MIN(BLOCK, n - j),
                 panels + (s * PADDED(n) + j) * SLICE);
}

#if defined(__x86_64__)
AVX512 static void NAME(turns_avx512)(const REAL *y, size_t n, size_t slices, REAL *panels) {
  NAME(turns)(WIDTH, y, n, slices, panels);
}
AVX2 static void NAME(turns_avx2)(const REAL *y, size_t n, size_t slices, REAL *panels) {
  NAME(turns)(1, y, n, slices, panels);
}
#endif

static void NAME(panels)(const REAL *y, size_t n, size_t slices, REAL *panels) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f"))
    NAME(turns_avx512)(y, n, slices, panels);
  else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    NAME(turns_avx2)(y, n, slices, panels);
  else
#endif
    NAME(turns)(1, y, n, slices, panels);
}

static void NAME(product_panels)(const REAL *x, size_t m, const REAL *panels, size_t n, bool upper,
                                 size_t slices, double *c, size_t ldc) {
  NAME(any)(x, m, panels, n, PADDED(n), upper, slices, c, ldc, NULL);
}
#endif

#undef VECTOR
#undef HALF
#undef PARAMETERS
#undef ARGUMENTS
#undef AVX512
#undef AVX2
