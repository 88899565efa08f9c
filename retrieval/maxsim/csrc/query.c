/* Queries in the order in which paths read them, and the list of paths. */

#include "kernel.h"

#include <stdlib.h>
#include <string.h>

const kernel_path *const kernel_paths[] = {
#if defined(__x86_64__)
    &avx512vnni_path,
    &avx2_path,
#elif defined(__aarch64__)
    &neon_path,
#endif
    &portable_path,
    NULL,
};

const kernel_path *find_path(const char *name)
{
    for (const kernel_path *const *path = kernel_paths; *path; path++)
        if (strcmp((*path)->name, name) == 0 && (*path)->runs_here())
            return *path;
    return NULL;
}

size_t scratch_bytes(const kernel_path *path, const packed_query *query)
{
    size_t panel = (size_t)query->steps * PANEL_BLOCKS * (size_t)path->lanes * 4;
    size_t running = (size_t)query->tokens * (size_t)path->lanes * 4;
    return (panel + running + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

int pack_query(const kernel_path *path, const int8_t *query, ptrdiff_t tokens, ptrdiff_t dim, packed_query *packed)
{
    ptrdiff_t steps = (dim + path->step - 1) / path->step;
    size_t bytes = ((size_t)tokens * (size_t)steps * 4 + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    *packed = (packed_query){.tokens = tokens, .dim = dim, .steps = steps, .values = query};
    packed->packed = aligned_alloc(ALIGNMENT, bytes);
    packed->bias = malloc((size_t)tokens * sizeof *packed->bias);
    if (!packed->packed || !packed->bias) {
        free_query(packed);
        return -1;
    }
    memset(packed->packed, 0, bytes);
    int8_t *narrow = packed->packed;
    int16_t *wide = packed->packed;
    for (ptrdiff_t token = 0; token < tokens; token++) {
        ptrdiff_t first = token / path->tile * path->tile;
        ptrdiff_t tile = tokens - first < path->tile ? tokens - first : path->tile;
        int32_t sum = 0;
        for (ptrdiff_t i = 0; i < dim; i++) {
            ptrdiff_t group = first * steps + i / path->step * tile + (token - first); /* of 4 bytes */
            int8_t value = query[token * dim + i];
            if (path->step == 4)
                narrow[group * 4 + i % 4] = value;
            else
                wide[group * 2 + i % 2] = value;
            sum += value;
        }
        packed->bias[token] = path->offset * sum;
    }
    return 0;
}

void free_query(packed_query *packed)
{
    free(packed->packed);
    free(packed->bias);
    packed->packed = NULL;
    packed->bias = NULL;
}
