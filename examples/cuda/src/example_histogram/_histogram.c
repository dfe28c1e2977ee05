/* The module: buffers in, counts out, and the path that needs no GPU. */
#include <Python.h>

#include "histogram.h"

static void count_on_cpu(const unsigned char *data, size_t size, unsigned long long counts[BINS])
{
    for (size_t i = 0; i < size; i++)
        counts[data[i]]++;
}

static PyObject *as_tuple(const unsigned long long counts[BINS])
{
    PyObject *result = PyTuple_New(BINS);
    for (Py_ssize_t bin = 0; result != NULL && bin < BINS; bin++) {
        PyObject *count = PyLong_FromUnsignedLongLong(counts[bin]);
        if (count == NULL || PyTuple_SetItem(result, bin, count) < 0)
            Py_CLEAR(result);
    }
    return result;
}

static PyObject *on_cpu(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer data;
    if (!PyArg_ParseTuple(arguments, "y*:on_cpu", &data))
        return NULL;
    unsigned long long counts[BINS] = {0};
    Py_BEGIN_ALLOW_THREADS
    count_on_cpu(data.buf, (size_t)data.len, counts);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&data);
    return as_tuple(counts);
}

static PyObject *on_gpu(PyObject *Py_UNUSED(module), PyObject *arguments)
{
    Py_buffer data;
    if (!PyArg_ParseTuple(arguments, "y*:on_gpu", &data))
        return NULL;
    unsigned long long counts[BINS] = {0};
    const char *error;
    Py_BEGIN_ALLOW_THREADS
    error = histogram_on_gpu(data.buf, (size_t)data.len, counts);
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&data);
    if (error != NULL)
        return PyErr_Format(PyExc_RuntimeError, "the GPU did not count: %s", error);
    return as_tuple(counts);
}

static PyObject *no_gpu(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(nothing))
{
    const char *reason = histogram_no_gpu();
    return PyUnicode_FromString(reason == NULL ? "" : reason);
}

static PyMethodDef methods[] = {
    {"on_cpu", on_cpu, METH_VARARGS, "on_cpu(data, /)\n--\n\nReturn the 256 counts."},
    {"on_gpu", on_gpu, METH_VARARGS,
     "on_gpu(data, /)\n--\n\nReturn the 256 counts; RuntimeError where the GPU fails."},
    {"no_gpu", no_gpu, METH_NOARGS,
     "no_gpu()\n--\n\nReturn why there is no GPU, and nothing where there is one."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {{0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "_histogram",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__histogram(void)
{
    return PyModuleDef_Init(&module);
}
