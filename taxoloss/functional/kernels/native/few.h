/* Few classes: as many rows at once as a vector has lanes; for REAL = float or double, included once for each.

   The ring of a column is found by comparing its place with the ranges of each row, K of them a column, so the
   order of the classes costs nothing; and there are no pieces of a row, whose beginnings and ends are most of
   the work where rows are short. */

typedef struct {
    REAL e[MOST_FEW_CLASSES][ROWS];
    REAL factor[MOST_FEW_LEVELS + 1][ROWS];
    WORD start[MOST_FEW_LEVELS][ROWS], width[MOST_FEW_LEVELS][ROWS];
    /* The ranges again, as wide as sums are. */
    uint64_t first[MOST_FEW_LEVELS][ROWS], many[MOST_FEW_LEVELS][ROWS];
    double weight[MOST_FEW_LEVELS][ROWS], odds[MOST_FEW_LEVELS][ROWS];
    dvec inside[MOST_FEW_LEVELS][PARTS], outside[MOST_FEW_LEVELS][PARTS], whole[PARTS];
    double unit[ROWS], cost[ROWS];
    WORD alive[ROWS];
    int lost[ROWS];
} __attribute__((aligned(64))) NAME(few);

/* Ranges and weights of the targets of `count` rows; a row without weight is not alive. */
INLINE void NAME(few_targets)(NAME(few) *f, const tree *t, const call *c, int64_t row, int64_t count, double factor)
{
    const int K = (int)t->levels;
    for (int64_t i = 0; i < ROWS; i++) {
        int64_t y = i < count ? c->target[row + i] : c->ignored;
        double unit = y == c->ignored ? 0 : factor, sum = 0;
        if (unit == 0) y = 0; /* an ignored number is no row of a table */
        if (c->node_weight) unit = weighted(unit, c->node_weight[y]);
        const int64_t *edges = t->edges + y * 2 * K;
        const double *w = !c->row_weights ? t->weights + y * K : i < count ? c->row_weights + (row + i) * K : 0;
        for (int k = 0; k < K; k++) {
            f->start[k][i] = (WORD)edges[k];
            f->width[k][i] = (WORD)(edges[2 * K - 1 - k] - edges[k]);
            f->first[k][i] = (uint64_t)edges[k];
            f->many[k][i] = (uint64_t)(edges[2 * K - 1 - k] - edges[k]);
            f->weight[k][i] = w ? w[k] : 0;
            sum += f->weight[k][i];
        }
        f->unit[i] = unit;
        f->alive[i] = unit != 0 && sum != 0 ? ~(WORD)0 : 0;
    }
}

/* Which rows have the place `at` inside range k: unsigned, so that one comparison tells. */
#define IS_INSIDE(f, k, at) ((NAME(words))((*(NAME(words) *)(f)->start[k] * 0 + (WORD)(at)) \
                             - *(NAME(words) *)(f)->start[k] < *(NAME(words) *)(f)->width[k]))

/* From logits f->e to exponentials; the masses inside and outside of each range. K is a constant where it is small, so
   that all sums are in registers. */
INLINE void NAME(masses_of_few)(NAME(few) *f, const tree *t, const int K)
{
    const int C = (int)t->classes;
    const NAME(vec) none = {0};
    const dvec zero = {0};
    NAME(vec) peak = none - (REAL)INFINITY, other = peak;
    dvec inside[MOST_FEW_LEVELS][PARTS], outside[MOST_FEW_LEVELS][PARTS];
    for (int j = 0; j < C; j += 2) {
        peak = NAME(larger)(VEC(f->e[j]), peak);
        if (j + 1 < C) other = NAME(larger)(VEC(f->e[j + 1]), other);
    }
    peak = NAME(larger)(other, peak);
    for (int h = 0; h < PARTS; h++)
        for (int k = 0; k < MOST_FEW_LEVELS; k++) inside[k][h] = outside[k][h] = zero;
    for (int j = 0; j < C; j++) {
        const WORD at = t->position ? (WORD)t->position[j] : (WORD)j;
        const uvec wide_at = (uvec){0} + (uint64_t)at;
        VEC(f->e[j]) = NAME(exp_of)(VEC(f->e[j]), peak);
#if FLOAT && WIDTH == 64
        for (int k = 0; k < K; k++) {
            const __m512i behind = _mm512_sub_epi32(_mm512_set1_epi32((int)at), _mm512_load_si512(f->start[k]));
            const __mmask16 own = _mm512_cmplt_epu32_mask(behind, _mm512_load_si512(f->width[k]));
            for (int h = 0; h < PARTS; h++) {
                const __mmask8 in = (__mmask8)(own >> 8 * h), out = (__mmask8)~in;
                const __m512d all = (__m512d)WIDE(f->e[j] + h * DOUBLES);
                inside[k][h] = (dvec)_mm512_mask_add_pd((__m512d)inside[k][h], in, (__m512d)inside[k][h], all);
                outside[k][h] = (dvec)_mm512_mask_add_pd((__m512d)outside[k][h], out, (__m512d)outside[k][h], all);
            }
        }
        (void)wide_at;
#else
        for (int h = 0; h < PARTS; h++) {
            const dvec all = WIDE(f->e[j] + h * DOUBLES);
            for (int k = 0; k < K; k++) {
                const uvec first = *(const uvec *)(f->first[k] + h * DOUBLES);
                const uvec many = *(const uvec *)(f->many[k] + h * DOUBLES);
                const uvec own = (uvec)(wide_at - first < many);
                inside[k][h] += (dvec)((uvec)all & own);
                outside[k][h] += (dvec)((uvec)all & ~own);
            }
        }
#endif
    }
    for (int h = 0; h < PARTS; h++) {
        f->whole[h] = inside[0][h] + outside[0][h];
        for (int k = 0; k < K; k++) {
            f->inside[k][h] = inside[k][h];
            f->outside[k][h] = outside[k][h];
        }
    }
}

static void NAME(few_masses)(NAME(few) *f, const tree *t)
{
    switch (t->levels) {
        case 1: NAME(masses_of_few)(f, t, 1); break;
        case 2: NAME(masses_of_few)(f, t, 2); break;
        case 3: NAME(masses_of_few)(f, t, 3); break;
        default: NAME(masses_of_few)(f, t, (int)t->levels);
    }
}

/* Costs of the rows, and the factor of each ring. */
INLINE void NAME(few_factors)(NAME(few) *f, int K)
{
    double above[MOST_FEW_LEVELS + 1][ROWS], below[ROWS], unit[ROWS];
    const double *whole = (const double *)f->whole;
    for (int i = 0; i < ROWS; i++) {
        f->cost[i] = below[i] = above[K][i] = 0;
        f->lost[i] = 0;
        unit[i] = f->unit[i] / whole[i];
    }
    for (int k = 0; k < K; k++) {
        const double *inside = (const double *)f->inside[k], *outside = (const double *)f->outside[k];
        for (int i = 0; i < ROWS; i++) {
            const double w = f->weight[k][i], odds = outside[i] / inside[i];
            f->odds[k][i] = w == 0 ? 0 : odds;
            f->lost[i] |= !(f->odds[k][i] <= MOST_ODDS);
        }
        for (int i = 0; i < ROWS; i++) f->cost[i] += f->weight[k][i] * log1p_of(f->odds[k][i]);
    }
    /* The two parts of b_k apart: in the innermost ring the first is 0, and the second may be tiny. */
    for (int k = K; k > 0; k--)
        for (int i = 0; i < ROWS; i++) above[k - 1][i] = above[k][i] + f->weight[k - 1][i];
    for (int k = 0; k <= K; k++)
        for (int i = 0; i < ROWS; i++) {
            if (k > 0) below[i] += f->weight[k - 1][i] * f->odds[k - 1][i];
            f->factor[k][i] = (REAL)((above[k][i] - below[i]) * unit[i]);
        }
}

/* From exponentials to the gradient. */
INLINE void NAME(slopes_of_few)(NAME(few) *f, const tree *t, const int K)
{
    const int C = (int)t->classes;
    const NAME(words) alive = *(NAME(words) *)f->alive;
    for (int j = 0; j < C; j++) {
        const WORD at = t->position ? (WORD)t->position[j] : (WORD)j;
        NAME(vec) factor = VEC(f->factor[0]);
        for (int k = 0; k < K; k++) factor = NAME(chosen)(IS_INSIDE(f, k, at), VEC(f->factor[k + 1]), factor);
        VEC(f->e[j]) = (NAME(vec))((NAME(words))(VEC(f->e[j]) * factor) & alive);
    }
}

static void NAME(few_slopes)(NAME(few) *f, const tree *t)
{
    switch (t->levels) {
        case 1: NAME(slopes_of_few)(f, t, 1); break;
        case 2: NAME(slopes_of_few)(f, t, 2); break;
        case 3: NAME(slopes_of_few)(f, t, 3); break;
        default: NAME(slopes_of_few)(f, t, (int)t->levels);
    }
}

static void NAME(run_few)(part *p)
{
    const tree *t = p->t;
    const call *c = p->c;
    const int64_t D = c->places;
    const int C = (int)t->classes;
    NAME(few) f;
    for (int64_t row = p->first; row < p->last;) {
        const int64_t n = row / D, d = row % D, left = p->last - row;
        int64_t count = D == 1 || left < D - d ? left : D - d;
        count = count < ROWS ? count : ROWS;
        const int64_t by_row = D == 1 ? c->logits_by_sample : c->logits_by_place;
        const int64_t to_row = D == 1 ? c->gradient_by_sample : c->gradient_by_place;
        const REAL *from = (const REAL *)c->logits + n * c->logits_by_sample + d * c->logits_by_place;
        NAME(few_targets)(&f, t, c, row, count, p->factor);
        const REAL *rows[ROWS];
        for (int i = 0; i < ROWS; i++) rows[i] = from + (i < count ? i : 0) * by_row; /* what is no row is not alive */
        NAME(load_tile)(f.e[0], rows, c->logits_by_class, C, by_row == 1 && count == ROWS);
        NAME(few_masses)(&f, t);
        NAME(few_factors)(&f, (int)t->levels);
        for (int64_t i = 0; i < count; i++) {
            const int alive = f.alive[i] != 0, lost = f.lost[i] && alive;
            p->costs[row + i] = alive && !lost ? f.unit[i] * f.cost[i] : 0;
            if (c->lost) c->lost[row + i] = (uint8_t)lost;
            p->lost_rows += lost;
        }
        if (c->gradient) {
            REAL *to = (REAL *)c->gradient + n * c->gradient_by_sample + d * c->gradient_by_place;
            REAL *slopes[ROWS];
            for (int i = 0; i < ROWS; i++) slopes[i] = to + i * to_row;
            NAME(few_slopes)(&f, t);
            NAME(store_tile)(f.e[0], slopes, c->gradient_by_class, C, to_row == 1 && count == ROWS, (int)count);
        }
        row += count;
    }
}
