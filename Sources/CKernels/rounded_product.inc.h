// The product of rounded rows and panels by one way of adding up a word's products, which the includer defines:
//   ROUNDED(name)     the names of the functions
//   ROUNDED_AS(name)  the names of what belongs to the type
//   ROUNDED_SUMS      a vector of sums
//   ROUNDED_DOT       (sums, words of x, words of w) -> sums

INLINE void ROUNDED(tile)(int rows, int64_t words, const char *x, int64_t row_bytes, const char *w,
                          ROUNDED_SUMS (*sums)[2]) {
  ROUNDED_SUMS acc[CK_TILE_ROWS][2];
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) acc[i][0] = acc[i][1] = (ROUNDED_SUMS)(0);
  for (int64_t k = 0; k < words; k++, x += 4, w += 4 * PANEL) {
    const ivec w0 = *(const loose_ivec *)w, w1 = *(const loose_ivec *)(w + 4 * LANES);
    __builtin_prefetch(w + 64 * PANEL);
    if (4 * PANEL > 64) __builtin_prefetch(w + 64 * PANEL + 64);
#pragma clang loop unroll(full)
    for (int i = 0; i < rows; i++) {
      int32_t word;
      memcpy(&word, x + i * row_bytes, sizeof word);
      acc[i][0] = ROUNDED_DOT(acc[i][0], (ivec)(word), w0);
      acc[i][1] = ROUNDED_DOT(acc[i][1], (ivec)(word), w1);
    }
  }
#pragma clang loop unroll(full)
  for (int i = 0; i < rows; i++) sums[i][0] = acc[i][0], sums[i][1] = acc[i][1];
}

#define ROUNDED_CASE(r) \
  case r: ROUNDED(tile)(r, words, x, row_bytes, w, sums); break;

static __attribute__((noinline)) void ROUNDED(tiles)(int64_t rows, int64_t words, const char *x, int64_t row_bytes,
                                                     const char *w, ROUNDED_SUMS (*sums)[2]) {
  switch (rows) { CK_TILE_CASES(ROUNDED_CASE) }
}

static void ROUNDED(product)(int64_t M, int64_t N, int64_t K, const void *x, int64_t row_bytes, const void *panels,
                             float *y, int64_t y_stride, const float *bias, ck_epilogue epilogue) {
  if (M <= 0 || N <= 0) return;
  const int64_t panel_bytes = ROUNDED_AS(panel_bytes)(K), row = ROUNDED_AS(row_bytes)(K);
  const int64_t words = (panel_bytes - ROUNDED_AS(panel_bytes)(0)) / (4 * PANEL);
  const int64_t panel_header = ROUNDED_AS(panel_bytes)(0), row_header = row - 4 * words;
  const int64_t tiles = (M + CK_TILE_ROWS - 1) / CK_TILE_ROWS, height = M / tiles, taller = M % tiles;
  ROUNDED_SUMS sums[CK_TILE_ROWS][2];
  for (int64_t first = 0; first < N; first += PANEL) {
    const char *panel = (const char *)panels + first / PANEL * panel_bytes;
    const int64_t columns = N - first < PANEL ? N - first : PANEL;
    for (int64_t t = 0, m = 0; t < tiles; t++) {
      const int64_t rows = height + (t < taller);
      const char *own = (const char *)x + m * row_bytes;
      ROUNDED(tiles)(rows, words, own + row_header, row_bytes, panel + panel_header, sums);
      ROUNDED_AS(finish)(rows, (const ROUNDED_SUMS (*)[2])sums, panel, own, row_bytes, y + m * y_stride + first, y_stride,
                         columns, bias == NULL ? NULL : bias + first, epilogue);
      m += rows;
    }
  }
}

#undef ROUNDED
#undef ROUNDED_AS
#undef ROUNDED_SUMS
#undef ROUNDED_DOT
#undef ROUNDED_CASE
