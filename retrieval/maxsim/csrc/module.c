/* The Python module `pagesight.retrieval.maxsim._kernel`: buffers in, buffers filled. No numpy headers, the stable ABI. */

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030B0000
#include <Python.h>

#include "kernel.h"

/* The arguments that are arrays, in order; each is a C-contiguous buffer. */
enum { ROWS, OFFSETS, SCALES, WHICH, QUERY, FACTORS, SCORES, BEST, BEST_ROWS, ARRAYS };

typedef struct {
    const char *name;
    Py_ssize_t item;
    int optional, writable;
} array_kind;

static const array_kind kinds[ARRAYS] = {
    [ROWS] = {"rows", 1, 0, 0},          [OFFSETS] = {"offsets", 8, 0, 0}, [SCALES] = {"scales", 4, 0, 0},
    [WHICH] = {"which", 8, 1, 0},        [QUERY] = {"query", 1, 0, 0},     [FACTORS] = {"factors", 8, 0, 0},
    [SCORES] = {"scores", 4, 1, 1},      [BEST] = {"best", 4, 1, 1},       [BEST_ROWS] = {"best_rows", 4, 1, 1},
};

static void release(Py_buffer *views)
{
    for (int i = 0; i < ARRAYS; i++)
        if (views[i].obj)
            PyBuffer_Release(&views[i]);
}

static int acquire(PyObject **objects, Py_buffer *views, Py_ssize_t *lengths)
{
    for (int i = 0; i < ARRAYS; i++) {
        lengths[i] = -1;
        if (kinds[i].optional && objects[i] == Py_None)
            continue;
        int flags = PyBUF_C_CONTIGUOUS | (kinds[i].writable ? PyBUF_WRITABLE : 0);
        if (PyObject_GetBuffer(objects[i], &views[i], flags) < 0)
            return -1;
        if (views[i].itemsize != kinds[i].item) {
            PyErr_Format(PyExc_ValueError, "%s has items of %zd bytes, not %zd", kinds[i].name, views[i].itemsize,
                         kinds[i].item);
            return -1;
        }
        lengths[i] = views[i].len / kinds[i].item;
    }
    return 0;
}

static int expect(int array, const Py_ssize_t *lengths, Py_ssize_t wanted)
{
    if (lengths[array] == wanted || (kinds[array].optional && lengths[array] < 0))
        return 0;
    PyErr_Format(PyExc_ValueError, "%s has %zd items, not %zd", kinds[array].name, lengths[array], wanted);
    return -1;
}

static int check(const Py_ssize_t *lengths, Py_ssize_t dim, int threads)
{
    if (dim < 1 || dim > MAX_DIM) {
        PyErr_Format(PyExc_ValueError, "dim is %zd, not 1 to %d", dim, MAX_DIM);
        return -1;
    }
    if (threads < 1) {
        PyErr_Format(PyExc_ValueError, "threads is %d, not 1 or more", threads);
        return -1;
    }
    Py_ssize_t tokens = lengths[FACTORS], pages = lengths[SCALES], n = lengths[WHICH] < 0 ? pages : lengths[WHICH];
    if (tokens < 1 || tokens > PY_SSIZE_T_MAX / (8 * MAX_DIM)) {
        PyErr_Format(PyExc_ValueError, "a query of %zd tokens cannot be scored", tokens);
        return -1;
    }
    if (lengths[ROWS] % dim) {
        PyErr_Format(PyExc_ValueError, "rows has %zd items, not a multiple of dim %zd", lengths[ROWS], dim);
        return -1;
    }
    if (n > PY_SSIZE_T_MAX / tokens) {
        PyErr_SetString(PyExc_ValueError, "too many pages for so many tokens");
        return -1;
    }
    return expect(QUERY, lengths, tokens * dim) || expect(OFFSETS, lengths, pages + 1) || expect(SCORES, lengths, n) ||
                   expect(BEST, lengths, n * tokens) || expect(BEST_ROWS, lengths, n * tokens)
               ? -1
               : 0;
}

static PyObject *run_checked(const kernel_path *path, const Py_buffer *views, const Py_ssize_t *lengths, Py_ssize_t dim,
                             int threads)
{
    packed_query query;
    if (pack_query(path, views[QUERY].buf, lengths[FACTORS], dim, &query) < 0)
        return PyErr_NoMemory();
    kernel_job job = {
        .path = path,
        .query = &query,
        .rows = views[ROWS].buf,
        .n_rows = lengths[ROWS] / dim,
        .offsets = views[OFFSETS].buf,
        .scales = views[SCALES].buf,
        .n_pages = lengths[SCALES],
        .which = views[WHICH].buf,
        .n = lengths[WHICH] < 0 ? lengths[SCALES] : lengths[WHICH],
        .factors = views[FACTORS].buf,
        .threads = threads,
        .scores = views[SCORES].buf,
        .best = views[BEST].buf,
        .best_rows = views[BEST_ROWS].buf,
    };
    int status;
    Py_BEGIN_ALLOW_THREADS
    status = run_job(&job);
    Py_END_ALLOW_THREADS
    free_query(&query);
    switch (status) {
    case JOB_DONE:
        Py_RETURN_NONE;
    case JOB_NO_MEMORY:
        return PyErr_NoMemory();
    case JOB_BAD_PAGE:
        PyErr_SetString(PyExc_IndexError, "which names a page that is not there");
        return NULL;
    default:
        PyErr_SetString(PyExc_ValueError, "offsets do not lie in order inside rows");
        return NULL;
    }
}

PyDoc_STRVAR(run_doc,
             "run(path, dim, threads, rows, offsets, scales, which, query, factors, scores, best, best_rows)\n--\n\n"
             "Fill `scores`, `best` and `best_rows` (None: not wanted); shapes and types as in kernel.h.");

static PyObject *run(PyObject *module, PyObject *arguments)
{
    (void)module;
    const char *name;
    Py_ssize_t dim;
    int threads;
    PyObject *o[ARRAYS];
    if (!PyArg_ParseTuple(arguments, "sniOOOOOOOOO:run", &name, &dim, &threads, &o[ROWS], &o[OFFSETS], &o[SCALES],
                          &o[WHICH], &o[QUERY], &o[FACTORS], &o[SCORES], &o[BEST], &o[BEST_ROWS]))
        return NULL;
    const kernel_path *path = find_path(name);
    if (!path)
        return PyErr_Format(PyExc_ValueError, "this processor has no path %s", name);
    Py_buffer views[ARRAYS] = {0};
    Py_ssize_t lengths[ARRAYS];
    PyObject *result = NULL;
    if (acquire(o, views, lengths) == 0 && check(lengths, dim, threads) == 0)
        result = run_checked(path, views, lengths, dim, threads);
    release(views);
    return result;
}

static PyObject *paths(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyObject *names = PyList_New(0);
    for (const kernel_path *const *path = kernel_paths; names && *path; path++) {
        if (!(*path)->runs_here())
            continue;
        PyObject *name = PyUnicode_FromString((*path)->name);
        if (!name || PyList_Append(names, name) < 0)
            Py_CLEAR(names);
        Py_XDECREF(name);
    }
    return names;
}

static PyMethodDef methods[] = {
    {"run", run, METH_VARARGS, run_doc},
    {"paths", paths, METH_NOARGS, "paths()\n--\n\nNames of the paths that this processor runs, best first."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "_kernel", "The int8 MaxSim kernel.", -1, methods,
                                    NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit__kernel(void) { return PyModule_Create(&module); }
