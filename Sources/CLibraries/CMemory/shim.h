#include <malloc.h>

/// Glibc keeps freed memory for the next who ask; this gives whole pages of it back to the system.
static inline void espalier_give_freed_memory_back(void) { malloc_trim(0); }

/// Glibc keeps freed memory apart for every thread that took some.
static inline void espalier_share_freed_memory(void) { mallopt(M_ARENA_MAX, 1); }
