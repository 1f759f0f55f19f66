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
#include "kernels.inc.h"
#pragma clang attribute pop

const ck_kernels *ck_avx512(void) {
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                 __builtin_cpu_supports("avx512vl")
             ? &table
             : 0;
}
#else
const ck_kernels *ck_avx512(void) { return 0; }
#endif
