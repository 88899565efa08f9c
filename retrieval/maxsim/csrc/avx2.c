/* AVX2: 16 products of int16 an instruction.

   As in avx512vnni.c, lanes are rows, here 8. Products of uint8 and int8 (vpmaddubsw) are added in pairs to int16, which
   255 * 127 * 2 overflows, so both are widened: rows while they are transposed, the query when it is packed. */

#include "kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>
#include <string.h>

#define TARGET __attribute__((target("avx2")))
#define INLINE static inline __attribute__((always_inline)) TARGET

enum { LANES = 8, TILE = 4, CHUNK = 16 /* bytes of a row that are transposed at a time */ };

static int runs_here(void) { return __builtin_cpu_supports("avx2"); }

/* rows[r] lane c  ->  rows[c] lane r */
INLINE void transpose(__m256i rows[LANES])
{
    __m256i a[LANES], b[LANES];
#pragma GCC unroll 8
    for (int i = 0; i < LANES; i += 2) {
        a[i] = _mm256_unpacklo_epi32(rows[i], rows[i + 1]);
        a[i + 1] = _mm256_unpackhi_epi32(rows[i], rows[i + 1]);
    }
#pragma GCC unroll 8
    for (int i = 0; i < LANES; i += 4) {
        b[i] = _mm256_unpacklo_epi64(a[i], a[i + 2]);
        b[i + 1] = _mm256_unpackhi_epi64(a[i], a[i + 2]);
        b[i + 2] = _mm256_unpacklo_epi64(a[i + 1], a[i + 3]);
        b[i + 3] = _mm256_unpackhi_epi64(a[i + 1], a[i + 3]);
    }
#pragma GCC unroll 8
    for (int c = 0; c < 4; c++) {
        rows[c] = _mm256_permute2x128_si256(b[c], b[4 + c], 0x20);
        rows[4 + c] = _mm256_permute2x128_si256(b[c], b[4 + c], 0x31);
    }
}

/* 8 rows as panel[step * blocks]: the step's 2 dimensions of each. Past the last row, the last row again. */
static __attribute__((noinline)) TARGET void transpose_block(const uint8_t *rows, ptrdiff_t n_rows, ptrdiff_t dim,
                                                             ptrdiff_t steps, int blocks, __m256i *panel)
{
    for (ptrdiff_t start = 0; start < dim; start += CHUNK) {
        ptrdiff_t left = dim - start;
        __m256i row[LANES];
#pragma GCC unroll 8
        for (int i = 0; i < LANES; i++) {
            const uint8_t *from = rows + (i < n_rows ? i : n_rows - 1) * dim + start;
            uint8_t rest[CHUNK] = {0};
            if (left < CHUNK) {
                memcpy(rest, from, (size_t)left);
                from = rest;
            }
            row[i] = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)from));
        }
        transpose(row);
        ptrdiff_t first = start / 2, here = steps - first < LANES ? steps - first : LANES;
        if (here == LANES) {
#pragma GCC unroll 8
            for (int i = 0; i < LANES; i++)
                _mm256_store_si256(panel + (first + i) * blocks, row[i]);
        } else {
            for (ptrdiff_t i = 0; i < here; i++)
                _mm256_store_si256(panel + (first + i) * blocks, row[i]);
        }
    }
}

/* running[t] = max(running[t], products of token t with 8 * blocks rows), lane by lane. */
INLINE void tile(const int tokens, const int blocks, const __m256i *panel, const int32_t *packed, ptrdiff_t steps,
                 __m256i *running)
{
    __m256i sums[TILE][PANEL_BLOCKS];
#pragma GCC unroll 4
    for (int t = 0; t < tokens; t++)
#pragma GCC unroll 2
        for (int b = 0; b < blocks; b++)
            sums[t][b] = _mm256_setzero_si256();
    for (ptrdiff_t step = 0; step < steps; step++) {
        __m256i rows[PANEL_BLOCKS];
#pragma GCC unroll 2
        for (int b = 0; b < blocks; b++)
            rows[b] = _mm256_load_si256(panel + step * blocks + b);
#pragma GCC unroll 4
        for (int t = 0; t < tokens; t++) {
            __m256i wanted = _mm256_set1_epi32(packed[step * tokens + t]);
#pragma GCC unroll 2
            for (int b = 0; b < blocks; b++)
                sums[t][b] = _mm256_add_epi32(sums[t][b], _mm256_madd_epi16(rows[b], wanted));
        }
    }
#pragma GCC unroll 4
    for (int t = 0; t < tokens; t++) {
        __m256i most = blocks == 2 ? _mm256_max_epi32(sums[t][0], sums[t][1]) : sums[t][0];
        _mm256_store_si256(running + t, _mm256_max_epi32(_mm256_load_si256(running + t), most));
    }
}

/* Not inlined: a loop of its own leaves all 16 registers to the sums. */
#define TILE_OF(tokens, blocks)                                                                                  \
    static __attribute__((noinline)) TARGET void tile_##tokens##_##blocks(                                       \
        const __m256i *panel, const int32_t *packed, ptrdiff_t steps, __m256i *running)                          \
    {                                                                                                            \
        tile(tokens, blocks, panel, packed, steps, running);                                                     \
    }
TILE_OF(1, 1) TILE_OF(2, 1) TILE_OF(3, 1) TILE_OF(4, 1) TILE_OF(1, 2) TILE_OF(2, 2) TILE_OF(3, 2) TILE_OF(4, 2)

typedef void tile_function(const __m256i *, const int32_t *, ptrdiff_t, __m256i *);
static tile_function *const tiles[PANEL_BLOCKS][TILE] = {
    {tile_1_1, tile_2_1, tile_3_1, tile_4_1},
    {tile_1_2, tile_2_2, tile_3_2, tile_4_2},
};

static TARGET void best_of_page(const uint8_t *rows, ptrdiff_t n_rows, const packed_query *query, void *scratch,
                                int32_t *best)
{
    const int32_t *packed = query->packed;
    __m256i *panel = scratch, *running = panel + query->steps * PANEL_BLOCKS;
    for (ptrdiff_t token = 0; token < query->tokens; token++)
        _mm256_store_si256(running + token, _mm256_set1_epi32(INT32_MIN));
    for (ptrdiff_t row = 0; row < n_rows;) {
        int blocks = n_rows - row > LANES ? PANEL_BLOCKS : 1;
        for (int b = 0; b < blocks; b++, row += LANES)
            transpose_block(rows + row * query->dim, n_rows - row, query->dim, query->steps, blocks, panel + b);
        for (ptrdiff_t token = 0; token < query->tokens; token += TILE) {
            ptrdiff_t left = query->tokens - token < TILE ? query->tokens - token : TILE;
            tiles[blocks - 1][left - 1](panel, packed + token * query->steps, query->steps, running + token);
        }
    }
    for (ptrdiff_t token = 0; token < query->tokens; token++) {
        int32_t lanes[LANES];
        _mm256_storeu_si256((__m256i *)lanes, _mm256_load_si256(running + token));
        best[token] = lanes[0];
        for (int lane = 1; lane < LANES; lane++)
            best[token] = lanes[lane] > best[token] ? lanes[lane] : best[token];
    }
}

const kernel_path avx2_path = {"avx2", runs_here, TILE, 2, LANES, 128, best_of_page};

#endif
