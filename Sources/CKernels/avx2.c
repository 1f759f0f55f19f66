#include "CKernels.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define CK_NAME "avx2"
#define CK_LANES 8
#define CK_TILE_ROWS 6
#define CK_TILE_CASES(f) f(1) f(2) f(3) f(4) f(5) f(6)
#define CK_LANE_LIST(f, k) f(0, k), f(1, k), f(2, k), f(3, k), f(4, k), f(5, k), f(6, k), f(7, k)
#define CK_EXCHANGES EXCHANGE(1) EXCHANGE(2) EXCHANGE(4)
#define CK_HALF_CONVERSION
typedef short pairs_256 __attribute__((vector_size(32)));
#define CK_MULTIPLY_PAIRS(a, b) (ivec) __builtin_ia32_pmaddwd256((pairs_256)(a), (pairs_256)(b))
#define CK_SHIFT_PAIRS(a, n) (ivec)((pairs_256)(a) >> n)
#include "kernels.inc.h"
#pragma clang attribute pop

// Where the processor adds up products of four bytes in one instruction (AVX-VNNI).
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avxvnni"))), apply_to = function)
typedef int words_256 __attribute__((vector_size(32)));
#define ROUNDED(name) int8_vnni_##name
#define ROUNDED_AS(name) int8_##name
#define ROUNDED_SUMS ivec
#define ROUNDED_DOT(sums, x, w) (ivec) __builtin_ia32_vpdpbusd256((words_256)(sums), (words_256)(x), (words_256)(w))
#include "rounded_product.inc.h"
#pragma clang attribute pop

static const ck_kernels table_vnni = KERNELS(int8_vnni_product, bf16_plain_product);

const ck_kernels *ck_avx2(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")
             ? __builtin_cpu_supports("avxvnni") ? &table_vnni : &table
             : 0;
}
#else
const ck_kernels *ck_avx2(void) { return 0; }
#endif
