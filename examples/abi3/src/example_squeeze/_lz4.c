/* One block of LZ4 with its length before it, four bytes, the lowest first. */
#include <Python.h>
#include <lz4.h>
#include <stdint.h>

#define LENGTH 4

static PyObject *refuse(const char *why)
{
    PyErr_SetString(PyExc_ValueError, why);
    return NULL;
}

static PyObject *squeezed(const char *data, int size)
{
    int bound = LZ4_compressBound(size);
    char *block = PyMem_Malloc(LENGTH + (size_t)bound);
    if (block == NULL)
        return PyErr_NoMemory();
    for (int i = 0; i < LENGTH; i++)
        block[i] = (char)((uint32_t)size >> (8 * i));
    int written = LZ4_compress_default(data, block + LENGTH, size, bound);
    PyObject *result = written > 0 ? PyBytes_FromStringAndSize(block, LENGTH + written)
                                   : refuse("LZ4 could not compress it");
    PyMem_Free(block);
    return result;
}

static PyObject *expanded(const char *block, Py_ssize_t size)
{
    uint32_t length = 0;
    if (size < LENGTH || size > INT32_MAX)
        return refuse("this is no block of ours");
    for (int i = 0; i < LENGTH; i++)
        length |= (uint32_t)(unsigned char)block[i] << (8 * i);
    if (length > LZ4_MAX_INPUT_SIZE)
        return refuse("this is no block of ours");
    PyObject *result = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)length);
    if (result == NULL)
        return NULL;
    int read = LZ4_decompress_safe(block + LENGTH, PyBytes_AsString(result),
                                   (int)size - LENGTH, (int)length);
    if (read == (int)length)
        return result;
    Py_DECREF(result);
    return refuse("the block is damaged");
}

static PyObject *squeeze(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer data;
    if (!PyArg_ParseTuple(arguments, "y*:squeeze", &data))
        return NULL;
    PyObject *result = data.len <= LZ4_MAX_INPUT_SIZE ? squeezed(data.buf, (int)data.len)
                                                      : refuse("LZ4 takes no more than 2 GB");
    PyBuffer_Release(&data);
    return result;
}

static PyObject *expand(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer block;
    if (!PyArg_ParseTuple(arguments, "y*:expand", &block))
        return NULL;
    PyObject *result = expanded(block.buf, block.len);
    PyBuffer_Release(&block);
    return result;
}

static PyMethodDef methods[] = {
    {"squeeze", squeeze, METH_VARARGS,
     "squeeze(data, /)\n--\n\nReturn the bytes as one block of LZ4."},
    {"expand", expand, METH_VARARGS,
     "expand(squeezed, /)\n--\n\nReturn the bytes that a block was made of."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_lz4",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__lz4(void)
{
    return PyModuleDef_Init(&module);
}
