// Flushing a file system as a whole: Glibc declares syncfs for GNU sources alone.
#pragma once

int syncfs(int descriptor);

static inline int espalier_flush_file_system(int descriptor) {
  return syncfs(descriptor);
}
