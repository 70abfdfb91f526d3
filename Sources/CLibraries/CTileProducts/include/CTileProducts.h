// Products of tall rows, summed in double: the kernel matrices of tiles and what is made of them.
#pragma once
#include <stdbool.h>
#include <stddef.h>

/// How many columns are summed in the precision of the factors before the sum goes to `c`, and how
/// many there are in a slice.
///
/// Part of the result's definition, as the order is: within a slice a sum is one chain of fused
/// multiply–adds from the first column to the last; slices are added in double, in order. So the
/// result is the same bits with any instruction set, and however rows are grouped.
enum { espalier_slice = 256 };

/// Numbers that must be allocated beyond a sliced matrix: kernels read, and ignore, further rows.
enum { espalier_slice_margin = 32 * espalier_slice };

/// Copies columns `begin`…`end` of rows of `inner` numbers into a sliced matrix
/// `[slices, all, espalier_slice]`, from row `first` on, zeros filling the last slice, with `centre`
/// subtracted: `centres` numbers that divide `inner`, each for as many columns in turn; or none.
void espalier_slice_f32(const float *x, size_t rows, size_t inner, size_t begin, size_t end,
                        const float *centre, size_t centres, size_t first, size_t all, float *to);
void espalier_slice_f64(const double *x, size_t rows, size_t inner, size_t begin, size_t end,
                        const double *centre, size_t centres, size_t first, size_t all, double *to);

/// c[i · ldc + j] += Σ_k x[i, k] y[j, k]
///
/// - x, y: Sliced, of m and n rows. Where y is null it is x, and only j ≥ i is certain to be added;
///   what is below the diagonal of c is then undefined.
void espalier_product_f32(const float *x, size_t m, const float *y, size_t n, size_t slices,
                          double *c, size_t ldc);
void espalier_product_f64(const double *x, size_t m, const double *y, size_t n, size_t slices,
                          double *c, size_t ldc);

/// Panels have whole multiples of so many rows.
enum { espalier_panel_rows = 64 };

/// Turns a sliced matrix of n rows into panels that products read: `slices` times n rows, rounded up
/// to `espalier_panel_rows`, of `espalier_slice` numbers, at a multiple of 64 bytes. Only this process
/// can read them.
void espalier_panels_f32(const float *y, size_t n, size_t slices, float *panels);

/// As espalier_product_f32, the same bits, with y turned into panels before.
///
/// - upper: y is x: only j ≥ i is certain to be added.
void espalier_product_panels_f32(const float *x, size_t m, const float *panels, size_t n, bool upper,
                                 size_t slices, double *c, size_t ldc);

/// c[i] += Σ_k x[i, k]²: the same bits as the product's diagonal.
void espalier_squares_f32(const float *x, size_t m, size_t slices, double *c);
