// The kernels' one text. Included by avx512.c, avx2.c and portable.c, which define
//   CK_NAME        name of the table
//   CK_LANES       floats in a vector
//   CK_TILE_ROWS   rows of x in the register tile; the tile is CK_TILE_ROWS x 2 vectors
//   CK_TILE_CASES(f)    f(1) f(2) ... f(CK_TILE_ROWS)
//   CK_LANE_LIST(f, k)  f(0, k), f(1, k), ... for every lane
//   CK_EXCHANGES        EXCHANGE(1) EXCHANGE(2) ... EXCHANGE(CK_LANES / 2)
//   CK_NO_FMA           where multiplying and adding in one step is not an instruction
//   CK_HALF_CONVERSION  where widening float16 is an instruction
//   CK_MULTIPLY_PAIRS(a, b), CK_SHIFT_PAIRS(a, n)  where int16 are multiplied and added in pairs by an instruction;
//                       the second shifts each int16 right, keeping its sign
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "CKernels.h"

#define INLINE static inline __attribute__((always_inline))
enum { LANES = CK_LANES, PANEL = 2 * CK_LANES };

typedef float vec __attribute__((ext_vector_type(CK_LANES)));
typedef int32_t ivec __attribute__((ext_vector_type(CK_LANES)));
typedef vec loose_vec __attribute__((aligned(4), may_alias));
typedef ivec loose_ivec __attribute__((aligned(4), may_alias));

INLINE vec load(const float *p) { return *(const loose_vec *)p; }
INLINE void store(float *p, vec v) { *(loose_vec *)p = v; }
INLINE vec broadcast(float a) { return (vec)(a); }
#ifdef CK_NO_FMA
INLINE vec fma_(vec a, vec b, vec c) { return a * b + c; }
#else
INLINE vec fma_(vec a, vec b, vec c) { return __builtin_elementwise_fma(a, b, c); }
#endif

INLINE vec load_some(const float *p, int64_t n, float rest) {
  float t[LANES];
  for (int i = 0; i < LANES; i++) t[i] = i < n ? p[i] : rest;
  return load(t);
}
INLINE void store_some(float *p, int64_t n, vec v) {
  float t[LANES];
  store(t, v);
  for (int64_t i = 0; i < n; i++) p[i] = t[i];
}

// MARK: half precision

typedef uint16_t half_vec __attribute__((ext_vector_type(CK_LANES)));
typedef uint32_t uvec __attribute__((ext_vector_type(CK_LANES)));
typedef half_vec loose_half_vec __attribute__((aligned(2), may_alias));

INLINE vec bits_of(uvec v) {
  union { uvec i; vec f; } bits = {.i = v};
  return bits.f;
}
// A bfloat16 is the upper half of a float32.
INLINE vec widened_bfloat16(half_vec h) { return bits_of(__builtin_convertvector(h, uvec) << 16); }
#ifdef CK_HALF_CONVERSION
typedef _Float16 float16_vec __attribute__((ext_vector_type(CK_LANES)));
INLINE vec widened_float16(half_vec h) {
  union { half_vec i; float16_vec f; } bits = {.i = h};
  return __builtin_convertvector(bits.f, vec);
}
#else
// A normal number, an infinity or a NaN has its exponent moved by a multiplication; a subnormal one is the fraction of a
// float that starts at one half, less that half. Source: M. Dukhan, FP16, `fp16_ieee_to_fp32_value`.
INLINE vec widened_float16(half_vec h) {
  const uvec word = __builtin_convertvector(h, uvec) << 16, magnitude = word + word;
  union { vec f; uvec i; } normal = {.f = bits_of((magnitude >> 4) + (0xE0u << 23)) * 0x1p-112f};
  union { vec f; uvec i; } subnormal = {.f = bits_of((magnitude >> 17) | (126u << 23)) - 0.5f};
  const uvec is_subnormal = (uvec)(magnitude < (1u << 27));
  return bits_of((word & 0x80000000u) | (is_subnormal & subnormal.i) | (~is_subnormal & normal.i));
}
#endif

// Elements of a weight, from `index` on. The type is a constant wherever this is inlined.
INLINE vec load_weights(ck_weight_type type, const void *w, int64_t index) {
  if (type == CK_FLOAT32) return load((const float *)w + index);
  const half_vec h = *(const loose_half_vec *)((const uint16_t *)w + index);
  return type == CK_FLOAT16 ? widened_float16(h) : widened_bfloat16(h);
}
INLINE int64_t bytes_of(ck_weight_type type) { return type == CK_FLOAT32 ? 4 : 2; }

INLINE float sum_of(vec v) {
  float t[LANES];
  store(t, v);
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) t[i] += t[i + half];
  return t[0];
}
INLINE float max_of(vec v) {
  float t[LANES];
  store(t, v);
  for (int i = 1; i < LANES; i++) t[0] = t[i] > t[0] ? t[i] : t[0];
  return t[0];
}

// MARK: elementary functions

// x between two bounds. NaN stays NaN: the comparisons are false for it, and the operand that is left is x.
INLINE vec bounded(vec x, float low, float high) {
  vec capped = x > broadcast(high) ? broadcast(high) : x;
  return capped < broadcast(low) ? broadcast(low) : capped;
}

// exp(x) = 2^n exp(r), |r| <= ln 2 / 2, with a polynomial for exp(r) (Cephes, expf). Below -87.3 the result is 0.
INLINE vec exp_of(vec x) {
  vec inside = bounded(x, -87.3f, 88.37f);
  const float integers = 12582912.0f;  // 1.5 * 2^23: adding it leaves no fraction, and n in the lowest bits
  union { vec f; ivec i; } shifted = {.f = inside * 1.44269504088896341f + integers};
  vec n = shifted.f - integers;
  vec r = fma_(n, broadcast(-0.693359375f), inside);
  r = fma_(n, broadcast(2.12194440e-4f), r);
  vec p = broadcast(1.9875691500e-4f);
  p = fma_(p, r, broadcast(1.3981999507e-3f));
  p = fma_(p, r, broadcast(8.3334519073e-3f));
  p = fma_(p, r, broadcast(4.1665795894e-2f));
  p = fma_(p, r, broadcast(1.6666665459e-1f));
  p = fma_(p, r, broadcast(5.0000001201e-1f));
  p = fma_(p, r * r, r) + 1.0f;
  union { ivec i; vec f; } power = {.i = (shifted.i + (127 - 0x4B400000)) << 23};
  union { ivec i; vec f; } result = {.f = p * power.f};
  result.i &= ~(x <= broadcast(-87.3f));
  return result.f;
}

// erf(x) = x P(x^2) / Q(x^2), clamped where float32 reaches 1; the coefficients minimise the relative error on [0, 3.92].
INLINE vec erf_of(vec x) {
  vec c = bounded(x, -3.92f, 3.92f);
  vec s = c * c;
  vec p = broadcast(2.050060917e-06f);
  p = fma_(p, s, broadcast(2.848824731e-04f));
  p = fma_(p, s, broadcast(3.765667928e-03f));
  p = fma_(p, s, broadcast(5.274889297e-02f));
  p = fma_(p, s, broadcast(1.904078335e-01f));
  p = fma_(p, s, broadcast(1.128379146e+00f));
  vec q = broadcast(3.809142362e-05f);
  q = fma_(q, s, broadcast(1.162544898e-03f));
  q = fma_(q, s, broadcast(1.496932624e-02f));
  q = fma_(q, s, broadcast(1.141096647e-01f));
  q = fma_(q, s, broadcast(5.020772902e-01f));
  q = fma_(q, s, broadcast(1.0f));
  return bounded(c * p / q, -1.0f, 1.0f);
}

INLINE vec gelu_of(vec x) { return 0.5f * x * (1.0f + erf_of(x * 0.70710678118654752f)); }

#define MAP(name, of)                                                                                \
  static void name(int64_t count, const float *x, float *y) {                                        \
    int64_t i = 0;                                                                                   \
    for (; i + LANES <= count; i += LANES) store(y + i, of(load(x + i)));                            \
    if (i < count) store_some(y + i, count - i, of(load_some(x + i, count - i, 0)));                 \
  }
MAP(erf_all, erf_of)
MAP(exp_all, exp_of)
MAP(gelu_all, gelu_of)

// MARK: products

// Stores sums [rows, PANEL] of a tile, of which `columns` count, by an epilogue.
static __attribute__((noinline)) void finish(int64_t rows, const float *sums, float *y, int64_t y_stride,
                                             int64_t columns, const float *bias, ck_epilogue epilogue) {
  for (int64_t i = 0; i < rows; i++, sums += PANEL, y += y_stride)
    for (int64_t first = 0; first < columns; first += LANES) {
      const int64_t n = columns - first < LANES ? columns - first : LANES;
      const vec c = bias == NULL ? broadcast(0) : n == LANES ? load(bias + first) : load_some(bias + first, n, 0);
      vec v = load(sums + first) + c;
      if (epilogue == CK_ACCUMULATE) v += n == LANES ? load(y + first) : load_some(y + first, n, 0);
      if (epilogue == CK_GELU) v = gelu_of(v);
      if (n == LANES) store(y + first, v); else store_some(y + first, n, v);
    }
}

// A register tile: `rows` x 2 vectors of y, over the whole depth. `wide` is 0 where the panel's second half is padding.
// Where `widened` is not NULL, the panel is left there as float32 for the tiles after this one.
INLINE void tile(int rows, int wide, ck_weight_type type, int64_t K, const float *x, int64_t x_stride,
                 const void *panel, float *y, int64_t y_stride, int64_t columns, const float *bias,
                 ck_epilogue epilogue, float *widened) {
  const int64_t line = PANEL * bytes_of(type);
  vec acc[CK_TILE_ROWS][2];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) acc[i][0] = acc[i][1] = broadcast(0);
  for (int64_t k = 0; k < K; k++) {
    vec b0 = load_weights(type, panel, k * PANEL);
    vec b1 = wide ? load_weights(type, panel, k * PANEL + LANES) : broadcast(0);
    if (widened != NULL) {
      store(widened + k * PANEL, b0);
      store(widened + k * PANEL + LANES, b1);
    }
    __builtin_prefetch((const char *)panel + k * line + 64 * PANEL);
    if (wide && line > 64) __builtin_prefetch((const char *)panel + k * line + 64 * PANEL + 64);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      vec a = broadcast(x[i * x_stride + k]);
      acc[i][0] = fma_(a, b0, acc[i][0]);
      if (wide) acc[i][1] = fma_(a, b1, acc[i][1]);
    }
  }
  if (columns < (1 + wide) * LANES || epilogue == CK_GELU) {
    float sums[CK_TILE_ROWS * PANEL];
    for (int half = 0; half <= wide; half++)
#pragma clang loop unroll(full)
      for (int i = 0; i < rows; i++) store(sums + i * PANEL + half * LANES, acc[i][half]);
    finish(rows, sums, y, y_stride, columns, bias, epilogue);
    return;
  }
  for (int half = 0; half <= wide; half++) {
    const int64_t first = half * LANES;
    const vec c = bias == NULL ? broadcast(0) : load(bias + first);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      float *to = y + i * y_stride + first;
      vec v = acc[i][half] + c;
      if (epilogue == CK_ACCUMULATE) v += load(to);
      store(to, v);
    }
  }
}

#define TILE_CASE(r)                                                                                             \
  case r:                                                                                                        \
    tile(r, wide, type, K, x, x_stride, panel, y, y_stride, columns, bias, epilogue, first ? widened : NULL);    \
    break;

// One function for each width and type, so that the switch's tiles are compiled once each. The first tile of a panel of
// halves widens it for those after it: that hides behind the products, where a separate loop would wait for memory.
// For a single tile after it the writing costs more than widening twice.
#define TILE_FUNCTION(name, is_wide, of_type, is_first)                                                          \
  static __attribute__((noinline)) void name(int64_t rows, int64_t K, const float *x, int64_t x_stride,          \
                                             const void *panel, float *y, int64_t y_stride, int64_t columns,     \
                                             const float *bias, ck_epilogue epilogue, float *widened) {          \
    enum { wide = is_wide, first = is_first };                                                                   \
    const ck_weight_type type = of_type;                                                                         \
    switch (rows) { CK_TILE_CASES(TILE_CASE) }                                                                   \
  }

#define PRODUCT_FUNCTION(name, type)                                                                             \
  TILE_FUNCTION(name##_wide_tile, 1, type, 0)                                                                    \
  TILE_FUNCTION(name##_narrow_tile, 0, type, 0)                                                                  \
  TILE_FUNCTION(name##_first_tile, 1, type, type != CK_FLOAT32)                                                  \
  static void name(int64_t M, int64_t N, int64_t K, const float *x, int64_t x_stride, const void *panels,        \
                   float *y, int64_t y_stride, const float *bias, ck_epilogue epilogue, float *scratch) {        \
    if (M <= 0 || N <= 0) return;                                                                                \
    const int64_t tiles = (M + CK_TILE_ROWS - 1) / CK_TILE_ROWS, height = M / tiles, taller = M % tiles;         \
    for (int64_t first = 0; first < N; first += PANEL) {                                                         \
      const void *panel = (const char *)panels + first * K * bytes_of(type);                                     \
      const int64_t columns = N - first < PANEL ? N - first : PANEL;                                             \
      const int widens = type != CK_FLOAT32 && scratch != NULL && tiles > 2 && columns > LANES;                  \
      for (int64_t t = 0, row = 0; t < tiles; t++) {                                                             \
        const int64_t rows = height + (t < taller);                                                              \
        (!widens ? columns > LANES ? name##_wide_tile : name##_narrow_tile                                       \
         : t == 0 ? name##_first_tile : product_float32_wide_tile)(                                              \
            rows, K, x + row * x_stride, x_stride, widens && t > 0 ? scratch : panel,                            \
            y + row * y_stride + first, y_stride, columns, bias == NULL ? NULL : bias + first, epilogue,         \
            scratch);                                                                                            \
        row += rows;                                                                                             \
      }                                                                                                          \
    }                                                                                                            \
  }
PRODUCT_FUNCTION(product_float32, CK_FLOAT32)
PRODUCT_FUNCTION(product_float16, CK_FLOAT16)
PRODUCT_FUNCTION(product_bfloat16, CK_BFLOAT16)

// Packing moves bits, so that one function does for every type of a size.
#define PACK_FUNCTIONS(bits, element)                                                                            \
  static void pack_outputs_##bits(int64_t N, int64_t K, const void *source, int64_t w_stride, void *target) {    \
    const element *w = source;                                                                                   \
    element *panels = target;                                                                                    \
    for (int64_t first = 0; first < N; first += PANEL, panels += K * PANEL) {                                    \
      const int64_t columns = N - first < PANEL ? N - first : PANEL;                                             \
      if (columns < PANEL) memset(panels, 0, sizeof(element) * (size_t)(K * PANEL));                             \
      for (int64_t k0 = 0; k0 < K; k0 += 16) /* a cache line of every row at a time */                           \
        for (int64_t c = 0; c < columns; c++)                                                                    \
          for (int64_t k = k0; k < K && k < k0 + 16; k++) panels[k * PANEL + c] = w[(first + c) * w_stride + k]; \
    }                                                                                                            \
  }                                                                                                              \
  static void pack_inputs_##bits(int64_t N, int64_t K, const void *source, int64_t w_stride, void *target) {     \
    const element *w = source;                                                                                   \
    element *panels = target;                                                                                    \
    for (int64_t first = 0; first < N; first += PANEL, panels += K * PANEL) {                                    \
      const int64_t columns = N - first < PANEL ? N - first : PANEL;                                             \
      for (int64_t k = 0; k < K; k++) {                                                                          \
        memcpy(panels + k * PANEL, w + k * w_stride + first, sizeof(element) * (size_t)columns);                 \
        if (columns < PANEL)                                                                                     \
          memset(panels + k * PANEL + columns, 0, sizeof(element) * (size_t)(PANEL - columns));                  \
      }                                                                                                          \
    }                                                                                                            \
  }                                                                                                              \
  static void unpack_##bits(int64_t N, int64_t K, const void *source, void *target, int64_t w_stride) {          \
    const element *panels = source;                                                                              \
    element *w = target;                                                                                         \
    for (int64_t first = 0; first < N; first += PANEL, panels += K * PANEL) {                                    \
      const int64_t columns = N - first < PANEL ? N - first : PANEL;                                             \
      for (int64_t k0 = 0; k0 < K; k0 += 16)                                                                     \
        for (int64_t c = 0; c < columns; c++)                                                                    \
          for (int64_t k = k0; k < K && k < k0 + 16; k++) w[(first + c) * w_stride + k] = panels[k * PANEL + c]; \
    }                                                                                                            \
  }
PACK_FUNCTIONS(32, uint32_t)
PACK_FUNCTIONS(16, uint16_t)

#define WIDEN_FUNCTION(name, type)                                                                               \
  static void name(int64_t count, const void *x, float *y) {                                                     \
    int64_t i = 0;                                                                                               \
    for (; i + LANES <= count; i += LANES) store(y + i, load_weights(type, x, i));                               \
    if (i == count) return;                                                                                      \
    float rest[LANES] = {0};                                                                                     \
    memcpy(rest, (const char *)x + i * bytes_of(type), (size_t)((count - i) * bytes_of(type)));                  \
    store_some(y + i, count - i, load_weights(type, rest, 0));                                                   \
  }
WIDEN_FUNCTION(widen_float32, CK_FLOAT32)
WIDEN_FUNCTION(widen_float16, CK_FLOAT16)
WIDEN_FUNCTION(widen_bfloat16, CK_BFLOAT16)

#include "rounded.inc.h"

// MARK: rows

static void layer_norm(int64_t M, int64_t H, const float *x, int64_t x_stride, const float *r, int64_t r_stride,
                       const float *gain, const float *bias, float eps, float *y, int64_t y_stride) {
  const int64_t whole = H - H % LANES, rest = H - whole;
  for (int64_t m = 0; m < M; m++, x += x_stride, y += y_stride) {
    vec total = broadcast(0);
    for (int64_t h = 0; h < whole; h += LANES) {
      vec v = load(x + h);
      if (r != NULL) v += load(r + h);
      store(y + h, v);
      total += v;
    }
    if (rest > 0) {
      vec v = load_some(x + whole, rest, 0);
      if (r != NULL) v += load_some(r + whole, rest, 0);
      store_some(y + whole, rest, v);
      total += v;
    }
    const float mean = sum_of(total) / (float)H;
    vec squares = broadcast(0);
    for (int64_t h = 0; h < whole; h += LANES) {
      vec d = load(y + h) - mean;
      squares = fma_(d, d, squares);
    }
    if (rest > 0) {
      vec d = load_some(y + whole, rest, mean) - mean;
      squares = fma_(d, d, squares);
    }
    const float rstd = 1.0f / sqrtf(sum_of(squares) / (float)H + eps);
    for (int64_t h = 0; h < whole; h += LANES)
      store(y + h, fma_((load(y + h) - mean) * rstd, load(gain + h), load(bias + h)));
    if (rest > 0)
      store_some(y + whole, rest,
                 fma_((load_some(y + whole, rest, 0) - mean) * rstd, load_some(gain + whole, rest, 0),
                      load_some(bias + whole, rest, 0)));
    if (r != NULL) r += r_stride;
  }
}

static void scale(int64_t M, int64_t N, float factor, const float *x, int64_t x_stride, float *y, int64_t y_stride,
                  int accumulate) {
  for (int64_t m = 0; m < M; m++, x += x_stride, y += y_stride) {
    if (accumulate)
      for (int64_t n = 0; n < N; n++) y[n] += factor * x[n];
    else
      for (int64_t n = 0; n < N; n++) y[n] = factor * x[n];
  }
}

static void softmax(int64_t M, int64_t N, float *x, int64_t x_stride) {
  const int64_t whole = N - N % LANES, rest = N - whole;
  for (int64_t m = 0; m < M; m++, x += x_stride) {
    vec top = broadcast(-INFINITY);
    for (int64_t n = 0; n < whole; n += LANES) top = __builtin_elementwise_max(top, load(x + n));
    if (rest > 0) top = __builtin_elementwise_max(top, load_some(x + whole, rest, -INFINITY));
    const float highest = max_of(top);
    if (highest == -INFINITY) {  // no number above it: the maximum passes NaN by
      float filling = 0;
      for (int64_t n = 0; n < N; n++) filling = x[n] != x[n] ? x[n] : filling;
      for (int64_t n = 0; n < N; n++) x[n] = filling;
      continue;
    }
    vec total = broadcast(0);
    for (int64_t n = 0; n < whole; n += LANES) {
      vec e = exp_of(load(x + n) - highest);
      store(x + n, e);
      total += e;
    }
    if (rest > 0) {
      vec e = exp_of(load_some(x + whole, rest, -INFINITY) - highest);
      store_some(x + whole, rest, e);
      total += e;
    }
    const float share = 1.0f / sum_of(total);
    for (int64_t n = 0; n < whole; n += LANES) store(x + n, load(x + n) * share);
    for (int64_t n = whole; n < N; n++) x[n] *= share;
  }
}

// MARK: positions

// One step of the transposition of a square of LANES x LANES: lanes whose index has bit k change places with the rows
// whose index has bit k.
#define FROM_UPPER(l, k) (((l) & (k)) ? LANES + (l) - (k) : (l))
#define FROM_LOWER(l, k) (((l) & (k)) ? LANES + (l) : (l) + (k))
#define EXCHANGE(k)                                                                                   \
  {                                                                                                   \
    for (int a = 0; a < LANES; a++) {                                                                 \
      if (a & k) continue;                                                                            \
      vec upper = t[a], lower = t[a + k];                                                             \
      t[a] = __builtin_shufflevector(upper, lower, CK_LANE_LIST(FROM_UPPER, k));                      \
      t[a + k] = __builtin_shufflevector(upper, lower, CK_LANE_LIST(FROM_LOWER, k));                  \
    }                                                                                                 \
  }
INLINE void transpose(vec *t) { CK_EXCHANGES }

// p2c of LANES queries from `query` against LANES keys from `key`: rows are keys, and are transposed before they are added.
INLINE void add_key_tile(int64_t query, int64_t key, float *scores, int64_t scores_stride, const float *p2c,
                         int64_t p2c_stride, const int32_t *query_column, int64_t plain, int64_t far) {
  vec t[LANES];
  const int64_t least = query - (key + LANES - 1), most = query + LANES - 1 - key;
  if (least >= far || most <= -far) {
    float same[LANES];
    for (int j = 0; j < LANES; j++) same[j] = p2c[(key + j) * p2c_stride + query_column[least]];
    const vec v = load(same);
    for (int i = 0; i < LANES; i++) store(scores + i * scores_stride, load(scores + i * scores_stride) + v);
    return;
  }
  if (least > -plain && most < plain) {
    for (int j = 0; j < LANES; j++) t[j] = load(p2c + (key + j) * p2c_stride + query_column[query - (key + j)]);
  } else {
    for (int j = 0; j < LANES; j++) {
      const float *row = p2c + (key + j) * p2c_stride;
      const int32_t *column = query_column + (query - (key + j));
      float gathered[LANES];
      for (int i = 0; i < LANES; i++) gathered[i] = row[column[i]];
      t[j] = load(gathered);
    }
  }
  transpose(t);
  for (int i = 0; i < LANES; i++) store(scores + i * scores_stride, load(scores + i * scores_stride) + t[i]);
}

INLINE int64_t clamp(int64_t x, int64_t low, int64_t high) { return x < low ? low : x > high ? high : x; }

static void add_positions(int64_t M, int64_t N, int64_t first, float *scores, int64_t scores_stride, const float *c2p,
                          int64_t c2p_stride, const int32_t *key_column, const float *p2c, int64_t p2c_stride,
                          const int32_t *query_column, int64_t plain, int64_t far) {
  if (c2p != NULL) {
    for (int64_t i = 0; i < M; i++) {
      float *s = scores + i * scores_stride;
      const float *c = c2p + i * c2p_stride;
      const int64_t query = first + i;
      const int32_t *column = key_column - query;
      // Keys whose distance is plain are low ..< high; those not far away are near ..< beyond.
      const int64_t low = clamp(query - plain + 1, 0, N), high = clamp(query + plain, low, N);
      const int64_t near = clamp(query - far + 1, 0, low), beyond = clamp(query + far, high, N);
      if (near > 0) {
        const float before = c[column[0]];
        for (int64_t j = 0; j < near; j++) s[j] += before;
      }
      for (int64_t j = near; j < low; j++) s[j] += c[column[j]];
      if (low < high) {
        const float *run = c + column[low] - low;
        for (int64_t j = low; j < high; j++) s[j] += run[j];
      }
      for (int64_t j = high; j < beyond; j++) s[j] += c[column[j]];
      if (beyond < N) {
        const float after = c[column[N - 1]];
        for (int64_t j = beyond; j < N; j++) s[j] += after;
      }
    }
  }
  if (p2c != NULL) {
    const int64_t square_rows = M - M % LANES, square_keys = N - N % LANES;
    for (int64_t i = 0; i < square_rows; i += LANES)
      for (int64_t j = 0; j < square_keys; j += LANES)
        add_key_tile(first + i, j, scores + i * scores_stride + j, scores_stride, p2c, p2c_stride, query_column, plain,
                     far);
    for (int64_t i = 0; i < M; i++)
      for (int64_t j = i < square_rows ? square_keys : 0; j < N; j++)
        scores[i * scores_stride + j] += p2c[j * p2c_stride + query_column[first + i - j]];
  }
}

// MARK: backward

// gelu'(x) = Phi(x) + x phi(x)
static void gelu_backward(int64_t count, const float *x, float *dy) {
  int64_t i = 0;
  for (; i < count; i += LANES) {
    const int64_t n = count - i < LANES ? count - i : LANES;
    const vec v = n == LANES ? load(x + i) : load_some(x + i, n, 0), d = n == LANES ? load(dy + i) : load_some(dy + i, n, 0);
    const vec density = 0.3989422804014327f * exp_of(-0.5f * v * v);
    const vec result = d * fma_(v, density, 0.5f + 0.5f * erf_of(v * 0.70710678118654752f));
    if (n == LANES) store(dy + i, result); else store_some(dy + i, n, result);
  }
}

static void layer_norm_backward(int64_t M, int64_t H, const float *x, int64_t x_stride, const float *gain, float eps,
                                const float *dy, int64_t dy_stride, float *dx, int64_t dx_stride, float *stats) {
  const int64_t whole = H - H % LANES, rest = H - whole;
  for (int64_t m = 0; m < M; m++, x += x_stride, dy += dy_stride, dx += dx_stride, stats += 2) {
    vec total = broadcast(0), squares = broadcast(0);
    for (int64_t h = 0; h < whole; h += LANES) total += load(x + h);
    if (rest > 0) total += load_some(x + whole, rest, 0);
    const float mean = sum_of(total) / (float)H;
    for (int64_t h = 0; h < whole; h += LANES) {
      const vec d = load(x + h) - mean;
      squares = fma_(d, d, squares);
    }
    if (rest > 0) {
      const vec d = load_some(x + whole, rest, mean) - mean;
      squares = fma_(d, d, squares);
    }
    const float rstd = 1.0f / sqrtf(sum_of(squares) / (float)H + eps);
    // g = dy gain; dx = rstd (g - mean(g) - n mean(g n)) with n = (x - mean) rstd
    vec sums = broadcast(0), products = broadcast(0);
    for (int64_t h = 0; h < whole; h += LANES) {
      const vec g = load(dy + h) * load(gain + h);
      sums += g;
      products = fma_(g, (load(x + h) - mean) * rstd, products);
    }
    if (rest > 0) {
      const vec g = load_some(dy + whole, rest, 0) * load_some(gain + whole, rest, 0);
      sums += g;
      products = fma_(g, (load_some(x + whole, rest, mean) - mean) * rstd, products);
    }
    const float a = sum_of(sums) / (float)H, b = sum_of(products) / (float)H;
    for (int64_t h = 0; h < whole; h += LANES) {
      const vec n = (load(x + h) - mean) * rstd;
      store(dx + h, rstd * (load(dy + h) * load(gain + h) - a - n * b));
    }
    for (int64_t h = whole; h < H; h++) dx[h] = rstd * (dy[h] * gain[h] - a - (x[h] - mean) * rstd * b);
    stats[0] = mean;
    stats[1] = rstd;
  }
}

static void softmax_backward(int64_t M, int64_t N, const float *p, int64_t p_stride, float *dp, int64_t dp_stride) {
  const int64_t whole = N - N % LANES, rest = N - whole;
  for (int64_t m = 0; m < M; m++, p += p_stride, dp += dp_stride) {
    vec total = broadcast(0);
    for (int64_t n = 0; n < whole; n += LANES) total = fma_(load(p + n), load(dp + n), total);
    if (rest > 0) total = fma_(load_some(p + whole, rest, 0), load_some(dp + whole, rest, 0), total);
    const float mean = sum_of(total);
    for (int64_t n = 0; n < whole; n += LANES) store(dp + n, load(p + n) * (load(dp + n) - mean));
    for (int64_t n = whole; n < N; n++) dp[n] = p[n] * (dp[n] - mean);
  }
}

static void collect_positions(int64_t M, int64_t N, const float *ds, int64_t ds_stride, const int32_t *positions,
                              const int32_t *key_column, float *of_queries, int64_t of_queries_stride,
                              const int32_t *query_column, float *of_keys, int64_t of_keys_stride) {
  for (int64_t i = 0; i < M; i++, ds += ds_stride) {
    if (positions == NULL) {
      if (of_queries != NULL) {
        float *row = of_queries + i * of_queries_stride;
        for (int64_t j = 0; j < N; j++) row[key_column[j - i]] += ds[j];
      }
      if (of_keys != NULL)
        for (int64_t j = 0; j < N; j++) of_keys[j * of_keys_stride + query_column[i - j]] += ds[j];
    } else {
      for (int64_t j = 0; j < N; j++) {
        const int64_t distance = positions[i] - positions[j];
        if (of_queries != NULL) of_queries[i * of_queries_stride + key_column[-distance]] += ds[j];
        if (of_keys != NULL) of_keys[j * of_keys_stride + query_column[distance]] += ds[j];
      }
    }
  }
}

// The finaliser of MurmurHash3 over the element's number.
static void dropout(int64_t M, int64_t N, uint32_t first, uint32_t key, uint32_t threshold, float factor, float *x,
                    int64_t x_stride) {
  for (int64_t m = 0; m < M; m++, x += x_stride)
    for (int64_t n = 0; n < N; n++) {
      uint32_t h = (first + (uint32_t)(m * N + n)) * 0x9E3779B1u ^ key;
      h ^= h >> 16;
      h *= 0x85EBCA6Bu;
      h ^= h >> 13;
      h *= 0xC2B2AE35u;
      h ^= h >> 16;
      x[n] = h < threshold ? 0.0f : x[n] * factor;
    }
}

#define KERNELS(int8_product, bf16_product)                                                                          \
  {                                                                                                                  \
      .name = CK_NAME,                                                                                               \
      .panel = PANEL,                                                                                                \
      .weights =                                                                                                     \
        {                                                                                                            \
            [CK_FLOAT32] = {product_float32, pack_outputs_32, pack_inputs_32, unpack_32, widen_float32},             \
            [CK_FLOAT16] = {product_float16, pack_outputs_16, pack_inputs_16, unpack_16, widen_float16},             \
            [CK_BFLOAT16] = {product_bfloat16, pack_outputs_16, pack_inputs_16, unpack_16, widen_bfloat16},          \
        },                                                                                                           \
      .rounded = {[CK_INT8] = ROUNDED_KERNELS(int8, int8_product), [CK_BF16] = ROUNDED_KERNELS(bf16, bf16_product)}, \
      .layer_norm = layer_norm,                                                                                      \
      .gelu = gelu_all,                                                                                              \
      .erf = erf_all,                                                                                                \
      .exp = exp_all,                                                                                                \
      .softmax = softmax,                                                                                            \
      .scale = scale,                                                                                                \
      .add_positions = add_positions,                                                                                \
      .gelu_backward = gelu_backward,                                                                                \
      .layer_norm_backward = layer_norm_backward,                                                                    \
      .softmax_backward = softmax_backward,                                                                          \
      .collect_positions = collect_positions,                                                                        \
      .dropout = dropout,                                                                                            \
  }

static const ck_kernels table = KERNELS(int8_plain_product, bf16_plain_product);
