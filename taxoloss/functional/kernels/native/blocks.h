/* Rows whose classes have another order than the tree's, four at once, for REAL = float or double; included once
   for each.

   The positions of the tree are cut into blocks, each a node or a run of siblings. A range either holds a block or
   lies in it, but for ranges that end inside of it, so all blocks but the target's lie in one ring each. Most
   columns stay where they are:

       r_k = masses of the blocks in ring k + what of the target's block lies there
       dz_j = e_j times the factor of the block of j

   and only the target's block is brought into the order of the tree, and back. Whatever the blocks, the result is
   right: those that an edge of the target's ranges cuts are brought together.

   Masses of blocks: columns come in stretches, and a list names those of each block in a stretch. The stretch of
   four rows lies side by side, so that one look-up does for four sums. */

typedef REAL NAME(quad) __attribute__((vector_size(4 * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
#undef QUAD
#undef FOURTH
#if FLOAT && WIDTH > 16
/* GCC makes two conversions and an insertion of __builtin_convertvector. */
#define QUAD(p) ((dquad)_mm256_cvtps_pd(_mm_loadu_ps(p)))
#else
#define QUAD(p) __builtin_convertvector(*(const NAME(quad) *)(p), dquad)
#endif
/* Four lanes of a vector from lane l on, a multiple of four. */
#if WIDTH == 64
#define FOURTH(x, l) _mm512_extractf32x4_ps((__m512)(x), (l) / 4)
#elif WIDTH == 32
#define FOURTH(x, l) _mm256_extractf128_ps((__m256)(x), (l) / 4)
#else
#define FOURTH(x, l) (x)
#endif

/* Two vectors, their lanes in turn, each four lanes by themselves: the lower two of each, the upper two. */
#undef RIFFLED
#if defined(__clang__)
#define RIFFLED(to, x, y, upper) do { \
    for (int l = 0; l < NAME(LANES); l++) (to)[l] = l & 1 ? (y)[(l & ~3) + (l & 3) / 2 + (upper)] \
                                                          : (x)[(l & ~3) + (l & 3) / 2 + (upper)]; \
} while (0)
#else
#define RIFFLED(to, x, y, upper) do { \
    NAME(words) how; \
    for (int l = 0; l < NAME(LANES); l++) how[l] = (WORD)((l & ~3) + (l & 3) / 2 + (upper) + (l & 1) * NAME(LANES)); \
    (to) = __builtin_shuffle(x, y, how); \
} while (0)
#endif

/* side[j] = x[0][j], x[1][j], x[2][j], x[3][j] for as many columns as a vector has lanes. */
INLINE void NAME(lay_beside)(const NAME(vec) *x, REAL *side)
{
#if FLOAT
    NAME(vec) a, b, c, d, y[4];
    RIFFLED(a, x[0], x[2], 0); /* rows 0 2 0 2 of columns 0 and 1 */
    RIFFLED(b, x[1], x[3], 0);
    RIFFLED(c, x[0], x[2], 2);
    RIFFLED(d, x[1], x[3], 2);
    RIFFLED(y[0], a, b, 0);
    RIFFLED(y[1], a, b, 2);
    RIFFLED(y[2], c, d, 0);
    RIFFLED(y[3], c, d, 2);
    for (int i = 0; i < 4; i++) {
        *(NAME(quad) *)(side + 4 * i) = (NAME(quad))FOURTH(y[i], 0);
#if WIDTH > 16
        *(NAME(quad) *)(side + 4 * i + 16) = (NAME(quad))FOURTH(y[i], 4);
#endif
#if WIDTH > 32
        *(NAME(quad) *)(side + 4 * i + 32) = (NAME(quad))FOURTH(y[i], 8);
        *(NAME(quad) *)(side + 4 * i + 48) = (NAME(quad))FOURTH(y[i], 12);
#endif
    }
#else
    for (int l = 0; l < NAME(LANES); l++)
        for (int i = 0; i < 4; i++) side[4 * l + i] = x[i][l];
#endif
}

/* Exponentials of n columns of four rows, into e and side by side; of the rows from `count` on zeros, aside. */
INLINE void NAME(stretch)(REAL *const *e, REAL *side, const NAME(job) *jobs, const REAL *peak, int64_t first,
                          int64_t n, int count)
{
    const NAME(vec) none = {0};
    NAME(vec) x[4] = {none, none, none, none};
    int64_t j = 0;
    for (; j + NAME(LANES) <= n; j += NAME(LANES)) {
        for (int i = 0; i < count; i++)
            VEC(e[i] + first + j) = x[i] = NAME(exp_of)(VEC(jobs[i].z + first + j), none + peak[i]);
        NAME(lay_beside)(x, side + 4 * j);
    }
    if (j == n) return;
    for (int i = 0; i < count; i++) {
        NAME(vec) rest = none - (REAL)INFINITY;
        memcpy(&rest, jobs[i].z + first + j, sizeof(REAL) * (size_t)(n - j));
        x[i] = NAME(exp_of)(rest, none + peak[i]);
        memcpy(e[i] + first + j, &x[i], sizeof(REAL) * (size_t)(n - j));
    }
    NAME(lay_beside)(x, side + 4 * j);
}

/* Exponentials of four rows, and the masses of their blocks. */
INLINE void NAME(block_masses)(REAL *const *e, const NAME(job) *jobs, int count, const tree *t, dquad *mass)
{
    REAL side[4 * (STRETCH + 1)] __attribute__((aligned(64))), peak[4];
    const uint16_t *at = t->listed;
    const int32_t *end = t->ends;
    const dquad none = {0};
    for (int i = 0; i < count; i++) {
        const int64_t *edges = t->edges + jobs[i].target * 2 * t->levels;
        for (int64_t k = 0; k < 2 * t->levels; k += 8) __builtin_prefetch(edges + k);
        peak[i] = NAME(largest)(jobs[i].z, t->classes);
    }
    for (int b = 0; b < t->blocks; b++) mass[b] = none;
    for (int i = 0; i < 4; i++) side[4 * STRETCH + i] = 0; /* what fills the lists up */
    for (int64_t first = 0; first < t->classes; first += STRETCH) {
        const int64_t n = t->classes - first < STRETCH ? t->classes - first : STRETCH;
        if (count == 4) NAME(stretch)(e, side, jobs, peak, first, n, 4);
        else NAME(stretch)(e, side, jobs, peak, first, n, count);
        for (int b = 0; b < t->blocks; b++) {
            dquad part[4] = {mass[b], none, none, none};
            for (const uint16_t *last = t->listed + *end++; at < last; at += 4)
                for (int i = 0; i < 4; i++) part[i] += QUAD(side + at[i]);
            mass[b] = (part[0] + part[1]) + (part[2] + part[3]);
        }
    }
}

/* Each number times the factor of its block; `rings` factors by[in[block]]. */
INLINE void NAME(times_blocks)(REAL *to, const tree *t, const uint8_t *in, const REAL *by, int rings)
{
    const uint8_t *block = t->block;
    int64_t j = 0;
    REAL factor[MOST_BLOCKS];
    for (int b = 0; b < MOST_BLOCKS; b++) factor[b] = by[in[b]];
#if FLOAT && WIDTH == 64
    const __m512 lower = _mm512_loadu_ps(factor), upper = _mm512_loadu_ps(factor + 16);
    for (; j + 16 <= t->classes; j += 16) {
        const __m512i of = _mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(block + j)));
        VEC(to + j) *= (NAME(vec))_mm512_permutex2var_ps(lower, of, upper);
    }
#elif FLOAT && WIDTH == 32
    const __m256i lower = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)in));
    const __m256i upper = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(in + 16)));
    const __m256 some = _mm256_loadu_ps(by);
    for (; rings <= 8 && j + 32 <= t->classes; j += 32) {
        uint8_t ring[32];
        const __m256i of = _mm256_loadu_si256((const __m256i *)(block + j));
        const __m256i low = _mm256_shuffle_epi8(lower, of), high = _mm256_shuffle_epi8(upper, of);
        /* The fifth digit of a number tells the half; a blend looks at the eighth. */
        _mm256_storeu_si256((__m256i *)ring, _mm256_blendv_epi8(low, high, _mm256_slli_epi16(of, 3)));
        for (int i = 0; i < 32; i += 8) {
            const __m256i own = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(ring + i)));
            VEC(to + j + i) *= (NAME(vec))_mm256_permutevar8x32_ps(some, own);
        }
    }
#endif
    (void)rings;
    for (; j < t->classes; j++) to[j] *= factor[block[j]];
}

/* Of one of four rows the loss and, from exponentials e, the gradient in their place. Scratch inner, scaled: C + PAD. */
INLINE int NAME(row_of_blocks)(const NAME(job) *job, REAL *e, const double *block_mass, REAL *inner, REAL *scaled,
                               const tree *t)
{
    const int K = (int)t->levels;
    block_rings r;
    rings_of_blocks(t, job->target, &r);
    const int64_t first = t->first[r.from], n = t->first[r.to] - first, *order = t->order + first;
    const int own = K - r.wide; /* ranges whose edges lie in these blocks */
    const int64_t *start = r.edges, *stop = r.edges + 2 * own - 1;
    double mass[MOST_LEVELS + 1], factor[MOST_LEVELS + 1];
    for (int64_t j = 0; j < n; j++) inner[j] = e[order[j]];
    memset(inner + n, 0, sizeof(REAL) * PAD);
    for (int k = 0; k <= K; k++) mass[k] = 0;
    if (own) NAME(masses)(inner, n, own, start, stop, mass + r.wide);
    /* Four sums of each ring: neighbours most often lie in the same, and would wait for each other. */
    double sum[4][MOST_BLOCKS];
    for (int s = 0; s < r.rings; s++) sum[0][s] = sum[1][s] = sum[2][s] = sum[3][s] = 0;
    for (int b = 0; b < t->blocks; b++)
        if (b < r.from || b >= r.to) sum[b & 3][r.in[b]] += block_mass[4 * b];
    for (int s = 0; s < r.rings; s++) mass[r.ring[s]] += (sum[0][s] + sum[1][s]) + (sum[2][s] + sum[3][s]);
    const int lost = NAME(factors)(mass, K, job->w, job->unit, job->to ? factor : 0, job->loss);
    if (job->to) {
        REAL by[MOST_BLOCKS + 8] = {0};
        for (int s = 0; s < r.rings; s++) by[s] = (REAL)factor[r.ring[s]];
        NAME(times_blocks)(e, t, r.in, by, r.rings);
        if (own) NAME(slopes)(inner, scaled, n, own, start, stop, factor + r.wide);
        for (int64_t j = 0; j < n; j++) e[order[j]] = scaled[j];
    }
    return NAME(settled)(job, lost);
}

/* Up to four rows; returns how many are to be done again. Scratch: 2 (C + PAD), and 4 C without a gradient. */
static int64_t NAME(rows_of_blocks)(const NAME(job) *jobs, int count, REAL *scratch, const tree *t)
{
    REAL *e[4], *inner = scratch, *scaled = inner + t->classes + PAD, *more = scaled + t->classes + PAD;
    dquad mass[MOST_BLOCKS];
    int64_t lost = 0;
    for (int i = 0; i < count; i++) e[i] = jobs[i].to ? jobs[i].to : more + i * t->classes;
    NAME(block_masses)(e, jobs, count, t, mass);
    for (int i = 0; i < count; i++)
        lost += NAME(row_of_blocks)(jobs + i, e[i], (const double *)mass + i, inner, scaled, t);
    return lost;
}
