#include <malloc.h>
#include <stdint.h>

/// Glibc keeps freed memory for the next who ask; this gives whole pages of it back to the system.
static inline void espalier_give_freed_memory_back(void) { malloc_trim(0); }

/// Glibc keeps freed memory apart for every thread that took some.
static inline void espalier_share_freed_memory(void) { mallopt(M_ARENA_MAX, 1); }

/// A number that other processes write: what they wrote before it is seen after it.
static inline uint64_t espalier_load_acquire(const uint64_t *number) {
  return __atomic_load_n(number, __ATOMIC_ACQUIRE);
}

/// Shows a number to other processes, after all that was written before.
static inline void espalier_store_release(uint64_t *number, uint64_t value) {
  __atomic_store_n(number, value, __ATOMIC_RELEASE);
}
