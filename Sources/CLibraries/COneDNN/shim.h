// oneDNN 2.6 (the op-descriptor API) and the one OpenMP call that bounds its threads.
#pragma once
#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_debug.h>

// libgomp, which Debian's oneDNN runs on; its header is not on Clang's search path.
void omp_set_num_threads(int);
