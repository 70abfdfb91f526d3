// libjpeg-turbo, through libjpeg's interface.
//
// libjpeg reports a failure to a function that must not return, and Swift has no setjmp: every call
// that can fail is wrapped here, and returns 0 where it did.
#pragma once
#include <stdio.h>
#include <stdlib.h>
#include <setjmp.h>
#include <jpeglib.h>
#include <jerror.h>

struct jpeg_shim {
  struct jpeg_error_mgr errors;
  struct jpeg_progress_mgr progress;
  struct jpeg_decompress_struct decoder;
  jmp_buf failure;
  char message[JMSG_LENGTH_MAX];
};

static inline void jpeg_shim_fail(j_common_ptr decoder) {
  struct jpeg_shim *shim = (struct jpeg_shim *)decoder->client_data;
  shim->errors.format_message(decoder, shim->message);
  longjmp(shim->failure, 1);
}

// libjpeg paints over lost data and warns: an image would be partly grey without a word. What
// does no harm (bytes between segments, odd headers) passes, as it does in Pillow.
static inline void jpeg_shim_message(j_common_ptr decoder, int level) {
  if (level >= 0) return;
  switch (decoder->err->msg_code) {
  case JWRN_HIT_MARKER:
  case JWRN_HUFF_BAD_CODE:
  case JWRN_ARITH_BAD_CODE:
  case JWRN_JPEG_EOF:
  case JWRN_MUST_RESYNC:
  case JWRN_BOGUS_PROGRESSION:
    jpeg_shim_fail(decoder);
  }
}

// A small file may ask for any number of passes over a large image; encoders write about ten.
static inline void jpeg_shim_progress(j_common_ptr decoder) {
  struct jpeg_shim *shim = (struct jpeg_shim *)decoder->client_data;
  if (shim->decoder.input_scan_number > 500) {
    snprintf(shim->message, sizeof shim->message, "it has more than 500 scans");
    longjmp(shim->failure, 1);
  }
}

// A decoder, to be closed; NULL where there is no memory.
static inline struct jpeg_shim *jpeg_shim_open(void) {
  struct jpeg_shim *shim = (struct jpeg_shim *)calloc(1, sizeof *shim);
  if (!shim) return NULL;
  shim->decoder.err = jpeg_std_error(&shim->errors);
  shim->errors.error_exit = jpeg_shim_fail;
  shim->errors.emit_message = jpeg_shim_message;
  shim->progress.progress_monitor = jpeg_shim_progress;
  shim->decoder.client_data = shim;
  if (setjmp(shim->failure)) {
    free(shim);
    return NULL;
  }
  jpeg_create_decompress(&shim->decoder);
  shim->decoder.progress = &shim->progress;
  return shim;
}

static inline void jpeg_shim_close(struct jpeg_shim *shim) {
  jpeg_destroy_decompress(&shim->decoder);
  free(shim);
}

// Reads the header. The bytes must stay until the image is decoded.
static inline int jpeg_shim_header(
  struct jpeg_shim *shim, const unsigned char *bytes, size_t size
) {
  if (setjmp(shim->failure)) return 0;
  jpeg_mem_src(&shim->decoder, bytes, size);
  jpeg_read_header(&shim->decoder, TRUE);
  return 1;
}

// Decodes all rows into `pixels`, of width × height × 3 bytes, or 4 where the image has 4 channels.
static inline int jpeg_shim_decode(struct jpeg_shim *shim, unsigned char *pixels) {
  if (setjmp(shim->failure)) return 0;
  struct jpeg_decompress_struct *decoder = &shim->decoder;
  decoder->out_color_space = decoder->num_components == 4 ? JCS_CMYK : JCS_RGB;
  jpeg_start_decompress(decoder);
  while (decoder->output_scanline < decoder->output_height) {
    JSAMPROW row = pixels + (size_t)decoder->output_scanline * decoder->output_width
      * decoder->output_components;
    jpeg_read_scanlines(decoder, &row, 1);
  }
  jpeg_finish_decompress(decoder);
  return 1;
}
