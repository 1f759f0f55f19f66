// Four floats at a time: what every 64-bit processor has.
#include "CKernels.h"

#define CK_NAME "portable"
#define CK_LANES 4
#define CK_TILE_ROWS 6
#define CK_TILE_CASES(f) f(1) f(2) f(3) f(4) f(5) f(6)
#define CK_LANE_LIST(f, k) f(0, k), f(1, k), f(2, k), f(3, k)
#define CK_EXCHANGES EXCHANGE(1) EXCHANGE(2)
#define CK_NO_FMA
#include "kernels.inc.h"

const ck_kernels *ck_portable(void) { return &table; }
