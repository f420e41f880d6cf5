/* The masses of the nodes of all levels, for REAL = float or double; included once for each.

   As many rows at once as a vector has lanes, laid out (C, rows) in depth-first order. With e_j =
   exp(z_j - max) each level has one open node: a class is added to the open node of the deepest level but one,
   and a node that ends is added to the open node above it,

       m_l(n) = sum over the children c of n of m_(l+1)(c),   P(n) = m(n) / (sum of all)

   in double. Masses are rounded to REAL before they are compared, so that those of equal nodes are equal in
   whatever order they were added; of equals the node with the smaller number is the answer. */

/* Columns of a block in which rows are laid side by side. */
#undef SIDE
#define SIDE 64

typedef struct {
    dvec mass[MOST_LEVELS][PARTS]; /* the largest of each level, and its node */
    qvec node[MOST_LEVELS][PARTS];
    dvec open[MOST_LEVELS][PARTS]; /* of level l the node that is open; 0: the root */
    REAL peak[ROWS], side[SIDE * ROWS];
    WORD top[ROWS];
} __attribute__((aligned(64))) NAME(level_rows);

/* Logits of `count` rows as (last - first, ROWS): of the classes at those positions, or of these classes. */
INLINE void NAME(side_by_side)(const REAL *from, REAL *e, const int64_t *order, int64_t first, int64_t last,
                               int64_t by_class, int64_t by_row, int64_t count)
{
    const int64_t n = last - first;
    if (!order) {
        const REAL *rows[ROWS];
        for (int64_t i = 0; i < ROWS; i++) rows[i] = from + (i < count ? i : 0) * by_row + first * by_class;
        NAME(load_tile)(e, rows, by_class, n, by_row == 1 && count == ROWS);
    } else if (by_row == 1 && count == ROWS)
        for (int64_t j = 0; j < n; j++) VEC(e + j * ROWS) = VEC(from + order[first + j] * by_class);
    else
        for (int64_t i = 0; i < count; i++)
            for (int64_t j = 0; j < n; j++) e[j * ROWS + i] = from[i * by_row + order[first + j] * by_class];
}

/* What is larger, or as large and of a smaller number, takes the place of the best. */
INLINE void NAME(take_better)(NAME(vec) mass, WORD number, REAL *best, WORD *node)
{
    const NAME(vec) old = VEC(best);
    const NAME(words) none = {0}, was = *(NAME(words) *)node, is = none + number;
    const NAME(words) better = (NAME(words))(mass > old) | ((NAME(words))(mass == old) & (NAME(words))(is < was));
    VEC(best) = NAME(chosen)(better, mass, old);
    *(NAME(words) *)node = (is & better) | (was & ~better);
}

/* The first of n numbers that is `most`; n for none. */
INLINE int64_t NAME(first_of)(const REAL *z, int64_t n, REAL most)
{
    int64_t j = 0;
    for (; j + NAME(LANES) <= n; j += NAME(LANES)) {
        const NAME(words) same = (NAME(words))(VEC(z + j) == most);
        WORD any = 0;
        for (int l = 0; l < NAME(LANES); l++) any |= same[l];
        if (any) break;
    }
    while (j < n && z[j] != most) j++;
    return j;
}

/* The largest logit of each row and the first class that has it. */
INLINE void NAME(best_classes)(NAME(level_rows) *f, const REAL *from, const level_tree *t, int64_t by_class,
                               int64_t by_row, int64_t count)
{
    REAL *most = f->peak;
    WORD *node = f->top;
    const NAME(vec) none = {0};
    VEC(most) = none - (REAL)INFINITY;
    *(NAME(words) *)node = ~(NAME(words)){0};
    for (int64_t i = 0; by_class == 1 && i < count; i++) {
        most[i] = NAME(largest)(from + i * by_row, t->classes);
        node[i] = (WORD)NAME(first_of)(from + i * by_row, t->classes, most[i]);
    }
    for (int64_t first = 0; by_class != 1 && first < t->classes; first += SIDE) {
        const int64_t last = first + SIDE < t->classes ? first + SIDE : t->classes;
        NAME(side_by_side)(from, f->side, 0, first, last, by_class, by_row, count);
        for (int64_t j = first; j < last; j++)
            NAME(take_better)(VEC(f->side + (j - first) * ROWS), (WORD)j, most, node);
    }
}

/* The masses of all nodes of some rows, one after the other as they end; `to` (L) and `by_row`: where those of
   the first row are written, and what is added for each further one. */
INLINE void NAME(close_nodes)(NAME(level_rows) *f, const REAL *from, const level_tree *t, int64_t by_class,
                              int64_t from_row, int64_t count, REAL **to, const int64_t *by_row, int64_t D)
{
    const int L = (int)t->levels;
    const dvec zero = {0};
    const qvec no_node = {0};
    const NAME(vec) peak = VEC(f->peak);
    const int64_t *next[MOST_LEVELS]; /* the node of each level that ends next */
    dvec open[PARTS];
    REAL closed[ROWS];
    for (int l = 0, at = 0; l < L - 1; at += (int)t->width[l++]) next[l] = t->node + at;
    for (int l = 0; l < L; l++)
        for (int h = 0; h < PARTS; h++) f->open[l][h] = zero;
    for (int l = 0; l < L - 1; l++)
        for (int h = 0; h < PARTS; h++) {
            f->mass[l][h] = zero - 1;
            f->node[l][h] = no_node;
        }
    for (int h = 0; h < PARTS; h++) open[h] = zero;
    for (int64_t j = 0; j < t->classes; j++) {
        REAL *own = f->side + j % SIDE * ROWS;
        if (j % SIDE == 0) {
            const int64_t last = j + SIDE < t->classes ? j + SIDE : t->classes;
            NAME(side_by_side)(from, f->side, t->order, j, last, by_class, from_row, count);
            for (int64_t i = 0; i < last - j; i++)
                VEC(own + i * ROWS) = NAME(exp_of)(VEC(own + i * ROWS), peak);
        }
        for (int h = 0; h < PARTS; h++) open[h] += WIDE(own + h * DOUBLES);
        if (to) {
            REAL *out = to[L - 1] + (t->order ? t->order[j] : j) * D;
            for (int64_t i = 0; i < count; i++) out[i * by_row[L - 1]] = own[i];
        }
        if (!t->ends[j]) continue;
        for (int l = L - 1, last = L - 1 - (int)t->ends[j]; l > last; l--) {
            const int64_t n = *next[l - 1]++; /* the nodes of level l, counted from 1 */
            for (int h = 0; h < PARTS; h++) {
                const NAME(some) rounded = __builtin_convertvector(open[h], NAME(some));
                const dvec mass = __builtin_convertvector(rounded, dvec), old = f->mass[l - 1][h];
                const qvec was = f->node[l - 1][h], is = no_node + n;
                const qvec better = (qvec)(mass > old) | ((qvec)(mass == old) & (is < was));
                f->mass[l - 1][h] = (dvec)(((qvec)mass & better) | ((qvec)old & ~better));
                f->node[l - 1][h] = (is & better) | (was & ~better);
                if (to) *(NAME(some) *)(closed + h * DOUBLES) = rounded;
                open[h] += f->open[l - 1][h];
                f->open[l - 1][h] = zero;
            }
            if (to)
                for (int64_t i = 0; i < count; i++) to[l - 1][n * D + i * by_row[l - 1]] = closed[i];
        }
        /* What is open now is of the level that did not end; deeper ones begin anew. */
        if (j + 1 < t->classes) {
            const int l = L - 1 - (int)t->ends[j];
            for (int h = 0; h < PARTS; h++) {
                f->open[l][h] = open[h];
                open[h] = zero;
            }
        }
    }
    for (int h = 0; h < PARTS; h++) f->open[0][h] += open[h];
}

static void NAME(run_levels)(level_part *p)
{
    const level_tree *t = p->t;
    const level_call *c = p->c;
    const int64_t D = c->places;
    const int L = (int)t->levels;
    NAME(level_rows) f;
    memset(f.side, 0, sizeof f.side);
    for (int64_t row = p->first; row < p->last;) {
        const int64_t n = row / D, d = row % D, left = p->last - row;
        int64_t count = D == 1 || left < D - d ? left : D - d, by_row[MOST_LEVELS];
        count = count < ROWS ? count : ROWS;
        REAL *to[MOST_LEVELS];
        for (int l = 0; l < L && c->masses; l++) {
            to[l] = (REAL *)c->masses[l] + n * t->width[l] * D + d;
            by_row[l] = D == 1 ? t->width[l] : 1;
        }
        const REAL *from = (const REAL *)c->logits + n * c->logits_by_sample + d * c->logits_by_place;
        const int64_t by_class = c->logits_by_class, from_row = D == 1 ? c->logits_by_sample : c->logits_by_place;
        NAME(best_classes)(&f, from, t, by_class, from_row, count);
        NAME(close_nodes)(&f, from, t, by_class, from_row, count, c->masses ? to : 0, by_row, D);
        const double *total = (const double *)f.open[0];
        for (int64_t i = 0; i < count; i++) {
            const int lost = !(total[i] < INFINITY); /* NaN, or an infinity: these numbers are no logits */
            const double unit = 1 / total[i];
            c->lost[row + i] = (uint8_t)lost;
            p->lost_rows += lost;
            for (int l = 0; l < L && c->best; l++) {
                const int64_t at = D == 1 ? (row + i) * L + l : (n * L + l) * D + d + i;
                const double mass = l == L - 1 ? 1 : ((const double *)f.mass[l])[i];
                const int64_t best = l == L - 1 ? (int64_t)f.top[i] : ((const int64_t *)f.node[l])[i];
                c->best[at] = lost ? 0 : best;
                ((REAL *)c->stated)[at] = (REAL)(mass * unit);
            }
            for (int l = 0; l < L && c->masses; l++)
                for (int64_t at = 0; at < t->width[l]; at++)
                    to[l][at * D + i * by_row[l]] = (REAL)(to[l][at * D + i * by_row[l]] * unit);
        }
        row += count;
    }
}

/* Masses below this may have lost digits to underflow. */
#undef SMALLEST_MASS
#if FLOAT
#define SMALLEST_MASS 1e-25
#else
#define SMALLEST_MASS 1e-290
#endif

/* Log-odds of the ancestors of a class: log(P / Q), P the mass of its range and Q that of what is outside. */
static void NAME(run_paths)(level_part *p)
{
    const level_tree *t = p->t;
    const level_call *c = p->c;
    const int64_t C = t->classes, D = c->places;
    const int L = (int)t->levels;
    REAL *e = malloc(sizeof(REAL) * (size_t)(2 * (C + PAD)));
    if (!e) {
        p->failed = 1;
        return;
    }
    REAL *copy = e + C + PAD;
    for (int64_t row = p->first; row < p->last; row++) {
        const int64_t n = row / D, d = row % D, *line = t->lines + c->chosen[row] * (L + 1) + 1;
        int64_t edges[2 * MOST_LEVELS];
        for (int l = 0; l < L; l++) {
            edges[l] = t->start[line[l]];
            edges[2 * L - 1 - l] = t->stop[line[l]];
        }
        const REAL *z = (const REAL *)c->logits + n * c->logits_by_sample + d * c->logits_by_place;
        if (t->order || c->logits_by_class != 1) {
            for (int64_t j = 0; j < C; j++) copy[j] = z[(t->order ? t->order[j] : j) * c->logits_by_class];
            z = copy;
        }
        double mass[MOST_LEVELS + 1], inside[MOST_LEVELS], P = 0, Q = 0;
        NAME(exponentials)(z, e, C, NAME(largest)(z, C));
        NAME(masses)(e, C, L, edges, edges + 2 * L - 1, mass);
        for (int l = L; l > 0; l--) inside[l - 1] = P += mass[l];
        const double least = SMALLEST_MASS * (P + mass[0]);
        int lost = !(P + mass[0] < INFINITY);
        for (int l = 0; l < L; l++) {
            Q += mass[l];
            const int all = edges[l] == 0 && edges[2 * L - 1 - l] == C; /* no class is outside */
            lost |= !(inside[l] >= least) || (!all && !(Q >= least));
            ((REAL *)c->odds)[(n * L + l) * D + d] = all ? (REAL)INFINITY : (REAL)log(inside[l] / Q);
        }
        c->lost[row] = (uint8_t)lost;
        p->lost_rows += lost;
    }
    free(e);
}
