/* Few classes: as many rows at once as a vector has lanes; for REAL = float or double, included once for each.

   The ring of a column is found by comparing its place with the ranges of each row, K of them a column, so the
   order of the classes costs nothing; and there are no pieces of a row, whose beginnings and ends are most of
   the work where rows are short. */

enum { NAME(ROWS) = NAME(LANES), NAME(PARTS) = NAME(LANES) / DOUBLES };
#undef ROWS
#define ROWS NAME(ROWS)
#undef PARTS
#define PARTS NAME(PARTS)

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

/* From logits f->e to exponentials; the masses inside and outside of each range. */
INLINE void NAME(few_masses)(NAME(few) *f, const tree *t)
{
    const int C = (int)t->classes, K = (int)t->levels;
    const NAME(vec) none = {0};
    NAME(vec) peak = none - (REAL)INFINITY;
    for (int j = 0; j < C; j++) {
        const NAME(vec) z = VEC(f->e[j]);
        peak = NAME(chosen)((NAME(words))(z > peak), z, peak);
    }
    const dvec zero = {0};
    for (int h = 0; h < PARTS; h++) {
        f->whole[h] = zero;
        for (int k = 0; k < K; k++) f->inside[k][h] = f->outside[k][h] = zero;
    }
    for (int j = 0; j < C; j++) {
        const WORD at = t->position ? (WORD)t->position[j] : (WORD)j;
        const NAME(vec) e = NAME(exp_of)(VEC(f->e[j]), peak);
        const uvec wide_at = (uvec){0} + (uint64_t)at;
        dvec all[PARTS];
        VEC(f->e[j]) = e;
        for (int h = 0; h < PARTS; h++) f->whole[h] += all[h] = WIDE(f->e[j] + h * DOUBLES);
        for (int k = 0; k < K; k++)
            for (int h = 0; h < PARTS; h++) {
                const uvec first = *(const uvec *)(f->first[k] + h * DOUBLES);
                const uvec many = *(const uvec *)(f->many[k] + h * DOUBLES);
                const uvec own = (uvec)(wide_at - first < many);
                const dvec part = (dvec)((uvec)all[h] & own);
                f->inside[k][h] += part;
                f->outside[k][h] += all[h] - part;
            }
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
INLINE void NAME(few_slopes)(NAME(few) *f, const tree *t)
{
    const int C = (int)t->classes, K = (int)t->levels;
    for (int j = 0; j < C; j++) {
        const WORD at = t->position ? (WORD)t->position[j] : (WORD)j;
        NAME(vec) factor = VEC(f->factor[0]);
        for (int k = 0; k < K; k++) factor = NAME(chosen)(IS_INSIDE(f, k, at), VEC(f->factor[k + 1]), factor);
        VEC(f->e[j]) = (NAME(vec))((NAME(words))(VEC(f->e[j]) * factor) & *(NAME(words) *)f->alive);
    }
}

static void NAME(run_few)(part *p)
{
    const tree *t = p->t;
    const call *c = p->c;
    const int64_t D = c->places;
    const int C = (int)t->classes;
    NAME(few) f;
    memset(f.e, 0, sizeof f.e);
    for (int64_t row = p->first; row < p->last;) {
        const int64_t n = row / D, d = row % D, left = p->last - row;
        int64_t count = D == 1 || left < D - d ? left : D - d;
        count = count < ROWS ? count : ROWS;
        const int64_t by_row = D == 1 ? c->logits_by_sample : c->logits_by_place;
        const int64_t to_row = D == 1 ? c->gradient_by_sample : c->gradient_by_place;
        const REAL *from = (const REAL *)c->logits + n * c->logits_by_sample + d * c->logits_by_place;
        NAME(few_targets)(&f, t, c, row, count, p->factor);
        if (by_row == 1 && count == ROWS)
            for (int j = 0; j < C; j++) VEC(f.e[j]) = VEC(from + j * c->logits_by_class);
        else
            for (int64_t i = 0; i < count; i++)
                for (int j = 0; j < C; j++) f.e[j][i] = from[j * c->logits_by_class + i * by_row];
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
            NAME(few_slopes)(&f, t);
            if (to_row == 1 && count == ROWS)
                for (int j = 0; j < C; j++) VEC(to + j * c->gradient_by_class) = VEC(f.e[j]);
            else
                for (int64_t i = 0; i < count; i++)
                    for (int j = 0; j < C; j++) to[j * c->gradient_by_class + i * to_row] = f.e[j][i];
        }
        row += count;
    }
}
