// libpng.
//
// libpng reports a failure to a function that must not return, and Swift has no setjmp: every call
// that can fail is wrapped here, and returns 0 where it did.
#pragma once
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <png.h>

struct png_shim {
  png_structp decoder;
  png_infop info;
  const unsigned char *bytes;
  size_t left;
  jmp_buf failure;
  char message[128];
};

static inline void png_shim_fail(png_structp decoder, png_const_charp message) {
  struct png_shim *shim = (struct png_shim *)png_get_error_ptr(decoder);
  snprintf(shim->message, sizeof shim->message, "%s", message);
  longjmp(shim->failure, 1);
}

// Warnings are about chunks that do not change pixels.
static inline void png_shim_warn(png_structp decoder, png_const_charp message) {}

static inline void png_shim_read(png_structp decoder, png_bytep target, size_t count) {
  struct png_shim *shim = (struct png_shim *)png_get_io_ptr(decoder);
  if (count > shim->left) png_error(decoder, "the file is cut short");
  memcpy(target, shim->bytes, count);
  shim->bytes += count;
  shim->left -= count;
}

// A decoder, to be closed; NULL where there is no memory.
static inline struct png_shim *png_shim_open(void) {
  struct png_shim *shim = (struct png_shim *)calloc(1, sizeof *shim);
  if (!shim) return NULL;
  if (!setjmp(shim->failure)) {
    shim->decoder =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, shim, png_shim_fail, png_shim_warn);
    if (shim->decoder) shim->info = png_create_info_struct(shim->decoder);
    if (shim->info) return shim;
  }
  png_destroy_read_struct(&shim->decoder, &shim->info, NULL);
  free(shim);
  return NULL;
}

static inline void png_shim_close(struct png_shim *shim) {
  png_destroy_read_struct(&shim->decoder, &shim->info, NULL);
  free(shim);
}

// Reads everything in front of the pixels. The bytes must stay until the image is decoded.
static inline int png_shim_header(
  struct png_shim *shim, const unsigned char *bytes, size_t size
) {
  if (setjmp(shim->failure)) return 0;
  shim->bytes = bytes;
  shim->left = size;
  png_set_read_fn(shim->decoder, shim, png_shim_read);
  png_read_info(shim->decoder, shim->info);
  return 1;
}

// Decodes all rows into `pixels`, of width × height × 3 bytes: palettes are looked up, grey is
// spread over the channels, of 16 bits the upper 8 stay, alpha is left out without blending, and
// gamma is not corrected, all of it as Pillow does.
static inline int png_shim_decode(struct png_shim *shim, unsigned char *pixels) {
  png_structp decoder = shim->decoder;
  if (setjmp(shim->failure)) return 0;
  png_set_expand(decoder);
  png_set_strip_16(decoder);
  png_set_gray_to_rgb(decoder);
  png_set_strip_alpha(decoder);
  int passes = png_set_interlace_handling(decoder);
  png_read_update_info(decoder, shim->info);
  size_t stride = png_get_rowbytes(decoder, shim->info);
  png_uint_32 height = png_get_image_height(decoder, shim->info);
  if (stride != (size_t)3 * png_get_image_width(decoder, shim->info))
    png_error(decoder, "its colours are not understood");
  for (int pass = 0; pass < passes; ++pass)
    for (png_uint_32 row = 0; row < height; ++row)
      png_read_row(decoder, pixels + row * stride, NULL);
  png_read_end(decoder, NULL);
  return 1;
}
