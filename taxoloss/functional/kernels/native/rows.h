/* The loss of one row and its gradient, for REAL = float or double; included once for each.

   Names end in _f or _d: NAME(x). The formulas are those of closed_form.py: with r_k the mass of ring k,
   P_l its sum from inside (k >= l), Q_l from outside (k < l), w_l the weights of the target's row,

       loss = sum over l of w_l log1p(Q_l / P_l)
       dz_j = p_j b_k,  b_k = sum over l > k of w_l - sum over l <= k of w_l Q_l / P_l,  j in ring k

   Masses are sums of e_j = exp(z_j - max), in double; p_j = e_j / (sum of all).

   The rings of a row are pieces of it: from start_1 to start_2, .., start_K to stop_K, stop_K to stop_(K-1), ..,
   in the order of the tree. Where the classes have another order: blocks.h. */

typedef REAL NAME(vec) __attribute__((vector_size(WIDTH), aligned(sizeof(REAL)), may_alias));
typedef WORD NAME(words) __attribute__((vector_size(WIDTH)));
typedef REAL NAME(some) __attribute__((vector_size(DOUBLES * sizeof(REAL)), aligned(sizeof(REAL)), may_alias));
enum { NAME(LANES) = WIDTH / sizeof(REAL) };
#undef VEC
#define VEC(p) (*(NAME(vec) *)(p))
#undef WIDE
#if FLOAT && WIDTH == 64
/* GCC makes of __builtin_convertvector two conversions and an insertion. */
#define WIDE(p) ((dvec)_mm512_cvtps_pd(_mm256_loadu_ps(p)))
#elif FLOAT && WIDTH == 32
#define WIDE(p) ((dvec)_mm256_cvtps_pd(_mm_loadu_ps(p)))
#else
#define WIDE(p) __builtin_convertvector(*(const NAME(some) *)(p), dvec)
#endif

INLINE NAME(vec) NAME(chosen)(NAME(words) mask, NAME(vec) yes, NAME(vec) no)
{
    return (NAME(vec))(((NAME(words))yes & mask) | ((NAME(words))no & ~mask));
}

/* The larger of two; the second where the first is NaN. */
INLINE NAME(vec) NAME(larger)(NAME(vec) a, NAME(vec) b)
{
#if FLOAT && WIDTH == 64
    return (NAME(vec))_mm512_max_ps((__m512)a, (__m512)b);
#elif FLOAT && WIDTH == 32
    return (NAME(vec))_mm256_max_ps((__m256)a, (__m256)b);
#else
    return NAME(chosen)((NAME(words))(a > b), a, b);
#endif
}

/* exp(z - peak) for z <= peak: 2^n exp(r), |r| <= log(2) / 2, exp(r) by its series; 0 below the smallest normal
   number. What z - peak loses when it is rounded (Knuth's two-sum) is added to r. NaN stays NaN. */
INLINE NAME(vec) NAME(exp_of)(NAME(vec) z, NAME(vec) peak)
{
    const NAME(vec) x = z - peak, back = x + peak, low = (z - back) - (peak - (back - x));
    const NAME(vec) shifted = x * (REAL)1.4426950408889634 + MAGIC; /* x / log(2), rounded to its last digit */
    const NAME(vec) n = shifted - MAGIC, r = (x - n * LOG2_HIGH) - n * LOG2_LOW + low;
    const NAME(vec) scale = (NAME(vec))(((NAME(words))shifted + EXPONENT_BIAS) << MANTISSA_BITS);
    const NAME(words) normal = ~(NAME(words))(x < SMALLEST_LOG);
    return (NAME(vec))((NAME(words))(EXP_SERIES(r) * scale) & normal);
}

/* The largest of n numbers, -inf for none; NaN is passed over (its exponential shows it). */
INLINE REAL NAME(largest)(const REAL *z, int64_t n)
{
    const NAME(vec) none = {0};
    NAME(vec) best = none - (REAL)INFINITY, other = best;
    int64_t j = 0;
    for (; j + 2 * NAME(LANES) <= n; j += 2 * NAME(LANES)) {
        best = NAME(larger)(VEC(z + j), best);
        other = NAME(larger)(VEC(z + j + NAME(LANES)), other);
    }
    best = NAME(larger)(other, best);
    REAL most = -(REAL)INFINITY;
    for (int l = 0; l < NAME(LANES); l++) most = best[l] > most ? best[l] : most;
    for (; j < n; j++) most = z[j] > most ? z[j] : most;
    return most;
}

/* e_j = exp(z_j - peak), with PAD zeros behind. */
INLINE void NAME(exponentials)(const REAL *z, REAL *e, int64_t n, REAL peak)
{
    const NAME(vec) none = {0}, top = none + peak;
    int64_t j = 0;
    for (; j + NAME(LANES) <= n; j += NAME(LANES)) VEC(e + j) = NAME(exp_of)(VEC(z + j), top);
    NAME(vec) rest = none - (REAL)INFINITY;
    memcpy(&rest, z + j, sizeof(REAL) * (size_t)(n - j));
    rest = NAME(exp_of)(rest, top);
    memset(e + j, 0, sizeof(REAL) * PAD);
    memcpy(e + j, &rest, sizeof(REAL) * (size_t)(n - j));
}

/* The sum of n numbers, in the parts of a vector; reads up to PAD numbers behind them. */
INLINE dvec NAME(sum)(const REAL *e, int64_t n)
{
    dvec a = {0}, b = {0};
    int64_t j = 0;
    for (; j + 2 * DOUBLES <= n; j += 2 * DOUBLES) {
        a += WIDE(e + j);
        b += WIDE(e + j + DOUBLES);
    }
    if (j + DOUBLES <= n) {
        a += WIDE(e + j);
        j += DOUBLES;
    }
    const qvec lane = LANE;
    b += (dvec)((qvec)WIDE(e + j) & (lane < n - j));
    return a + b;
}

/* to_j = e_j * factor for n numbers, and for some behind them, up to `room`. */
INLINE void NAME(times)(const REAL *e, REAL *to, int64_t n, int64_t room, REAL factor)
{
    int64_t j = 0;
    for (; j < n && j + NAME(LANES) <= room; j += NAME(LANES)) VEC(to + j) = VEC(e + j) * factor;
    for (; j < n; j++) to[j] = e[j] * factor;
}

/* Masses r_0 .. r_K of n exponentials in the order of the tree. */
INLINE void NAME(masses)(const REAL *e, int64_t n, int K, const int64_t *start, const int64_t *stop, double *mass)
{
    dvec part[MOST_LEVELS + 1];
    part[0] = NAME(sum)(e, start[0]) + NAME(sum)(e + stop[0], n - stop[0]);
    for (int k = 1; k < K; k++)
        part[k] = NAME(sum)(e + start[k - 1], start[k] - start[k - 1])
                + NAME(sum)(e + stop[-k], stop[1 - k] - stop[-k]);
    part[K] = NAME(sum)(e + start[K - 1], stop[1 - K] - start[K - 1]);
    for (int k = 0; k <= K; k++) {
        mass[k] = 0;
        for (int l = 0; l < DOUBLES; l++) mass[k] += part[k][l];
    }
}

/* The gradient: e_j times the factor of its ring. A piece may write into the next, which is written after it. */
INLINE void NAME(slopes)(const REAL *e, REAL *to, int64_t n, int K, const int64_t *start, const int64_t *stop,
                         const double *factor)
{
    NAME(times)(e, to, start[0], n, (REAL)factor[0]);
    for (int k = 1; k <= K; k++) {
        const int64_t first = start[k - 1], last = k < K ? start[k] : stop[1 - K];
        NAME(times)(e + first, to + first, last - first, n - first, (REAL)factor[k]);
    }
    for (int k = K - 1; k > 0; k--)
        NAME(times)(e + stop[-k], to + stop[-k], stop[1 - k] - stop[-k], n - stop[-k], (REAL)factor[k]);
    NAME(times)(e + stop[0], to + stop[0], n - stop[0], n - stop[0], (REAL)factor[0]);
}

/* The loss of a row of weight `unit`, of its masses; the factors of its rings unless `factor` is null. Returns 1
   where masses underflowed, or the numbers are no logits: the caller does such a row again. */
INLINE int NAME(factors)(const double *mass, int K, const double *w, double unit, double *factor, double *loss)
{
    double inside[MOST_LEVELS], odds[MOST_LEVELS], P = 0, Q = 0, cost = 0;
    int lost = 0;
    for (int k = K; k > 0; k--) inside[k - 1] = P += mass[k];
    for (int k = 0; k < K; k++) { /* level l = k + 1 has weight w[k] */
        Q += mass[k];
        odds[k] = w[k] == 0 ? 0 : Q / inside[k];
        lost |= !(odds[k] <= MOST_ODDS);
    }
    for (int k = 0; k < K; k++) cost += w[k] * log1p_of(odds[k]);
    *loss = unit * cost;
    if (!factor) return lost;
    unit /= Q + mass[K];
    /* The two parts of b_k apart: in the innermost ring the first is 0, and the second may be tiny. */
    double above = 0, below = 0;
    for (int k = K; k >= 0; k--) {
        factor[k] = above;
        if (k > 0) above += w[k - 1];
    }
    for (int k = 0; k <= K; k++) {
        if (k > 0) below += w[k - 1] * odds[k - 1];
        factor[k] = (factor[k] - below) * unit;
    }
    return lost;
}

/* A row z (C,) and what is made of it: its loss, and the gradient unless `to` is null. */
typedef struct {
    const REAL *z;
    REAL *to;
    int64_t target;  /* in range */
    const double *w; /* (K,) */
    double unit;     /* its weight; not 0 */
    double *loss;
    uint8_t *lost;   /* or null */
} NAME(job);

/* Row `at` of the part; null where it has no weight: then its loss and gradient are 0. */
INLINE int NAME(is_job)(part *p, int64_t at, const REAL *z, REAL *to, NAME(job) *made)
{
    const tree *t = p->t;
    const call *c = p->c;
    const int64_t K = t->levels, y = c->target[at];
    double unit = y == c->ignored ? 0 : p->factor;
    if (unit != 0 && c->node_weight) unit = weighted(unit, c->node_weight[y]);
    const int64_t target = unit == 0 ? 0 : y; /* an ignored number is no row of a table */
    const double *w = c->row_weights ? c->row_weights + at * K : t->weights + target * K;
    int weighed = 0;
    for (int64_t k = 0; k < K; k++) weighed |= w[k] != 0;
    const NAME(job) job = {z, to, target, w, unit, p->costs + at, c->lost ? c->lost + at : 0};
    *made = job;
    if (unit != 0 && weighed) return 1;
    *job.loss = 0;
    if (job.lost) *job.lost = 0;
    if (to) memset(to, 0, sizeof(REAL) * (size_t)t->classes);
    return 0;
}

/* What of a row is to be done again adds nothing. */
INLINE int NAME(settled)(const NAME(job) *job, int lost)
{
    if (lost) *job->loss = 0;
    if (job->lost) *job->lost = (uint8_t)lost;
    return lost;
}

/* One row in the order of the tree. Scratch e: C + PAD. Returns whether it is to be done again. */
INLINE int NAME(row)(const NAME(job) *job, REAL *e, const tree *t)
{
    const int K = (int)t->levels;
    const int64_t *start = t->edges + job->target * 2 * K, *stop = start + 2 * K - 1; /* stop[-k] */
    double mass[MOST_LEVELS + 1], factor[MOST_LEVELS + 1];
    NAME(exponentials)(job->z, e, t->classes, NAME(largest)(job->z, t->classes));
    NAME(masses)(e, t->classes, K, start, stop, mass);
    const int lost = NAME(factors)(mass, K, job->w, job->unit, job->to ? factor : 0, job->loss);
    if (job->to) NAME(slopes)(e, job->to, t->classes, K, start, stop, factor);
    return NAME(settled)(job, lost);
}
