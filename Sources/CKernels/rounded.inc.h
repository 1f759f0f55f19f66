// Weights and rows that are both rounded to fewer bits, and what follows their products; part of the kernels' one text.
// Every instruction set gives the same bits, but for CK_GELU: sums of int8 are whole numbers, those of bf16 are added in
// one order, and each step after them is a single operation in float32.
//
// Values lie in words of 32 bits, four of int8 or two of bf16. A panel has, word by word, those of PANEL outputs, padded
// with zeros:
//
//     int8    float scale[PANEL], int32 sum[PANEL], int8 q[ceil(K / 4)][PANEL][4]
//     bf16    uint16 w[ceil(K / 2)][PANEL][2]

INLINE int64_t words_of_bytes(int64_t bytes) { return (bytes + 3) / 4; }

// Packs values [N, bytes] of rows of `bytes` bytes.
static void pack_words(int64_t N, int64_t bytes, const char *values, char *words, int64_t panel_bytes) {
  const int64_t depth = words_of_bytes(bytes);
  for (int64_t first = 0; first < N; first += PANEL, words += panel_bytes) {
    const int64_t columns = N - first < PANEL ? N - first : PANEL;
    if (columns < PANEL) memset(words, 0, (size_t)(4 * depth * PANEL));
    for (int64_t k0 = 0; k0 < depth; k0 += 16)  // a cache line of every row at a time
      for (int64_t c = 0; c < columns; c++) {
        const char *row = values + (first + c) * bytes;
        for (int64_t k = k0; k < depth && k < k0 + 16; k++) {
          uint32_t word = 0;
          if (4 * k + 4 <= bytes) memcpy(&word, row + 4 * k, 4);
          else memcpy(&word, row + 4 * k, (size_t)(bytes - 4 * k));
          memcpy(words + 4 * (k * PANEL + c), &word, 4);
        }
      }
  }
}

// MARK: int8

// A row of x is held as x ~ scale (u - zero), u in 0 ... 255, a row of w as w ~ scale q, q in -127 ... 127:
//
//     y[m, n] = (sum_k u[m, k] q[n, k] - zero[m] sum_k q[n, k]) (row_scale[m] scale[n]) + bias[n]

typedef struct {
  float scale[PANEL];
  int32_t sum[PANEL];
  char words[];
} int8_panel;

typedef struct {
  float scale;
  int32_t zero;
  uint8_t u[];
} int8_row;

static int64_t int8_panel_bytes(int64_t K) { return (int64_t)sizeof(int8_panel) + 4 * words_of_bytes(K) * PANEL; }
static int64_t int8_row_bytes(int64_t K) { return (int64_t)sizeof(int8_row) + 4 * words_of_bytes(K); }

// To the nearest whole number, halves to the even one; |x| is below 2^22.
INLINE vec whole(vec x) {
  const float integers = 12582912.0f;  // 1.5 * 2^23: adding it leaves no fraction
  return (x + integers) - integers;
}
INLINE float whole_of(float x) { return whole(broadcast(x))[0]; }

typedef int8_t byte_vec __attribute__((ext_vector_type(CK_LANES)));
typedef uint8_t ubyte_vec __attribute__((ext_vector_type(CK_LANES)));

// A row of zeros, or of less than 1e-30, has scale 1; one with a value that is not finite has a scale that is not a number.
static void int8_round_weights(int64_t N, int64_t K, const float *w, int64_t w_stride, void *values, float *scales) {
  int8_t *q = values;
  for (int64_t n = 0; n < N; n++, w += w_stride, q += K) {
    vec size = broadcast(0), wrong = broadcast(0);
    for (int64_t k = 0; k < K; k += LANES) {
      const vec v = K - k >= LANES ? load(w + k) : load_some(w + k, K - k, 0);
      size = __builtin_elementwise_max(size, __builtin_elementwise_abs(v));
      wrong += v - v;
    }
    const float most = max_of(size), nothing = sum_of(wrong);
    const int is_plain = nothing == 0 && most > 1e-30f;
    scales[n] = is_plain ? most / 127.0f : 1.0f + nothing;
    const vec steps = broadcast(is_plain ? 127.0f / most : 0.0f);
    for (int64_t k = 0; k < K; k += LANES) {
      const int64_t rest = K - k < LANES ? K - k : LANES;
      vec v = broadcast(0);
      if (is_plain) v = whole((rest == LANES ? load(w + k) : load_some(w + k, rest, 0)) * steps);
      const byte_vec b = __builtin_convertvector(__builtin_convertvector(v, ivec), byte_vec);
      memcpy(q + k, &b, (size_t)rest);
    }
  }
}

static void int8_pack(int64_t N, int64_t K, const void *values, const float *scales, void *panels) {
  pack_words(N, K, values, (char *)panels + sizeof(int8_panel), int8_panel_bytes(K));
  const int8_t *q = values;
  for (int64_t first = 0; first < N; first += PANEL) {
    int8_panel *panel = (int8_panel *)((char *)panels + first / PANEL * int8_panel_bytes(K));
    for (int64_t c = 0; c < PANEL; c++) {
      int32_t sum = 0;
      if (first + c < N)
        for (int64_t k = 0; k < K; k++) sum += q[(first + c) * K + k];
      panel->sum[c] = sum;
      panel->scale[c] = first + c < N ? scales[first + c] : 0;
    }
  }
}

static void int8_unpack(int64_t N, int64_t K, const void *panels, float *w, int64_t w_stride) {
  for (int64_t n = 0; n < N; n++) {
    const int8_panel *panel = (const int8_panel *)((const char *)panels + n / PANEL * int8_panel_bytes(K));
    const int8_t *q = (const int8_t *)panel->words;
    const int64_t c = n % PANEL;
    for (int64_t k = 0; k < K; k++)
      w[n * w_stride + k] = panel->scale[c] * (float)q[(k / 4 * PANEL + c) * 4 + k % 4];
  }
}

// The smaller and the larger of two; the second where one is not a number.
INLINE vec smaller(vec a, vec b) { return a < b ? a : b; }
INLINE vec larger(vec a, vec b) { return a > b ? a : b; }

INLINE ubyte_vec rounded_bytes(vec x, float steps, float zero) {
  const vec u = larger(smaller(whole(x * steps) + zero, broadcast(255.0f)), broadcast(0.0f));
  return __builtin_convertvector(__builtin_convertvector(u, ivec), ubyte_vec);
}

INLINE void int8_round_row(int64_t K, const float *x, int8_row *row) {
  const int64_t plain = K - K % LANES, depth = 4 * words_of_bytes(K);
  // Two chains of each: one would wait for itself.
  vec low[2] = {broadcast(0), broadcast(0)}, high[2] = {broadcast(0), broadcast(0)}, wrong = broadcast(0);
  int64_t k = 0;
  for (; k + 2 * LANES <= plain; k += 2 * LANES)
    for (int i = 0; i < 2; i++) {
      const vec v = load(x + k + i * LANES);
      low[i] = smaller(v, low[i]);
      high[i] = larger(v, high[i]);
      wrong += v - v;  // not a number where a value is none, or infinite
    }
  for (; k < K; k += LANES) {
    const vec v = k < plain ? load(x + k) : load_some(x + k, K - k, 0);
    low[0] = smaller(v, low[0]);
    high[0] = larger(v, high[0]);
    wrong += v - v;
  }
  const float least = -max_of(-smaller(low[0], low[1])), range = max_of(larger(high[0], high[1])) - least;
  const float nothing = sum_of(wrong);
  const int is_finite = nothing == 0 && range < INFINITY, is_plain = is_finite && range > 1e-30f;
  row->scale = is_plain ? range / 255.0f : is_finite ? 0.0f : NAN;
  if (!is_plain) {
    row->zero = 0;
    memset(row->u, 0, (size_t)depth);
    return;
  }
  const float steps = 255.0f / range, zero = whole_of(-least * steps);
  row->zero = (int32_t)zero;
  for (k = 0; k < plain; k += LANES) {
    const ubyte_vec b = rounded_bytes(load(x + k), steps, zero);
    memcpy(row->u + k, &b, LANES);
  }
  if (k < depth) {
    const ubyte_vec b = rounded_bytes(load_some(x + k, K - k, 0), steps, zero);
    memcpy(row->u + k, &b, (size_t)(depth - k));
  }
}

static void int8_round_rows(int64_t M, int64_t K, const float *x, int64_t x_stride, void *rows, int64_t row_bytes) {
  for (int64_t m = 0; m < M; m++, x += x_stride) int8_round_row(K, x, (int8_row *)((char *)rows + m * row_bytes));
}

// Four products of a word's bytes, added to each sum.
INLINE ivec int8_dot(ivec sums, ivec u, ivec q) {
#ifdef CK_MULTIPLY_PAIRS  // of int16, and adds the two products up
  const ivec even = CK_MULTIPLY_PAIRS(u & 0x00FF00FF, CK_SHIFT_PAIRS(q << 8, 8));
  const ivec odd = CK_MULTIPLY_PAIRS((ivec)((uvec)u >> 8) & 0x00FF00FF, CK_SHIFT_PAIRS(q, 8));
  return sums + even + odd;
#else
  for (int byte = 0; byte < 32; byte += 8) sums += ((u >> byte) & 0xFF) * ((q << (24 - byte)) >> 24);
  return sums;
#endif
}

// The sums [rows, PANEL] of a tile as y. No step may be joined with the next.
INLINE void int8_finish(int64_t rows, const ivec (*sums)[2], const void *of, const void *x, int64_t row_bytes, float *y,
                        int64_t y_stride, int64_t columns, const float *bias, ck_epilogue epilogue) {
#pragma clang fp contract(off)
  const int8_panel *panel = of;
  for (int half = 0; half < 2 && half * LANES < columns; half++) {
    const int64_t first = half * LANES, n = columns - first < LANES ? columns - first : LANES;
    const ivec total = *(const loose_ivec *)(panel->sum + first);
    const vec scale = load(panel->scale + first);
    const vec c = bias == NULL ? broadcast(0) : n == LANES ? load(bias + first) : load_some(bias + first, n, 0);
    for (int64_t i = 0; i < rows; i++) {
      const int8_row *row = (const int8_row *)((const char *)x + i * row_bytes);
      float *to = y + i * y_stride + first;
      vec v = __builtin_convertvector(sums[i][half] - total * (ivec)(row->zero), vec) * (scale * row->scale) + c;
      if (epilogue == CK_ACCUMULATE) v = v + (n == LANES ? load(to) : load_some(to, n, 0));
      if (epilogue == CK_GELU) v = gelu_of(v);
      if (n == LANES) store(to, v); else store_some(to, n, v);
    }
  }
}

// MARK: bf16

// The upper half of a float32, rounded to the nearest, halves to the even one. What is below 2^-50 in size becomes 0: sums
// of products are then never subnormal, so that whether a processor keeps subnormal numbers changes no bit.

static int64_t bf16_panel_bytes(int64_t K) { return 4 * words_of_bytes(2 * K) * PANEL; }
static int64_t bf16_row_bytes(int64_t K) { return 4 * words_of_bytes(2 * K); }

INLINE half_vec narrowed_bfloat16(vec x) {
  union { vec f; uvec i; } bits = {.f = x};
  const uvec magnitude = bits.i & 0x7FFFFFFFu;
  const uvec rounded = (bits.i + 0x7FFFu + ((bits.i >> 16) & 1u)) >> 16, quiet = (bits.i >> 16) | 0x40u;
  const uvec is_number = (uvec)(magnitude <= 0x7F800000u), is_tiny = (uvec)(magnitude < (127u - 50u) << 23);
  return __builtin_convertvector(((is_number & rounded) | (~is_number & quiet)) & ~is_tiny, half_vec);
}

static void bf16_round(int64_t M, int64_t K, const float *x, int64_t x_stride, void *rows, int64_t row_bytes) {
  for (int64_t m = 0; m < M; m++, x += x_stride) {
    uint16_t *row = (uint16_t *)((char *)rows + m * row_bytes);
    for (int64_t k = 0; k < K; k += LANES) {
      const int64_t rest = K - k < LANES ? K - k : LANES;
      const half_vec h = narrowed_bfloat16(rest == LANES ? load(x + k) : load_some(x + k, rest, 0));
      if (rest == LANES) memcpy(row + k, &h, sizeof h); else memcpy(row + k, &h, 2 * (size_t)rest);
    }
  }
}

static void bf16_round_weights(int64_t N, int64_t K, const float *w, int64_t w_stride, void *values, float *scales) {
  bf16_round(N, K, w, w_stride, values, 2 * K);
}

static void bf16_pack(int64_t N, int64_t K, const void *values, const float *scales, void *panels) {
  pack_words(N, 2 * K, values, panels, bf16_panel_bytes(K));
}

static void bf16_unpack(int64_t N, int64_t K, const void *panels, float *w, int64_t w_stride) {
  for (int64_t n = 0; n < N; n++) {
    const uint16_t *values = (const uint16_t *)((const char *)panels + n / PANEL * bf16_panel_bytes(K));
    for (int64_t k = 0; k < K; k++) {
      union { uint32_t i; float f; } bits = {.i = (uint32_t)values[(k / 2 * PANEL + n % PANEL) * 2 + k % 2] << 16};
      w[n * w_stride + k] = bits.f;
    }
  }
}

static void bf16_round_rows(int64_t M, int64_t K, const float *x, int64_t x_stride, void *rows, int64_t row_bytes) {
  bf16_round(M, K, x, x_stride, rows, row_bytes);
  if (K % 2 != 0)
    for (int64_t m = 0; m < M; m++) ((uint16_t *)((char *)rows + m * row_bytes))[K] = 0;
}

// Two products of a word's halves, which are exact, added to each sum: the upper one first, as VDPBF16PS does.
INLINE vec bf16_dot(vec sums, ivec x, ivec w) {
  const uvec a = (uvec)x, b = (uvec)w;
  sums = fma_(bits_of(a & 0xFFFF0000u), bits_of(b & 0xFFFF0000u), sums);
  return fma_(bits_of(a << 16), bits_of(b << 16), sums);
}

INLINE void bf16_finish(int64_t rows, const vec (*sums)[2], const void *panel, const void *x, int64_t row_bytes, float *y,
                        int64_t y_stride, int64_t columns, const float *bias, ck_epilogue epilogue) {
  finish(rows, (const float *)sums, y, y_stride, columns, bias, epilogue);
}

// MARK: products

#define ROUNDED(name) int8_plain_##name
#define ROUNDED_AS(name) int8_##name
#define ROUNDED_SUMS ivec
#define ROUNDED_DOT int8_dot
#include "rounded_product.inc.h"

#define ROUNDED(name) bf16_plain_##name
#define ROUNDED_AS(name) bf16_##name
#define ROUNDED_SUMS vec
#define ROUNDED_DOT bf16_dot
#include "rounded_product.inc.h"

#define ROUNDED_KERNELS(type, product) \
  {type##_panel_bytes, type##_row_bytes, type##_round_weights, type##_pack, type##_unpack, type##_round_rows, product}
