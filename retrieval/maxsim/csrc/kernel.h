/* The int8 MaxSim kernel: what its files share.

   A page is a run of rows of one (rows, dim) array of uint8: a value u stands for (u - 128) * scale, with one scale a
   page. A query is (tokens, dim) int8. For each query token a *path* finds the largest of its dot products with the
   page's rows, as an integer, without writing the products to memory. All paths give the same integers. */

#ifndef PAGESIGHT_KERNEL_H
#define PAGESIGHT_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/* 255 * 127 * 65536 is the largest product of this many dimensions that an int32 holds (66,311 would be the last). */
#define MAX_DIM 65536

/* What vector loads and stores of scratch memory are aligned to: a cache line. */
#define ALIGNMENT 64

/* A query as one path reads it. Tokens come in tiles of `path->tile` (the last one smaller); in a tile, each step of
   `path->step` dimensions holds 4 bytes of each of its tokens side by side, ready to be broadcast against the same
   dimensions of many rows. Dimensions are filled up with zeros to whole steps. */
typedef struct {
    ptrdiff_t tokens, dim, steps;
    const int8_t *values; /* (tokens, dim), as given; not owned */
    void *packed;
    int32_t *bias; /* (tokens,): what the path's products are too large by */
} packed_query;

typedef struct {
    const char *name;
    int (*runs_here)(void);
    int tile;    /* query tokens that are worked on together */
    int step;    /* dimensions in 4 bytes: 4 of int8, or 2 of int16 */
    int lanes;   /* rows in a vector register of int32 */
    int offset;  /* 128 where products are taken of u, 0 where of u - 128 */
    /* best[t] = max over the rows of the product with token t; the caller takes the bias off. n_rows >= 1; `scratch`
       has scratch_bytes(), aligned. */
    void (*best)(const uint8_t *rows, ptrdiff_t n_rows, const packed_query *query, void *scratch, int32_t *best);
} kernel_path;

extern const kernel_path avx512vnni_path, avx2_path, neon_path, portable_path;

/* Best first; NULL at the end. */
extern const kernel_path *const kernel_paths[];

/* The path of that name if this processor can run it, else NULL. */
const kernel_path *find_path(const char *name);

/* Rows that a path transposes at a time: two registers of lanes. */
#define PANEL_BLOCKS 2

size_t scratch_bytes(const kernel_path *path, const packed_query *query);

/* 0, or -1 without memory. */
int pack_query(const kernel_path *path, const int8_t *query, ptrdiff_t tokens, ptrdiff_t dim, packed_query *packed);
void free_query(packed_query *packed);

typedef struct {
    const kernel_path *path;
    const packed_query *query;
    const uint8_t *rows;    /* (n_rows, dim) */
    int64_t n_rows;
    const int64_t *offsets; /* (n_pages + 1,): the rows of page i are offsets[i] to offsets[i + 1] */
    const float *scales;    /* (n_pages,) */
    int64_t n_pages;
    const int64_t *which;   /* (n,): the pages to score; NULL for all of them, n = n_pages */
    int64_t n;
    const double *factors;  /* (tokens,): scale times weight of each token */
    int threads;
    float *scores;          /* (n,) or NULL; -inf for a page without rows */
    int32_t *best;          /* (n, tokens) or NULL; INT32_MIN for a page without rows */
    int32_t *best_rows;     /* (n, tokens) or NULL: the first row in the page with that product; -1 without rows */
} kernel_job;

enum { JOB_DONE = 0, JOB_NO_MEMORY, JOB_BAD_PAGE, JOB_BAD_OFFSETS };

int run_job(const kernel_job *job);

#endif
