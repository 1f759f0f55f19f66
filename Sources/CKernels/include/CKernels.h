// Vector kernels, one text compiled for three instruction sets and chosen at run time. Arithmetic is in float32, but for
// products of what is rounded; weights may be stored in half precision.
//
// Letters: M rows, N columns (outputs), K depth (inputs), H features, D head size.
// Strides are in elements. Every function touches only what its shapes name; outputs may not overlap inputs unless said.
// Every row of a result depends on its own row of x alone, with one fixed order of additions, so results do not
// change with the number of rows in a call or with how callers split rows or panels over threads.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdint.h>

/// What is done with a product before it is stored.
typedef enum {
  CK_STORE = 0,       // y = x w + bias
  CK_ACCUMULATE = 1,  // y += x w
  CK_GELU = 2,        // y = gelu(x w + bias), with the exact erf
} ck_epilogue;

/// The element type of a weight. Halves are widened as they are read, which is exact.
typedef enum {
  CK_FLOAT32 = 0,
  CK_FLOAT16 = 1,
  CK_BFLOAT16 = 2,
  CK_WEIGHT_TYPES = 3,
} ck_weight_type;

/// The kernels that read weights of one type. Strides and panels are in elements of that type.
typedef struct {
  /// y [M, N] from x [M, K] and packed panels of w [N, K]. bias: [N] or NULL.
  /// Every type gives the bits that float32 weights of the same values give. scratch: [K, panel] or NULL; with it,
  /// halves that meet many rows are widened once for all of them.
  void (*product)(int64_t M, int64_t N, int64_t K, const float *x, int64_t x_stride, const void *panels, float *y,
                  int64_t y_stride, const float *bias, ck_epilogue epilogue, float *scratch);
  /// Packs w [N, K], a row for each output, into panels of its type.
  void (*pack_outputs)(int64_t N, int64_t K, const void *w, int64_t w_stride, void *panels);
  /// Packs w [K, N], a row for each input, into panels of its type.
  void (*pack_inputs)(int64_t N, int64_t K, const void *w, int64_t w_stride, void *panels);
  /// The inverse of pack_outputs, w [N, K] being of the panels' type.
  void (*unpack)(int64_t N, int64_t K, const void *panels, void *w, int64_t w_stride);
  /// y = x as float32.
  void (*widen)(int64_t count, const void *x, float *y);
} ck_weight_kernels;

/// What products with a weight are computed in, where weights and rows are both rounded for them.
typedef enum {
  /// Weights in eight bits, each output with a scale of its own, and rows in eight bits, each with a scale and a zero of
  /// its own; sums in 32 bits.
  CK_INT8 = 0,
  /// Weights and rows in bfloat16, sums in float32.
  CK_BF16 = 1,
  CK_ROUNDINGS = 2,
} ck_rounding;

/// The kernels of one rounding. Every instruction set gives the same bits for the same values, but for CK_GELU.
typedef struct {
  /// The bytes of a packed panel of K inputs, and those of a rounded row.
  int64_t (*panel_bytes)(int64_t K);
  int64_t (*row_bytes)(int64_t K);
  /// Rounds w [N, K] to values [N, K], with scales [N] where the type has them.
  void (*round_weights)(int64_t N, int64_t K, const float *w, int64_t w_stride, void *values, float *scales);
  /// Packs rounded values [N, K]. In int8, 255 * 127 * K is below 2^31.
  void (*pack)(int64_t N, int64_t K, const void *values, const float *scales, void *panels);
  /// w [N, K] as products see it.
  void (*unpack)(int64_t N, int64_t K, const void *panels, float *w, int64_t w_stride);
  /// Rounds x [M, K] to rows that are row_bytes apart. A row of int8 with a value that is not finite has a scale that is
  /// not a number, and so have its results.
  void (*round_rows)(int64_t M, int64_t K, const float *x, int64_t x_stride, void *rows, int64_t row_bytes);
  /// y [M, N] from rounded rows [M, K] and packed panels of w [N, K]. bias: [N] or NULL.
  void (*product)(int64_t M, int64_t N, int64_t K, const void *rows, int64_t row_bytes, const void *panels, float *y,
                  int64_t y_stride, const float *bias, ck_epilogue epilogue);
} ck_rounded_kernels;

typedef struct {
  const char *name;
  /// Columns of one panel of a packed matrix; a packed matrix [N, K] is ceil(N / panel) blocks of [K, panel], zero-padded.
  int64_t panel;

  /// By ck_weight_type.
  ck_weight_kernels weights[CK_WEIGHT_TYPES];
  /// By ck_rounding.
  ck_rounded_kernels rounded[CK_ROUNDINGS];

  /// y = (x + r - mean) rstd gain + bias for each row; r may be NULL; y may be x or r. The variance is the biased one.
  void (*layer_norm)(int64_t M, int64_t H, const float *x, int64_t x_stride, const float *r, int64_t r_stride,
                     const float *gain, const float *bias, float eps, float *y, int64_t y_stride);
  /// y = gelu(x); y may be x.
  void (*gelu)(int64_t count, const float *x, float *y);
  /// y = erf(x) and y = exp(x); y may be x. NaN stays NaN.
  void (*erf)(int64_t count, const float *x, float *y);
  void (*exp)(int64_t count, const float *x, float *y);
  /// Softmax of each row of x [M, N] in place. -infinity becomes 0, and so does a row that holds nothing else; a row
  /// with NaN or +infinity becomes NaN.
  void (*softmax)(int64_t M, int64_t N, float *x, int64_t x_stride);

  /// y = scale x + (accumulate ? y : 0), for M rows of N.
  void (*scale)(int64_t M, int64_t N, float scale, const float *x, int64_t x_stride, float *y, int64_t y_stride,
                int accumulate);

  /// Adds the position terms of disentangled attention to scores [M, N] of queries first .. first + M against N keys.
  ///
  /// scores[i, j] += c2p[i, key_column[j - (first + i)]] + p2c[j, query_column[(first + i) - j]]
  ///
  /// c2p: [M, *], a row for each query, or NULL; p2c: [N, *], a row for each key, or NULL.
  /// key_column and query_column point at distance 0 and reach N - 1 to both sides. Both rise by exactly one from one
  /// distance to the next as long as the distance stays below `plain` in size, which makes those reads contiguous, and
  /// both stay the same from `far` on to either side.
  void (*add_positions)(int64_t M, int64_t N, int64_t first, float *scores, int64_t scores_stride, const float *c2p,
                        int64_t c2p_stride, const int32_t *key_column, const float *p2c, int64_t p2c_stride,
                        const int32_t *query_column, int64_t plain, int64_t far);

  /// dy = dy gelu'(x), in place.
  void (*gelu_backward)(int64_t count, const float *x, float *dy);
  /// dx of y = (x - mean) rstd gain + bias for each row; dx may be dy. stats [M, 2] receives mean and rstd.
  void (*layer_norm_backward)(int64_t M, int64_t H, const float *x, int64_t x_stride, const float *gain, float eps,
                              const float *dy, int64_t dy_stride, float *dx, int64_t dx_stride, float *stats);
  /// dp = p (dp - sum(p dp)) for each row, in place: the backward of softmax, p being its result.
  void (*softmax_backward)(int64_t M, int64_t N, const float *p, int64_t p_stride, float *dp, int64_t dp_stride);
  /// The backward of add_positions for one sequence: ds [M, N] of its first M queries is added up by table row.
  ///
  /// of_queries[i, key_column[j - i]] += ds[i, j] and of_keys[j, query_column[i - j]] += ds[i, j]; either may be NULL.
  /// Distances are those of `positions` [N] where given.
  void (*collect_positions)(int64_t M, int64_t N, const float *ds, int64_t ds_stride, const int32_t *positions,
                            const int32_t *key_column, float *of_queries, int64_t of_queries_stride,
                            const int32_t *query_column, float *of_keys, int64_t of_keys_stride);
  /// x = 0 where the hash of key and element number (first + m N + n) is below threshold, else factor x; in place.
  void (*dropout)(int64_t M, int64_t N, uint32_t first, uint32_t key, uint32_t threshold, float factor, float *x,
                  int64_t x_stride);
} ck_kernels;

/// The kernels for AVX-512, for AVX2 with FMA, and for any processor; the first two are NULL where they cannot run.
const ck_kernels *ck_avx512(void);
const ck_kernels *ck_avx2(void);
const ck_kernels *ck_portable(void);

/// Tells the processor that a loop waits for another thread.
static inline void ck_pause(void) {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

#endif
