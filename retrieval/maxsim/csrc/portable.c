/* Plain C: one row and one token at a time. The compiler's vectoriser does what it can. */

#include "kernel.h"

static int runs_here(void) { return 1; }

/* Tiles of one token are packed as the query stands, each row filled up with zeros to whole steps. */
static void best_of_page(const uint8_t *rows, ptrdiff_t n_rows, const packed_query *query, void *scratch, int32_t *best)
{
    (void)scratch;
    const int8_t *packed = query->packed;
    for (ptrdiff_t row = 0; row < n_rows; row++) {
        const uint8_t *values = rows + row * query->dim;
        for (ptrdiff_t token = 0; token < query->tokens; token++) {
            const int8_t *wanted = packed + token * query->steps * 4;
            int32_t dot = 0;
            for (ptrdiff_t i = 0; i < query->dim; i++)
                dot += values[i] * wanted[i];
            if (row == 0 || dot > best[token])
                best[token] = dot;
        }
    }
}

const kernel_path portable_path = {"portable", runs_here, 1, 4, 4, 128, best_of_page};
