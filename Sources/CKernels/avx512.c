#include "CKernels.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c"))), apply_to = function)
#define CK_NAME "avx512"
#define CK_LANES 16
#define CK_TILE_ROWS 14
#define CK_TILE_CASES(f) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11) f(12) f(13) f(14)
#define CK_LANE_LIST(f, k)                                                                                       \
  f(0, k), f(1, k), f(2, k), f(3, k), f(4, k), f(5, k), f(6, k), f(7, k), f(8, k), f(9, k), f(10, k), f(11, k), \
      f(12, k), f(13, k), f(14, k), f(15, k)
#define CK_EXCHANGES EXCHANGE(1) EXCHANGE(2) EXCHANGE(4) EXCHANGE(8)
#define CK_HALF_CONVERSION
typedef short pairs_512 __attribute__((vector_size(64)));
#define CK_MULTIPLY_PAIRS(a, b) (ivec) __builtin_ia32_pmaddwd512((pairs_512)(a), (pairs_512)(b))
#define CK_SHIFT_PAIRS(a, n) (ivec)((pairs_512)(a) >> n)
#include "kernels.inc.h"
#pragma clang attribute pop

// Where the processor adds up products of four bytes in one instruction (VNNI).
#define VNNI_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,avx512vnni"
#pragma clang attribute push(__attribute__((target(VNNI_TARGET))), apply_to = function)
typedef int words_512 __attribute__((vector_size(64)));
#define ROUNDED(name) int8_vnni_##name
#define ROUNDED_AS(name) int8_##name
#define ROUNDED_SUMS ivec
#define ROUNDED_DOT(sums, x, w) (ivec) __builtin_ia32_vpdpbusd512((words_512)(sums), (words_512)(x), (words_512)(w))
#include "rounded_product.inc.h"
#pragma clang attribute pop

// Where it adds up products of two bfloat16.
#pragma clang attribute push(__attribute__((target(VNNI_TARGET ",avx512bf16"))), apply_to = function)
typedef float floats_512 __attribute__((vector_size(64)));
typedef __bf16 halves_512 __attribute__((vector_size(64)));
#define ROUNDED(name) bf16_dot_##name
#define ROUNDED_AS(name) bf16_##name
#define ROUNDED_SUMS vec
#define ROUNDED_DOT(sums, x, w) (vec) __builtin_ia32_dpbf16ps_512((floats_512)(sums), (halves_512)(x), (halves_512)(w))
#include "rounded_product.inc.h"
#pragma clang attribute pop

static const ck_kernels table_vnni = KERNELS(int8_vnni_product, bf16_plain_product);
static const ck_kernels table_bf16 = KERNELS(int8_vnni_product, bf16_dot_product);

const ck_kernels *ck_avx512(void) {
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") || !__builtin_cpu_supports("avx512dq") ||
      !__builtin_cpu_supports("avx512vl"))
    return 0;
  if (!__builtin_cpu_supports("avx512vnni")) return &table;
  return __builtin_cpu_supports("avx512bf16") ? &table_bf16 : &table_vnni;
}
#else
const ck_kernels *ck_avx512(void) { return 0; }
#endif
