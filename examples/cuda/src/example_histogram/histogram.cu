/* How often each byte occurs, on a GPU. Nothing here knows of Python. */
#include "histogram.h"

#include <cub/block/block_histogram.cuh>
#include <cuda_runtime.h>

namespace {

constexpr size_t PIECE = size_t{64} << 20; /* bytes on the GPU at a time */
constexpr unsigned BLOCKS = 2048;          /* enough to fill the largest GPU of today */
constexpr unsigned THREADS = 256;
constexpr unsigned ITEMS = 16; /* bytes that each thread has in hand */
constexpr size_t TILE = THREADS * ITEMS;

using Counting =
    cub::BlockHistogram<unsigned char, THREADS, ITEMS, BINS, cub::BLOCK_HISTO_ATOMIC>;

/* Each block counts in shared memory, where 32 bits suffice for one piece, and adds what it has
 * found to the totals at its end: one slow addition a block and byte, instead of one a byte. */
__global__ void count(const unsigned char *data, size_t size, unsigned long long *totals)
{
    __shared__ Counting::TempStorage storage;
    __shared__ unsigned own[BINS];
    Counting counting(storage);
    counting.InitHistogram(own);
    __syncthreads();
    for (size_t tile = blockIdx.x * TILE; tile < size; tile += gridDim.x * TILE) {
        const unsigned char *first = data + tile + threadIdx.x;
        if (size - tile >= TILE) {
            unsigned char items[ITEMS];
            for (unsigned i = 0; i < ITEMS; i++)
                items[i] = first[i * THREADS];
            counting.Composite(items, own);
        } else {
            for (; first < data + size; first += THREADS)
                atomicAdd(&own[*first], 1u);
        }
    }
    __syncthreads();
    for (unsigned bin = threadIdx.x; bin < BINS; bin += THREADS)
        if (own[bin] != 0)
            atomicAdd(&totals[bin], static_cast<unsigned long long>(own[bin]));
}

/* `piece` has room for PIECE bytes, `totals` for BINS counts, both on the GPU. */
cudaError_t run(const unsigned char *data, size_t size, unsigned char *piece,
                unsigned long long *totals, unsigned long long *counts)
{
    const size_t bytes = BINS * sizeof *totals;
    cudaError_t error = cudaMemset(totals, 0, bytes);
    for (size_t done = 0; error == cudaSuccess && done < size; done += PIECE) {
        size_t length = size - done < PIECE ? size - done : PIECE;
        error = cudaMemcpy(piece, data + done, length, cudaMemcpyHostToDevice);
        if (error != cudaSuccess)
            return error;
        size_t tiles = (length + TILE - 1) / TILE;
        unsigned blocks = tiles < BLOCKS ? static_cast<unsigned>(tiles) : BLOCKS;
        count<<<blocks, THREADS>>>(piece, length, totals);
        error = cudaGetLastError();
    }
    if (error != cudaSuccess)
        return error;
    return cudaMemcpy(counts, totals, bytes, cudaMemcpyDeviceToHost);
}

const char *described(cudaError_t error)
{
    return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

} // namespace

extern "C" const char *histogram_on_gpu(const unsigned char *data, size_t size,
                                        unsigned long long counts[BINS])
{
    unsigned char *piece = nullptr;
    unsigned long long *totals = nullptr;
    cudaError_t error = cudaMalloc(&piece, size < PIECE ? size + 1 : PIECE);
    if (error == cudaSuccess)
        error = cudaMalloc(&totals, BINS * sizeof *totals);
    if (error == cudaSuccess)
        error = run(data, size, piece, totals, counts);
    cudaFree(totals);
    cudaFree(piece);
    return described(error);
}

extern "C" const char *histogram_no_gpu(void)
{
    int count = 0;
    cudaError_t error = cudaGetDeviceCount(&count);
    return described(error == cudaSuccess && count == 0 ? cudaErrorNoDevice : error);
}
