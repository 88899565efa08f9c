/* NEON with the dot product extension (all Apple silicon, Graviton 2, Neoverse, Cortex-A76 and later).

   As in avx512vnni.c, lanes are rows, here 4. Products are of int8 and int8, so rows are centred while they are
   transposed. Older ARM processors run portable.c. */

#include "kernel.h"

#if defined(__aarch64__)

#include <arm_neon.h>
#include <string.h>
#if defined(__linux__)
#include <sys/auxv.h>
#endif

#if defined(__clang__)
#define TARGET __attribute__((target("dotprod")))
#else
#define TARGET __attribute__((target("arch=armv8.2-a+dotprod")))
#endif
#define INLINE static inline __attribute__((always_inline)) TARGET

enum { LANES = 4, TILE = 8, CHUNK = 16 /* bytes of a row that are transposed at a time */ };

static int runs_here(void)
{
#if defined(__APPLE__)
    return 1;
#elif defined(__linux__)
    return (getauxval(AT_HWCAP) & (1UL << 20)) != 0; /* HWCAP_ASIMDDP */
#else
    return 0;
#endif
}

/* rows[r] lane c  ->  rows[c] lane r */
INLINE void transpose(int32x4_t rows[LANES])
{
    int64x2_t a = vreinterpretq_s64_s32(vtrn1q_s32(rows[0], rows[1]));
    int64x2_t b = vreinterpretq_s64_s32(vtrn2q_s32(rows[0], rows[1]));
    int64x2_t c = vreinterpretq_s64_s32(vtrn1q_s32(rows[2], rows[3]));
    int64x2_t d = vreinterpretq_s64_s32(vtrn2q_s32(rows[2], rows[3]));
    rows[0] = vreinterpretq_s32_s64(vtrn1q_s64(a, c));
    rows[1] = vreinterpretq_s32_s64(vtrn1q_s64(b, d));
    rows[2] = vreinterpretq_s32_s64(vtrn2q_s64(a, c));
    rows[3] = vreinterpretq_s32_s64(vtrn2q_s64(b, d));
}

/* 4 rows as panel[step * blocks]: the step's 4 dimensions of each. Past the last row, the last row again. */
static __attribute__((noinline)) TARGET void transpose_block(const uint8_t *rows, ptrdiff_t n_rows, ptrdiff_t dim,
                                                             ptrdiff_t steps, int blocks, int32x4_t *panel)
{
    for (ptrdiff_t start = 0; start < dim; start += CHUNK) {
        ptrdiff_t left = dim - start;
        int32x4_t row[LANES];
        for (int i = 0; i < LANES; i++) {
            const uint8_t *from = rows + (i < n_rows ? i : n_rows - 1) * dim + start;
            uint8_t rest[CHUNK] = {0};
            if (left < CHUNK) {
                memcpy(rest, from, (size_t)left);
                from = rest;
            }
            row[i] = vreinterpretq_s32_u8(veorq_u8(vld1q_u8(from), vdupq_n_u8(0x80)));
        }
        transpose(row);
        ptrdiff_t first = start / 4, here = steps - first < LANES ? steps - first : LANES;
        for (ptrdiff_t i = 0; i < here; i++)
            panel[(first + i) * blocks] = row[i];
    }
}

/* running[t] = max(running[t], products of token t with 4 * blocks rows), lane by lane. */
INLINE void tile(const int tokens, const int blocks, const int32x4_t *panel, const int32_t *packed, ptrdiff_t steps,
                 int32x4_t *running)
{
    int32x4_t sums[TILE][PANEL_BLOCKS];
#pragma GCC unroll 8
    for (int t = 0; t < tokens; t++)
#pragma GCC unroll 2
        for (int b = 0; b < blocks; b++)
            sums[t][b] = vdupq_n_s32(0);
    for (ptrdiff_t step = 0; step < steps; step++) {
#pragma GCC unroll 8
        for (int t = 0; t < tokens; t++) {
            int32x4_t wanted = vdupq_n_s32(packed[step * tokens + t]);
#pragma GCC unroll 2
            for (int b = 0; b < blocks; b++)
                /* clang before 16 has vdotq_s32 only where every processor aimed at has it */
                __asm__("sdot %0.4s, %1.16b, %2.16b" : "+w"(sums[t][b]) : "w"(panel[step * blocks + b]), "w"(wanted));
        }
    }
#pragma GCC unroll 8
    for (int t = 0; t < tokens; t++) {
        int32x4_t most = blocks == 2 ? vmaxq_s32(sums[t][0], sums[t][1]) : sums[t][0];
        running[t] = vmaxq_s32(running[t], most);
    }
}

#define TILE_OF(tokens, blocks)                                                                                  \
    static __attribute__((noinline)) TARGET void tile_##tokens##_##blocks(                                       \
        const int32x4_t *panel, const int32_t *packed, ptrdiff_t steps, int32x4_t *running)                      \
    {                                                                                                            \
        tile(tokens, blocks, panel, packed, steps, running);                                                     \
    }
#define TILES_OF(tokens) TILE_OF(tokens, 1) TILE_OF(tokens, 2)
TILES_OF(1) TILES_OF(2) TILES_OF(3) TILES_OF(4) TILES_OF(5) TILES_OF(6) TILES_OF(7) TILES_OF(8)

typedef void tile_function(const int32x4_t *, const int32_t *, ptrdiff_t, int32x4_t *);
static tile_function *const tiles[PANEL_BLOCKS][TILE] = {
    {tile_1_1, tile_2_1, tile_3_1, tile_4_1, tile_5_1, tile_6_1, tile_7_1, tile_8_1},
    {tile_1_2, tile_2_2, tile_3_2, tile_4_2, tile_5_2, tile_6_2, tile_7_2, tile_8_2},
};

static TARGET void best_of_page(const uint8_t *rows, ptrdiff_t n_rows, const packed_query *query, void *scratch,
                                int32_t *best)
{
    const int32_t *packed = query->packed;
    int32x4_t *panel = scratch, *running = panel + query->steps * PANEL_BLOCKS;
    for (ptrdiff_t token = 0; token < query->tokens; token++)
        running[token] = vdupq_n_s32(INT32_MIN);
    for (ptrdiff_t row = 0; row < n_rows;) {
        int blocks = n_rows - row > LANES ? PANEL_BLOCKS : 1;
        for (int b = 0; b < blocks; b++, row += LANES)
            transpose_block(rows + row * query->dim, n_rows - row, query->dim, query->steps, blocks, panel + b);
        for (ptrdiff_t token = 0; token < query->tokens; token += TILE) {
            ptrdiff_t left = query->tokens - token < TILE ? query->tokens - token : TILE;
            tiles[blocks - 1][left - 1](panel, packed + token * query->steps, query->steps, running + token);
        }
    }
    for (ptrdiff_t token = 0; token < query->tokens; token++)
        best[token] = vmaxvq_s32(running[token]);
}

const kernel_path neon_path = {"neon", runs_here, TILE, 4, LANES, 0, best_of_page};

#endif
