// Products of tall rows, summed in double: the kernel matrices of tiles and what is made of them.
#pragma once
#include <stddef.h>

/// How many columns are summed in the precision of the factors before the sum goes to `c`, and how
/// many there are in a slice.
///
/// Part of the result's definition, as the order is: within a slice there are four chains of fused
/// multiply–adds in single precision, two in double, of every fourth (second) column from the first
/// four (two) on; they are added, (0 + 2) + (1 + 3), or 0 + 1; slices are added in double, in order.
/// So the result is the same bits with any instruction set, and however rows are grouped.
enum { espalier_slice_f32_columns = 512, espalier_slice_f64_columns = 256 };

/// A sliced matrix has whole multiples of so many rows, and lies at a multiple of 64 bytes.
enum { espalier_slice_rows = 4 };

/// Copies columns `begin`…`end` of rows of `inner` numbers into a sliced matrix of `all` rows, from row
/// `first` on, zeros filling the last slice. Whoever writes the last row fills its four rows up.
///
/// `centre` is subtracted: `centres` numbers that divide `inner`, each for as many columns in turn; or
/// none. `begin` is the beginning of a slice of the matrix, whose memory from there on is `to`.
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

/// c[i] += Σ_k x[i, k]²: the same bits as the product's diagonal.
void espalier_squares_f32(const float *x, size_t m, size_t slices, double *c);
void espalier_squares_f64(const double *x, size_t m, size_t slices, double *c);
