/* The edit distance (Levenshtein) of two buffers, 64 rows of the matrix at a time.
 *
 * Myers, "A fast bit-vector algorithm for approximate string matching based on dynamic
 * programming", J. ACM 46 (1999), with the blocks of Hyyro (2003). A column of the matrix is kept
 * as two bit vectors: where it rises from one row to the next (`up`), and where it falls (`down`).
 */
#include <Python.h>
#include <stdint.h>

#define WORD 64

typedef struct {
    uint64_t up, down;
} Block;

/* Moves a block one column on. `equal` has a bit for each row whose byte is the column's. What
 * enters from the block above and leaves to the one below is -1, 0 or 1; `last` is the bit of the
 * row it leaves at. */
static int advance(Block *block, uint64_t equal, int entering, uint64_t last)
{
    uint64_t vertical = equal | block->down;
    if (entering < 0)
        equal |= 1;
    uint64_t horizontal = (((equal & block->up) + block->up) ^ block->up) | equal;
    uint64_t rises = block->down | ~(horizontal | block->up);
    uint64_t falls = block->up & horizontal;
    int leaving = (rises & last) ? 1 : (falls & last) ? -1 : 0;

    rises = (rises << 1) | (entering > 0);
    falls = (falls << 1) | (entering < 0);
    block->up = falls | ~(vertical | rises);
    block->down = rises & vertical;
    return leaving;
}

/* `equal` has room for 256 rows of `count` words, zeroed; `blocks` for `count` blocks. */
static Py_ssize_t measure(const unsigned char *rows, Py_ssize_t height,
                          const unsigned char *columns, Py_ssize_t width,
                          uint64_t *equal, Block *blocks, Py_ssize_t count)
{
    for (Py_ssize_t row = 0; row < height; row++)
        equal[rows[row] * count + row / WORD] |= (uint64_t)1 << (row % WORD);
    for (Py_ssize_t i = 0; i < count; i++)
        blocks[i] = (Block){.up = ~(uint64_t)0, .down = 0};

    Py_ssize_t distance = height;
    uint64_t bottom = (uint64_t)1 << ((height - 1) % WORD);
    for (Py_ssize_t column = 0; column < width; column++) {
        const uint64_t *row = equal + columns[column] * count;
        int carry = 1; /* the topmost row counts the columns */
        for (Py_ssize_t i = 0; i < count - 1; i++)
            carry = advance(&blocks[i], row[i], carry, (uint64_t)1 << (WORD - 1));
        distance += advance(&blocks[count - 1], row[count - 1], carry, bottom);
    }
    return distance;
}

static PyObject *between(const Py_buffer *rows, const Py_buffer *columns)
{
    if (rows->len == 0)
        return PyLong_FromSsize_t(columns->len);
    Py_ssize_t count = (rows->len - 1) / WORD + 1;
    uint64_t *equal = PyMem_Calloc((size_t)count * 256, sizeof *equal);
    Block *blocks = PyMem_Calloc((size_t)count, sizeof *blocks);
    if (equal == NULL || blocks == NULL) {
        PyMem_Free(equal);
        PyMem_Free(blocks);
        return PyErr_NoMemory();
    }
    Py_ssize_t distance;
    Py_BEGIN_ALLOW_THREADS
    distance = measure(rows->buf, rows->len, columns->buf, columns->len, equal, blocks, count);
    Py_END_ALLOW_THREADS
    PyMem_Free(equal);
    PyMem_Free(blocks);
    return PyLong_FromSsize_t(distance);
}

static PyObject *distance(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer left, right;
    if (!PyArg_ParseTuple(arguments, "y*y*:distance", &left, &right))
        return NULL;
    PyObject *result = left.len <= right.len ? between(&left, &right) : between(&right, &left);
    PyBuffer_Release(&left);
    PyBuffer_Release(&right);
    return result;
}

static PyMethodDef methods[] = {
    {"distance", distance, METH_VARARGS,
     "distance(left, right, /)\n--\n\n"
     "Return how many bytes must be inserted, deleted or replaced to make one of the other."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_distance",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__distance(void)
{
    return PyModuleDef_Init(&module);
}
