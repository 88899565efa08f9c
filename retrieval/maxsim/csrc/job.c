/* Many pages, on several threads. */

#include "kernel.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { MAX_THREADS = 64 };

/* Rows among which the best is looked for one by one, once it is known to be there. */
enum { PIECE = 32 };

/* Fewer products than this are not worth another thread: starting one takes some 30 us, a core does 100,000 a us. */
#define PRODUCTS_A_THREAD 8e6

typedef struct {
    const kernel_job *job;
    int64_t chunk;        /* pages that a thread takes at a time */
    _Atomic int64_t next; /* the first page that nobody has taken */
    _Atomic int status;
} shared_job;

/* What one thread works with: scratch memory of the path, and best products of the page and of a piece of it. */
typedef struct {
    void *scratch;
    int32_t *best, *piece_best;
    int64_t *piece;
} workspace;

static int open_workspace(workspace *space, const kernel_job *job)
{
    size_t tokens = (size_t)job->query->tokens;
    space->scratch = aligned_alloc(ALIGNMENT, scratch_bytes(job->path, job->query));
    space->best = malloc(tokens * sizeof *space->best);
    space->piece_best = malloc(tokens * sizeof *space->piece_best);
    space->piece = malloc(tokens * sizeof *space->piece);
    return space->scratch && space->best && space->piece_best && space->piece;
}

static void close_workspace(workspace *space)
{
    free(space->scratch);
    free(space->best);
    free(space->piece_best);
    free(space->piece);
}

/* The first row, from `first` on, whose product with the token is `best`, as the path counts it: bias included. */
static int64_t find_row(const kernel_job *job, const uint8_t *rows, int64_t first, int64_t n_rows, ptrdiff_t token,
                        int32_t best)
{
    const packed_query *query = job->query;
    const int8_t *wanted = query->values + token * query->dim;
    for (int64_t row = first; row < n_rows; row++) {
        int32_t dot = 0;
        for (ptrdiff_t i = 0; i < query->dim; i++)
            dot += (rows[row * query->dim + i] - 128) * wanted[i];
        if (dot == best - query->bias[token])
            return row;
    }
    return -1; /* never: the path found it there */
}

static void best_with_rows(const kernel_job *job, const uint8_t *rows, int64_t n_rows, workspace *space,
                           int32_t *best_rows)
{
    const packed_query *query = job->query;
    for (int64_t row = 0; row < n_rows; row += PIECE) {
        int64_t here = n_rows - row < PIECE ? n_rows - row : PIECE;
        job->path->best(rows + row * query->dim, here, query, space->scratch, space->piece_best);
        for (ptrdiff_t token = 0; token < query->tokens; token++)
            if (row == 0 || space->piece_best[token] > space->best[token]) {
                space->best[token] = space->piece_best[token];
                space->piece[token] = row;
            }
    }
    for (ptrdiff_t token = 0; token < query->tokens; token++)
        best_rows[token] = (int32_t)find_row(job, rows, space->piece[token], n_rows, token, space->best[token]);
}

static void write_page(const kernel_job *job, int64_t at, int64_t page, int64_t n_rows, const workspace *space)
{
    ptrdiff_t tokens = job->query->tokens;
    double sum = 0;
    for (ptrdiff_t token = 0; token < tokens; token++) {
        int32_t dot = n_rows ? space->best[token] - job->query->bias[token] : INT32_MIN;
        if (job->best)
            job->best[at * tokens + token] = dot;
        if (job->best_rows && !n_rows)
            job->best_rows[at * tokens + token] = -1;
        /* in the order of the tokens, without fused operations: the same sum on every path and machine */
        sum += job->factors[token] * (double)dot;
    }
    if (job->scores)
        job->scores[at] = n_rows ? (float)(sum * (double)job->scales[page]) : -INFINITY;
}

static int score_page(const kernel_job *job, int64_t at, workspace *space)
{
    ptrdiff_t dim = job->query->dim;
    int64_t page = job->which ? job->which[at] : at;
    if (page < 0 || page >= job->n_pages)
        return JOB_BAD_PAGE;
    int64_t start = job->offsets[page], end = job->offsets[page + 1];
    if (start < 0 || end < start || end > job->n_rows || end - start > INT32_MAX)
        return JOB_BAD_OFFSETS;
    const uint8_t *rows = job->rows + start * dim;
    if (end > start) {
        if (job->best_rows)
            best_with_rows(job, rows, end - start, space, job->best_rows + at * job->query->tokens);
        else
            job->path->best(rows, end - start, job->query, space->scratch, space->best);
    }
    write_page(job, at, page, end - start, space);
    return JOB_DONE;
}

static void *work(void *argument)
{
    shared_job *shared = argument;
    const kernel_job *job = shared->job;
    workspace space = {0};
    int status = open_workspace(&space, job) ? JOB_DONE : JOB_NO_MEMORY;
    while (status == JOB_DONE && atomic_load(&shared->status) == JOB_DONE) {
        int64_t first = atomic_fetch_add(&shared->next, shared->chunk);
        if (first >= job->n)
            break;
        int64_t end = job->n - first < shared->chunk ? job->n : first + shared->chunk;
        for (int64_t at = first; at < end && status == JOB_DONE; at++)
            status = score_page(job, at, &space);
    }
    if (status != JOB_DONE)
        atomic_store(&shared->status, status);
    close_workspace(&space);
    return NULL;
}

int run_job(const kernel_job *job)
{
    if (!job->n)
        return JOB_DONE;
    double rows = (double)job->n_rows / (double)job->n_pages * (double)job->n;
    double wanted = rows * (double)job->query->dim * (double)job->query->tokens / PRODUCTS_A_THREAD;
    int threads = job->threads < MAX_THREADS ? job->threads : MAX_THREADS;
    if (wanted < threads)
        threads = wanted < 1 ? 1 : (int)wanted;

    int64_t chunk = job->n / ((int64_t)threads * 16);
    shared_job shared = {.job = job, .chunk = chunk < 1 ? 1 : chunk > 64 ? 64 : chunk};
    pthread_t started[MAX_THREADS];
    int others = 0;
    /* A thread that cannot be started is no error: this one does the work of all. */
    while (others < threads - 1 && pthread_create(&started[others], NULL, work, &shared) == 0)
        others++;
    work(&shared);
    for (int i = 0; i < others; i++)
        pthread_join(started[i], NULL);
    return atomic_load(&shared.status);
}
