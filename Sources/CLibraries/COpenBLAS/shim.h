// OpenBLAS: CBLAS, its thread control, and the Fortran LAPACK it carries.
#pragma once
#if __has_include(<cblas.h>)
#include <cblas.h>
#else
#include <openblas/cblas.h>
#endif

// Debian's OpenBLAS exports LAPACK under Fortran names and ships no LAPACKE header.
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);
void dpotri_(const char *uplo, const int *n, double *a, const int *lda, int *info);
void dpotrs_(const char *uplo, const int *n, const int *nrhs, const double *a, const int *lda,
             double *b, const int *ldb, int *info);
