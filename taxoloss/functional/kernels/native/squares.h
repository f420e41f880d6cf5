/* As many rows at once as a vector has lanes, laid out (C, ROWS): in and out; for REAL = float or double, included
   once for each. */

enum { NAME(ROWS) = NAME(LANES), NAME(PARTS) = NAME(LANES) / DOUBLES };
#undef ROWS
#define ROWS NAME(ROWS)
#undef PARTS
#define PARTS NAME(PARTS)
#undef ZIP
#undef LOWER
#undef UPPER
#if WIDTH / (FLOAT ? 4 : 8) == 16
#define LOWER {0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23}
#define UPPER {8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31}
#elif WIDTH / (FLOAT ? 4 : 8) == 8
#define LOWER {0, 8, 1, 9, 2, 10, 3, 11}
#define UPPER {4, 12, 5, 13, 6, 14, 7, 15}
#elif WIDTH / (FLOAT ? 4 : 8) == 4
#define LOWER {0, 4, 1, 5}
#define UPPER {2, 6, 3, 7}
#else
#define LOWER {0, 2}
#define UPPER {1, 3}
#endif
#if defined(__clang__)
/* Masks of Clang's are constants in the call. */
#define ZIP(a, b, how) NAME(zipped)(a, b, how[0] != 0)
INLINE NAME(vec) NAME(zipped)(NAME(vec) a, NAME(vec) b, int upper)
{
    NAME(vec) made;
    for (int i = 0; i < NAME(LANES); i++) {
        const int at = i / 2 + (upper ? NAME(LANES) / 2 : 0);
        made[i] = i % 2 ? b[at] : a[at];
    }
    return made;
}
#else
#define ZIP(a, b, how) __builtin_shuffle(a, b, how)
#endif

/* x[i][j] becomes x[j][i]: as many riffle shuffles of the vectors as a lane's number has digits. */
INLINE void NAME(transpose)(NAME(vec) *x)
{
    const NAME(words) lower = LOWER, upper = UPPER;
    NAME(vec) y[NAME(LANES)];
    for (int done = 1; done < NAME(LANES); done *= 2) {
        for (int i = 0; i < NAME(LANES) / 2; i++) {
            y[2 * i] = ZIP(x[i], x[i + NAME(LANES) / 2], lower);
            y[2 * i + 1] = ZIP(x[i], x[i + NAME(LANES) / 2], upper);
        }
        for (int i = 0; i < NAME(LANES); i++) x[i] = y[i];
    }
}

/* tile[j][i] = from[i][j * by] for n columns j and ROWS rows. */
INLINE void NAME(load_tile)(REAL *tile, const REAL *const *from, int64_t by, int64_t n, int together)
{
    int64_t j = 0;
    if (together)
        for (; j < n; j++) VEC(tile + j * ROWS) = VEC(from[0] + j * by);
    if (by == 1)
        for (; j + ROWS <= n; j += ROWS) {
            NAME(vec) x[ROWS];
            for (int i = 0; i < ROWS; i++) x[i] = VEC(from[i] + j);
            NAME(transpose)(x);
            for (int i = 0; i < ROWS; i++) VEC(tile + (j + i) * ROWS) = x[i];
            if (j + ROWS < n && j + 2 * ROWS > n) j = n - 2 * ROWS; /* the last columns, some of them again */
        }
    for (; j < n; j++)
        for (int i = 0; i < ROWS; i++) tile[j * ROWS + i] = from[i][j * by];
}

/* The way back, for `count` rows. */
INLINE void NAME(store_tile)(const REAL *tile, REAL *const *to, int64_t by, int64_t n, int together, int count)
{
    int64_t j = 0;
    if (together && count == ROWS)
        for (; j < n; j++) VEC(to[0] + j * by) = VEC(tile + j * ROWS);
    if (by == 1)
        for (; j + ROWS <= n; j += ROWS) {
            NAME(vec) x[ROWS];
            for (int i = 0; i < ROWS; i++) x[i] = VEC(tile + (j + i) * ROWS);
            NAME(transpose)(x);
            for (int i = 0; i < count; i++) VEC(to[i] + j) = x[i];
            if (j + ROWS < n && j + 2 * ROWS > n) j = n - 2 * ROWS;
        }
    for (; j < n; j++)
        for (int i = 0; i < count; i++) to[i][j * by] = tile[j * ROWS + i];
}
