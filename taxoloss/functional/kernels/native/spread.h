/* Rows with spread targets, as many at once as a vector has lanes: see spread_call.h for the mathematics; for
   REAL = float or double, included once for each. */

#undef ZIP
#undef LOWER
#undef UPPER
#undef SMALL_MASS
#define SMALL_MASS (FLOAT ? 1e25 : 1e35) /* the most odds: eight of them may be multiplied */
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
        }
    for (; j < n; j++)
        for (int i = 0; i < count; i++) to[i][j * by] = tile[j * ROWS + i];
}

/* What is kept of a tile of rows; vectors of ROWS doubles are PARTS dvecs. */
typedef struct {
    REAL *e;                   /* (C, ROWS): logits, exponentials, the gradient */
    REAL *soft;                /* (sources, ROWS) */
    dvec *mass, *odds;         /* (U + 1) and U of vectors */
    dvec *point;               /* U of vectors, or U + C with probabilities: T without the spread part */
    dvec *D, *H;               /* U + 1 */
    dvec *spread;              /* G: the spread part of a run */
    dvec cost[PARTS], total[PARTS], whole[PARTS], least[PARTS], most[PARTS];
    REAL peak[ROWS];
    double unit[ROWS];
    const REAL *from[ROWS];
    double leaf_point[ROWS];   /* of a target that is a class: what it brings to it */
    REAL leaf_z[ROWS];         /* and its logit */
    int64_t leaf[ROWS], top[ROWS], above_top[ROWS];
    double beside_top[ROWS];
} __attribute__((aligned(64))) NAME(lanes);

/* The spread part of each run, and what targets bring to units. */
static void NAME(spread_targets)(NAME(lanes) *f, const units *t, const spread_call *c, int64_t row, int count,
                                 double factor)
{
    const int64_t U = t->units, C = t->classes, K = t->levels;
    const double own = 1 - c->smoothing;
    double by_level[MOST_LEVELS][ROWS] __attribute__((aligned(64)));
    memset(f->point, 0, sizeof(dvec) * PARTS * (size_t)(c->target ? U : U + C));
    for (int i = 0; i < ROWS; i++) {
        const int64_t y = !c->target || i >= count ? c->ignored : c->target[row + i];
        const int counted = i < count && (!c->target || y != c->ignored);
        f->unit[i] = counted ? factor : 0;
        f->leaf[i] = -1;
        f->leaf_point[i] = 0;
        const double *w = !counted ? 0 : c->target ? t->weights + y * K
                        : c->row_uniform ? c->row_uniform + (row + i) * K : 0;
        for (int64_t k = 0; k < K; k++)
            by_level[k][i] = w && c->smoothing > 0 ? w[k] * (f->unit[i] * c->smoothing * t->per_node[k]) : 0;
        if (!c->target || !counted) continue;
        const double unit = own == 0 ? 0 : weighted(f->unit[i] * own, c->own_weight ? c->own_weight[y] : 1);
        for (int64_t s = t->point_start[y]; s < t->point_start[y + 1] && unit != 0; s++) {
            const int64_t u = t->point[s];
            if (u < U) ((double *)(f->point + u * PARTS))[i] = unit * t->point_weight[s];
            else {
                f->leaf[i] = u - U;
                f->leaf_point[i] = unit * t->point_weight[s];
            }
        }
    }
    for (int64_t g = 0; g < t->groups; g++)
        for (int h = 0; h < PARTS; h++) {
            dvec sum = {0};
            for (int64_t k = t->first[g]; k < t->last[g]; k++) sum += *(dvec *)(by_level[k] + h * DOUBLES);
            f->spread[g * PARTS + h] = sum;
        }
    for (int64_t s = 0; !c->target && s < c->sources; s++) {
        const REAL *q = f->soft + s * ROWS;
        const double weight = own == 0 ? 0 : c->own_weight ? c->own_weight[s] * own : own;
        int any = 0;
        for (int i = 0; i < ROWS; i++) any |= q[i] != 0;
        if (!any || weight == 0) continue;
        dvec said[PARTS];
        for (int h = 0; h < PARTS; h++) said[h] = WIDE(q + h * DOUBLES) * *(dvec *)(f->unit + h * DOUBLES) * weight;
        if (t->run)
            for (int h = 0; h < PARTS; h++) f->point[(U + s) * PARTS + h] = said[h];
        else
            for (int64_t k = t->point_start[s]; k < t->point_start[s + 1]; k++)
                for (int h = 0; h < PARTS; h++) f->point[t->point[k] * PARTS + h] += said[h] * t->point_weight[k];
    }
}

/* value where A is not 0, else 0. */
INLINE dvec NAME(where)(dvec A, dvec value)
{
    return (dvec)((qvec)value & (qvec)(A != 0));
}

/* From logits to exponentials, masses of all units, and what the classes cost but for log(whole). */
static void NAME(spread_up)(NAME(lanes) *f, const units *t, const spread_call *c)
{
    const int64_t U = t->units, C = t->classes;
    const int soft = !c->target, plain = c->smoothing > 0 && !c->unit_weight;
    NAME(vec) peak = VEC(f->e);
    for (int64_t j = 1; j < C; j++) {
        const NAME(vec) z = VEC(f->e + j * ROWS);
        peak = NAME(chosen)((NAME(words))(z > peak), z, peak);
    }
    VEC(f->peak) = peak;
    const dvec zero = {0};
    for (int h = 0; h < PARTS; h++) f->cost[h] = f->total[h] = zero;
    for (int64_t u = 0; u <= U; u++) {
        const dvec *spread = f->spread + t->leaf_group[u] * PARTS;
        const double run = t->leaf_run ? t->leaf_run[u] : 1;
        const int64_t first = t->leaf_start[u], last = t->leaf_start[u + 1];
        dvec mass[PARTS], x[PARTS], said[PARTS];
        for (int h = 0; h < PARTS; h++) mass[h] = x[h] = said[h] = zero;
        for (int64_t k = first; k < last; k++) {
            REAL *e = f->e + t->leaf[k] * ROWS;
            const dvec *point = f->point + (U + t->leaf[k]) * PARTS;
            if (plain)
                for (int h = 0; h < PARTS; h++) x[h] += WIDE(e + h * DOUBLES) - WIDE(f->peak + h * DOUBLES);
            if (soft || (c->unit_weight && c->smoothing > 0))
                for (int h = 0; h < PARTS; h++) {
                    dvec A = zero;
                    if (soft) A = point[h] * run, said[h] += point[h];
                    if (c->unit_weight && c->smoothing > 0) A += spread[h] * c->unit_weight[U + t->leaf[k]];
                    f->total[h] += A;
                    f->cost[h] -= NAME(where)(A, A * (WIDE(e + h * DOUBLES) - WIDE(f->peak + h * DOUBLES)));
                }
            VEC(e) = NAME(exp_of)(VEC(e), peak);
            for (int h = 0; h < PARTS; h++) mass[h] += WIDE(e + h * DOUBLES);
        }
        if (plain)
            for (int h = 0; h < PARTS; h++) {
                f->total[h] += spread[h] * (double)(last - first);
                f->cost[h] -= NAME(where)(spread[h], spread[h] * x[h]);
            }
        for (int64_t k = t->kid_start[u]; k < t->kid_start[u + 1]; k++)
            for (int h = 0; h < PARTS; h++) {
                mass[h] += f->mass[t->kid[k] * PARTS + h];
                if (t->run) said[h] += f->point[t->kid[k] * PARTS + h];
            }
        for (int h = 0; h < PARTS; h++) {
            f->mass[u * PARTS + h] = mass[h];
            if (t->run && u < U) f->point[u * PARTS + h] = said[h];
        }
    }
    for (int h = 0; h < PARTS; h++) {
        f->whole[h] = f->mass[U * PARTS + h];
        f->cost[h] += NAME(where)(f->total[h], f->total[h] * log1p_vec(f->whole[h] - 1));
    }
}

/* A(u) of a unit. */
INLINE dvec NAME(said)(const NAME(lanes) *f, const units *t, const spread_call *c, int64_t u, int h)
{
    const dvec spread = f->spread[t->group[u] * PARTS + h];
    const dvec point = f->point[u * PARTS + h] * (t->run ? t->run[u] : 1);
    if (!c->unit_weight || !(c->smoothing > 0)) return spread + point;
    const double weight = c->unit_weight[u];
    return weight == 0 ? point : spread * weight + point;
}

/* Odds of all units; the smallest, and the largest of those that count; the sum of all targets. */
static void NAME(spread_odds)(NAME(lanes) *f, const units *t, const spread_call *c)
{
    for (int h = 0; h < PARTS; h++) {
        dvec least = f->whole[h] - 1, most = {0}, total = f->total[h];
        for (int64_t u = 0; u < t->units; u++) {
            const dvec mass = f->mass[u * PARTS + h], odds = (f->whole[h] - mass) / mass, A = NAME(said)(f, t, c, u, h);
            const dvec counts = NAME(where)(A, odds);
            f->odds[u * PARTS + h] = odds;
            least = (dvec)(((qvec)odds & (odds < least)) | ((qvec)least & ~(odds < least)));
            most = (dvec)(((qvec)most & (counts <= most)) | ((qvec)counts & ~(counts <= most))); /* NaN stays */
            total += A;
        }
        f->least[h] = least;
        f->most[h] = most;
        f->total[h] = total;
    }
}

/* Odds along the path of the units of lane i whose odds are small, by sums of what is beside it. */
static void NAME(sure_path)(NAME(lanes) *f, const units *t, int i)
{
    const double half = ((double *)f->whole)[i] / 2;
    double beside = 0;
    int64_t u = t->units, next = u;
    while (next >= 0) {
        u = next;
        next = -1;
        for (int64_t k = t->kid_start[u]; k < t->kid_start[u + 1]; k++) {
            const double mass = ((double *)(f->mass + t->kid[k] * PARTS))[i];
            if (mass > half) next = t->kid[k];
            else beside += mass;
        }
        for (int64_t k = t->leaf_start[u]; k < t->leaf_start[u + 1]; k++) {
            const double mass = f->e[t->leaf[k] * ROWS + i];
            if (mass > half) f->top[i] = t->leaf[k];
            else beside += mass;
        }
        if (next >= 0) ((double *)(f->odds + next * PARTS))[i] = beside / ((double *)(f->mass + next * PARTS))[i];
    }
    f->above_top[i] = u;
    f->beside_top[i] = beside;
}

/* Costs of the units, and D and H of each. */
static void NAME(spread_down)(NAME(lanes) *f, const units *t, const spread_call *c)
{
    const int64_t U = t->units;
    /* Where only the spread part is dense its logarithms are those of products, eight at a time. */
    const int products = c->target && !c->unit_weight && c->smoothing > 0;
    for (int h = 0; h < PARTS; h++) {
        const dvec none = {0};
        dvec cost = f->cost[h], product = none + 1;
        f->D[U * PARTS + h] = f->H[U * PARTS + h] = none;
        for (int64_t u = U - 1, many = 0; u >= 0; u--) {
            const int64_t at = u * PARTS + h, above = t->parent[u] * PARTS + h;
            const dvec A = NAME(said)(f, t, c, u, h), odds = f->odds[at];
            f->D[at] = f->D[above] + A;
            f->H[at] = f->H[above] + NAME(where)(A, A * odds);
            if (products) {
                product *= 1 + odds;
                if (++many == 8 || u == 0 || t->group[u - 1] != t->group[u]) {
                    const dvec spread = f->spread[t->group[u] * PARTS + h];
                    cost += NAME(where)(spread, spread * log1p_vec(product - 1));
                    product = none + 1;
                    many = 0;
                }
            } else
                cost += NAME(where)(A, A * log1p_vec(odds));
        }
        f->cost[h] = cost;
    }
}

/* With a product: what is to be added for the ancestors of the targets. */
static void NAME(spread_points)(NAME(lanes) *f, const units *t, const spread_call *c, int64_t row, int count)
{
    double odds[MOST_ENTRIES][ROWS], said[MOST_ENTRIES][ROWS], *cost = (double *)f->cost;
    int64_t longest = 0;
    memset(said, 0, sizeof said);
    memset(odds, 0, sizeof odds);
    for (int i = 0; i < count; i++) {
        const int64_t y = c->target[row + i];
        if (f->unit[i] == 0) continue;
        for (int64_t s = t->point_start[y], k = 0; s < t->point_start[y + 1]; s++, k++) {
            const int64_t u = t->point[s];
            longest = k + 1 > longest ? k + 1 : longest;
            if (u >= t->units) continue;
            said[k][i] = ((double *)(f->point + u * PARTS))[i];
            odds[k][i] = said[k][i] == 0 ? 0 : ((double *)(f->odds + u * PARTS))[i];
        }
    }
    for (int64_t k = 0; k < longest; k++)
        for (int i = 0; i < ROWS; i++) cost[i] += said[k][i] * log1p_of(odds[k][i]);
}

/* The gradient of all classes: e_j F / whole - A_j. */
static void NAME(spread_slopes)(NAME(lanes) *f, const units *t, const spread_call *c)
{
    const int64_t U = t->units;
    const int soft = !c->target, weighed = c->unit_weight && c->smoothing > 0;
    for (int64_t u = 0; u <= U; u++) {
        const double run = t->leaf_run ? t->leaf_run[u] : 1;
        REAL factor[ROWS] __attribute__((aligned(64))), own[ROWS] __attribute__((aligned(64)));
        dvec spread[PARTS];
        for (int h = 0; h < PARTS; h++) {
            const int64_t at = u * PARTS + h;
            dvec left = f->total[h] - f->D[at];
            const qvec none = left * left <= 1e-28 * f->D[at] * f->D[at];
            left = (dvec)((qvec)left & ~none);
            spread[h] = f->spread[t->leaf_group[u] * PARTS + h];
            *(NAME(some) *)(factor + h * DOUBLES) = __builtin_convertvector((left - f->H[at]) / f->whole[h], NAME(some));
            *(NAME(some) *)(own + h * DOUBLES) = __builtin_convertvector(spread[h], NAME(some));
        }
        for (int64_t k = t->leaf_start[u]; k < t->leaf_start[u + 1]; k++) {
            REAL *e = f->e + t->leaf[k] * ROWS;
            const int64_t leaf = U + t->leaf[k];
            if (soft)
                for (int h = 0; h < PARTS; h++) {
                    dvec A = f->point[leaf * PARTS + h] * run;
                    if (weighed) A += spread[h] * c->unit_weight[leaf];
                    else A += spread[h];
                    *(NAME(some) *)(own + h * DOUBLES) = __builtin_convertvector(A, NAME(some));
                }
            else if (weighed)
                for (int h = 0; h < PARTS; h++)
                    *(NAME(some) *)(own + h * DOUBLES)
                        = __builtin_convertvector(spread[h] * c->unit_weight[leaf], NAME(some));
            VEC(e) = VEC(e) * VEC(factor) - VEC(own);
        }
    }
}

/* What single classes of lane i get: that of its target, and one with nearly all of the mass. */
static void NAME(single_classes)(NAME(lanes) *f, const units *t, const spread_call *c, int i)
{
    const int64_t top = f->top[i], y = f->leaf[i], u = f->above_top[i];
    const double whole = ((double *)f->whole)[i];
    if (y >= 0 && c->gradient) f->e[y * ROWS + i] -= (REAL)f->leaf_point[i];
    if (top < 0) return;
    const int64_t leaf = t->units + top;
    double A = ((double *)(f->spread + t->leaf_group[u] * PARTS))[i];
    if (c->unit_weight && c->smoothing > 0) A *= c->unit_weight[leaf];
    if (!c->target) A += ((double *)(f->point + leaf * PARTS))[i] * (t->leaf_run ? t->leaf_run[u] : 1);
    if (y == top) A += f->leaf_point[i];
    const double D = ((double *)(f->D + u * PARTS))[i] + A, total = ((double *)f->total)[i], beside = f->beside_top[i];
    const double own = whole - beside; /* near the whole */
    double left = total - D;
    if (fabs(left) <= 1e-14 * fabs(D)) left = 0;
    if (A != 0) ((double *)f->cost)[i] += A * (log1p_of(beside / own) - log1p_of(whole - 1));
    if (c->gradient)
        f->e[top * ROWS + i] = (REAL)((own * (left - ((double *)(f->H + u * PARTS))[i]) - A * beside) / whole);
}

static void NAME(run_spread)(spread_part *p)
{
    const units *t = p->t;
    const spread_call *c = p->c;
    const int64_t U = t->units, C = t->classes, D = c->places, sources = c->target ? 0 : c->sources;
    const int64_t vectors = (U + 1) + U + (c->target ? U : U + C) + 2 * (U + 1) + t->groups;
    const size_t bytes = sizeof(dvec) * PARTS * (size_t)vectors + sizeof(REAL) * ROWS * (size_t)(C + sources);
    char *room = aligned_alloc(64, (bytes + 63) / 64 * 64);
    if (!room) {
        p->failed = 1;
        return;
    }
    NAME(lanes) f;
    f.mass = (dvec *)room;
    f.odds = f.mass + (U + 1) * PARTS;
    f.D = f.odds + U * PARTS;
    f.H = f.D + (U + 1) * PARTS;
    f.spread = f.H + (U + 1) * PARTS;
    f.point = f.spread + t->groups * PARTS;
    f.e = (REAL *)(f.point + (c->target ? U : U + C) * PARTS);
    f.soft = f.e + C * ROWS;
    for (int64_t row = p->first; row < p->last; row += ROWS) {
        const int count = p->last - row < ROWS ? (int)(p->last - row) : ROWS;
        REAL *to[ROWS];
        const REAL *soft[ROWS];
        int together = count == ROWS && (row % D + ROWS <= D || D == 1);
        for (int i = 0; i < ROWS; i++) {
            const int64_t at = row + (i < count ? i : 0), n = at / D, d = at % D;
            f.from[i] = (const REAL *)c->logits + n * c->logits_by_sample + d * c->logits_by_place;
            to[i] = c->gradient ? (REAL *)c->gradient + n * c->gradient_by_sample + d * c->gradient_by_place : 0;
            soft[i] = sources ? (const REAL *)c->soft + n * c->soft_by_sample + d * c->soft_by_place : 0;
            f.top[i] = -1;
        }
        const int in = together && (D == 1 ? c->logits_by_sample : c->logits_by_place) == 1;
        const int out = together && (D == 1 ? c->gradient_by_sample : c->gradient_by_place) == 1;
        together = together && (D == 1 ? c->soft_by_sample : c->soft_by_place) == 1;
        NAME(load_tile)(f.e, f.from, c->logits_by_class, C, in);
        if (sources) NAME(load_tile)(f.soft, soft, c->soft_by_class, sources, together);
        NAME(spread_targets)(&f, t, c, row, count, p->factor);
        for (int i = 0; i < ROWS; i++) f.leaf_z[i] = f.leaf[i] < 0 ? 0 : f.e[f.leaf[i] * ROWS + i];
        NAME(spread_up)(&f, t, c);
        for (int i = 0; i < ROWS; i++) {
            if (f.leaf[i] < 0) continue;
            ((double *)f.total)[i] += f.leaf_point[i];
            ((double *)f.cost)[i] += f.leaf_point[i] * (log1p_of(((double *)f.whole)[i] - 1)
                                                        - ((double)f.leaf_z[i] - (double)f.peak[i]));
        }
        NAME(spread_odds)(&f, t, c);
        for (int i = 0; i < count; i++)
            if (f.unit[i] != 0 && ((double *)f.least)[i] < 1e-6) NAME(sure_path)(&f, t, i);
        NAME(spread_down)(&f, t, c);
        if (c->target && !c->unit_weight && c->smoothing > 0) NAME(spread_points)(&f, t, c, row, count);
        if (c->gradient) NAME(spread_slopes)(&f, t, c);
        for (int i = 0; i < count; i++) {
            const int alive = f.unit[i] != 0;
            NAME(single_classes)(&f, t, c, i);
            const double cost = ((double *)f.cost)[i];
            const int lost = alive && !(((double *)f.most)[i] <= SMALL_MASS && fabs(cost) < INFINITY
                                        && ((double *)f.whole)[i] >= 1);
            p->costs[row + i] = alive && !lost ? cost : 0;
            if (c->lost) c->lost[row + i] = (uint8_t)lost;
            p->lost_rows += lost;
            if (c->gradient && !alive)
                for (int64_t j = 0; j < C; j++) f.e[j * ROWS + i] = 0;
        }
        if (c->gradient) NAME(store_tile)(f.e, to, c->gradient_by_class, C, out, count);
    }
    free(room);
}
