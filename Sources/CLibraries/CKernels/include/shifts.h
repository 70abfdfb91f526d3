// Products of the columns of maps with those of maps that lie elsewhere in memory, a step to the side or
// some rows below: what windows of a map have to do with each other, without unfolding them.
#pragma once
#include <stddef.h>

/// Places of some images, one after the other: `images` times `depth` of them.
typedef struct {
  size_t images, depth;
} espalier_places;

/// Numbers of such places: from one place to the next, and from one image to the next.
typedef struct {
  const float *first;
  size_t apart, imagesApart;
} espalier_map;

/// c[i · ldc + j] += Σ_n Σ_k a[n, k, i] b[n, k, j]
///
/// A sum is one chain of fused multiply–adds in order of n and k, whatever the vectors; it is added to
/// `c` in double.
///
/// - b: May be read up to 47 numbers beyond column n of the last place.
void espalier_shifted_product(espalier_places places, espalier_map a, size_t m, espalier_map b,
                              size_t n, double *c, size_t ldc);
