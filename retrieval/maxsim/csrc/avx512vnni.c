/* AVX-512 with VNNI: 64 products of uint8 and int8 an instruction.

   16 rows are transposed, so that a register holds the same 4 dimensions of 16 rows, and each token's 4 values are
   broadcast against it: lanes are rows, a token needs one register, and any number of tokens fills the registers.
   Transposing costs 128 shuffles for 16 rows of 128 dimensions, against 32 products a token. */

#include "kernel.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512bw,avx512vnni")))
#define INLINE static inline __attribute__((always_inline)) TARGET

enum { LANES = 16, TILE = 8, CHUNK = 64 /* bytes of a row that are transposed at a time */ };

static int runs_here(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vnni");
}

/* rows[r] lane c  ->  rows[c] lane r */
INLINE void transpose(__m512i rows[LANES])
{
    __m512i a[LANES], b[LANES];
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i += 2) {
        a[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        a[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < LANES; i += 4) {
        b[i] = _mm512_unpacklo_epi64(a[i], a[i + 2]);
        b[i + 1] = _mm512_unpackhi_epi64(a[i], a[i + 2]);
        b[i + 2] = _mm512_unpacklo_epi64(a[i + 1], a[i + 3]);
        b[i + 3] = _mm512_unpackhi_epi64(a[i + 1], a[i + 3]);
    }
    /* b[4 g + c] holds column c + 4 l of rows 4 g to 4 g + 3 in its 128-bit lane l */
#pragma GCC unroll 16
    for (int c = 0; c < 4; c++) {
        __m512i low = _mm512_shuffle_i32x4(b[c], b[4 + c], 0x88), high = _mm512_shuffle_i32x4(b[c], b[4 + c], 0xdd);
        __m512i low2 = _mm512_shuffle_i32x4(b[8 + c], b[12 + c], 0x88);
        __m512i high2 = _mm512_shuffle_i32x4(b[8 + c], b[12 + c], 0xdd);
        rows[c] = _mm512_shuffle_i32x4(low, low2, 0x88);
        rows[8 + c] = _mm512_shuffle_i32x4(low, low2, 0xdd);
        rows[4 + c] = _mm512_shuffle_i32x4(high, high2, 0x88);
        rows[12 + c] = _mm512_shuffle_i32x4(high, high2, 0xdd);
    }
}

/* 16 rows as panel[step * blocks]: the step's 4 dimensions of each. Past the last row, the last row again: the largest
   product stays what it is. */
static __attribute__((noinline)) TARGET void transpose_block(const uint8_t *rows, ptrdiff_t n_rows, ptrdiff_t dim,
                                                             ptrdiff_t steps, int blocks, __m512i *panel)
{
    for (ptrdiff_t start = 0; start < dim; start += CHUNK) {
        ptrdiff_t left = dim - start;
        __mmask64 mask = left >= CHUNK ? ~(__mmask64)0 : ((__mmask64)1 << left) - 1;
        __m512i row[LANES];
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++) {
            const uint8_t *from = rows + (i < n_rows ? i : n_rows - 1) * dim + start;
            row[i] = _mm512_maskz_loadu_epi8(mask, from);
        }
        transpose(row);
        ptrdiff_t first = start / 4, here = steps - first < LANES ? steps - first : LANES;
        if (here == LANES) {
#pragma GCC unroll 16
            for (int i = 0; i < LANES; i++)
                _mm512_store_si512(panel + (first + i) * blocks, row[i]);
        } else {
            for (ptrdiff_t i = 0; i < here; i++)
                _mm512_store_si512(panel + (first + i) * blocks, row[i]);
        }
    }
}

/* running[t] = max(running[t], products of token t with 16 * blocks rows), lane by lane.

   `next` is what will be read next; a line of it is asked for at each step, so that memory works while the products are
   taken: 14 us a page instead of 16 without, and 23 with the same requests made in one go while rows are transposed
   (1,030 rows of 128 dimensions in memory, 20 tokens, Zen 4). */
INLINE void tile(const int tokens, const int blocks, const __m512i *panel, const int32_t *packed, ptrdiff_t steps,
                 uintptr_t next, __m512i *running)
{
    __m512i sums[TILE][PANEL_BLOCKS];
#pragma GCC unroll 8
    for (int t = 0; t < tokens; t++)
#pragma GCC unroll 2
        for (int b = 0; b < blocks; b++)
            sums[t][b] = _mm512_setzero_si512();
    for (ptrdiff_t step = 0; step < steps; step++) {
        __m512i rows[PANEL_BLOCKS];
        _mm_prefetch((const char *)(next + (uintptr_t)step * ALIGNMENT), _MM_HINT_T0);
#pragma GCC unroll 2
        for (int b = 0; b < blocks; b++)
            rows[b] = _mm512_load_si512(panel + step * blocks + b);
#pragma GCC unroll 8
        for (int t = 0; t < tokens; t++) {
            __m512i wanted = _mm512_set1_epi32(packed[step * tokens + t]);
#pragma GCC unroll 2
            for (int b = 0; b < blocks; b++)
                /* gcc 12 keeps a copy of each sum in memory with _mm512_dpbusd_epi32, at half the speed */
                __asm__("vpdpbusd %2, %1, %0" : "+v"(sums[t][b]) : "v"(rows[b]), "v"(wanted));
        }
    }
#pragma GCC unroll 8
    for (int t = 0; t < tokens; t++) {
        __m512i most = blocks == 2 ? _mm512_max_epi32(sums[t][0], sums[t][1]) : sums[t][0];
        _mm512_store_si512(running + t, _mm512_max_epi32(_mm512_load_si512(running + t), most));
    }
}

/* Not inlined: a loop of its own leaves all 32 registers to the sums. */
#define TILE_OF(tokens, blocks)                                                                                  \
    static __attribute__((noinline)) TARGET void tile_##tokens##_##blocks(                                       \
        const __m512i *panel, const int32_t *packed, ptrdiff_t steps, uintptr_t next, __m512i *running)          \
    {                                                                                                            \
        tile(tokens, blocks, panel, packed, steps, next, running);                                               \
    }
#define TILES_OF(tokens) TILE_OF(tokens, 1) TILE_OF(tokens, 2)
TILES_OF(1) TILES_OF(2) TILES_OF(3) TILES_OF(4) TILES_OF(5) TILES_OF(6) TILES_OF(7) TILES_OF(8)

typedef void tile_function(const __m512i *, const int32_t *, ptrdiff_t, uintptr_t, __m512i *);
static tile_function *const tiles[PANEL_BLOCKS][TILE] = {
    {tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1, tile_7_1, tile_8_1},
    {tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2, tile_7_2, tile_8_2},
};

static TARGET void best_of_page(const uint8_t *rows, ptrdiff_t n_rows, const packed_query *query, void *scratch,
                                int32_t *best)
{
    const int32_t *packed = query->packed;
    __m512i *panel = scratch, *running = panel + query->steps * PANEL_BLOCKS;
    for (ptrdiff_t token = 0; token < query->tokens; token++)
        _mm512_store_si512(running + token, _mm512_set1_epi32(INT32_MIN));
    for (ptrdiff_t row = 0; row < n_rows;) {
        int blocks = n_rows - row > LANES ? PANEL_BLOCKS : 1;
        for (int b = 0; b < blocks; b++, row += LANES)
            transpose_block(rows + row * query->dim, n_rows - row, query->dim, query->steps, blocks, panel + b);
        for (ptrdiff_t token = 0; token < query->tokens; token += TILE) {
            ptrdiff_t left = query->tokens - token < TILE ? query->tokens - token : TILE;
            /* 32 rows are two lines a step: the first tile asks for one half of them, the second for the other */
            uintptr_t next = (uintptr_t)rows + (uintptr_t)(row * query->dim + (token ? query->steps * ALIGNMENT : 0));
            tiles[blocks - 1][left - 1](panel, packed + token * query->steps, query->steps, next, running + token);
        }
    }
    for (ptrdiff_t token = 0; token < query->tokens; token++)
        best[token] = _mm512_reduce_max_epi32(_mm512_load_si512(running + token));
}

const kernel_path avx512vnni_path = {"avx512vnni", runs_here, TILE, 4, LANES, 128, best_of_page};

#endif
