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
#include "kernels.inc.h"
#pragma clang attribute pop

const ck_kernels *ck_avx2(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")
             ? &table
             : 0;
}
#else
const ck_kernels *ck_avx2(void) { return 0; }
#endif
