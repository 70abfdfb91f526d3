// Memory as files without a name: Glibc declares memfd_create for GNU sources alone.
#define _GNU_SOURCE
#include <sys/mman.h>

static inline int espalier_memory_file(const char *name) {
  return memfd_create(name, MFD_CLOEXEC);
}
