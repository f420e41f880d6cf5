/* Rows with spread targets, as many at once as a vector has lanes: see spread_call.h for the mathematics; for
   REAL = float or double, included once for each. */

#undef SMALL_MASS
#undef NARROW
#if FLOAT && WIDTH == 64
#define NARROW(p, of) _mm256_storeu_ps(p, _mm512_cvtpd_ps((__m512d)(of)))
#elif FLOAT && WIDTH == 32
#define NARROW(p, of) _mm_storeu_ps(p, _mm256_cvtpd_ps((__m256d)(of)))
#else
#define NARROW(p, of) (*(NAME(some) *)(p) = __builtin_convertvector(of, NAME(some)))
#endif
#define SMALL_MASS (FLOAT ? 1e25 : 1e35) /* the most odds: eight of them may be multiplied */

/* What is kept of a tile of rows; vectors of ROWS doubles are PARTS dvecs. */
typedef struct {
    REAL *e;                   /* (C, ROWS): logits, exponentials, the gradient */
    REAL *soft;                /* (sources, ROWS) */
    REAL *own_near, *spread_near; /* (G, ROWS): what of a class's own target counts, the spread part of a run */
    dvec *mass;                /* U + 1 of vectors */
    dvec *point;               /* U: T without the spread part */
    dvec *left, *H;            /* U + 1: S - D, H */
    uint32_t *sure;            /* (U,): lanes whose odds are known better than from masses: they are in `left` at first */
    int is_sure;               /* whether there is any */
    dvec *spread, *by_run;     /* G: the spread part of a run; the logits of its classes, added up */
    dvec share[PARTS], cost[PARTS], total[PARTS], whole[PARTS];
    dvec least[PARTS];         /* odds of all units and classes */
    qvec lost[PARTS];          /* whether those of a unit that counts are too large */
    REAL peak[ROWS];
    double unit[ROWS];
    const REAL *from[ROWS];
    double own[ROWS];          /* of a target: what it brings where it weighs 1 */
    double leaf_point[ROWS];   /* of a target that is a class: what it brings to it */
    REAL leaf_z[ROWS];         /* and its logit */
    int64_t leaf[ROWS], top[ROWS]; /* with most of the mass on one class, that one */
    double beside[ROWS];       /* the mass of all but the largest class */
} __attribute__((aligned(64))) NAME(lanes);

/* q times a weight; 0 where that is 0. */
INLINE void NAME(weigh)(REAL *q, double weight)
{
    const NAME(vec) none = {0};
    if (weight == 0) VEC(q) = none;
    else VEC(q) *= (REAL)weight;
}

/* What probabilities bring to units, and to classes: in the place of their probabilities. */
static void NAME(bring_points)(NAME(lanes) *f, const units *t, const spread_call *c)
{
    const int64_t U = t->units, C = t->classes;
    const NAME(vec) none = {0};
    for (int64_t s = 0; s < c->sources; s++) {
        REAL *q = f->soft + s * ROWS;
        const double weight = c->own_weight ? c->own_weight[s] : 1;
        const NAME(words) some = (NAME(words))(VEC(q) != none);
        WORD any = 0;
        double leaf = 0;
        for (int i = 0; i < ROWS; i++) any |= some[i];
        if (!any) continue;
        for (int64_t k = t->point_start[s]; k < t->point_start[s + 1] && weight != 0; k++) {
            const int64_t u = t->point[k];
            const double own = weight * t->point_weight[k];
            if (u < U)
                for (int h = 0; h < PARTS; h++) f->point[u * PARTS + h] += WIDE(q + h * DOUBLES) * f->share[h] * own;
            else if (s < C) leaf = own;
            else VEC(f->soft + (u - U) * ROWS) += VEC(q) * (REAL)own;
        }
        if (s < C) NAME(weigh)(q, leaf);
    }
}

/* Where weights are shared: the probabilities of nodes that are no classes to the classes where they stand. */
static void NAME(parts_of_classes)(NAME(lanes) *f, const units *t, const spread_call *c)
{
    for (int64_t k = t->part_start[t->units]; k < t->part_start[t->units + 1]; k++) {
        const double weight = t->part_weight[k] * (c->own_weight ? c->own_weight[t->part[k]] : 1);
        if (weight != 0) VEC(f->soft + t->part_class[k] * ROWS) += VEC(f->soft + t->part[k] * ROWS) * (REAL)weight;
    }
}

/* And to unit u: added to `said`. */
INLINE void NAME(parts_of)(const NAME(lanes) *f, const units *t, const spread_call *c, int64_t u, dvec *said)
{
    const int64_t end = t->part_start[u + 1];
    for (int64_t k = t->part_start[u]; k < end;) {
        NAME(vec) sum = {0};
        REAL some[ROWS] __attribute__((aligned(64)));
        for (const int64_t last = k + 4 < end ? k + 4 : end; k < last; k++) { /* more would lose digits */
            const double weight = t->part_weight[k] * (c->own_weight ? c->own_weight[t->part[k]] : 1);
            if (weight != 0) sum += VEC(f->soft + t->part[k] * ROWS) * (REAL)weight;
        }
        VEC(some) = sum;
        for (int h = 0; h < PARTS; h++) said[h] += WIDE(some + h * DOUBLES);
    }
}

/* The spread part of each run, and what targets bring to units. */
static void NAME(spread_targets)(NAME(lanes) *f, const units *t, const spread_call *c, int64_t row, int count,
                                 double factor)
{
    const int64_t U = t->units, C = t->classes, K = t->levels;
    const double own = 1 - c->smoothing;
    double by_level[MOST_LEVELS][ROWS] __attribute__((aligned(64)));
    if (c->target || !t->run) memset(f->point, 0, sizeof(dvec) * PARTS * (size_t)U);
    for (int i = 0; i < ROWS; i++) {
        const int64_t y = !c->target || i >= count ? c->ignored : c->target[row + i];
        const int counted = i < count && (!c->target || y != c->ignored);
        f->unit[i] = counted ? factor : 0;
        f->leaf[i] = -1;
        f->leaf_point[i] = f->own[i] = 0;
        const double *w = !counted ? 0 : c->target ? t->weights + y * K
                        : c->row_uniform ? c->row_uniform + (row + i) * K : 0;
        for (int64_t k = 0; k < K; k++)
            by_level[k][i] = w && c->smoothing > 0 ? w[k] * (f->unit[i] * c->smoothing * t->per_node[k]) : 0;
        if (!c->target || !counted) continue;
        const double unit = own == 0 ? 0 : weighted(f->unit[i] * own, c->own_weight ? c->own_weight[y] : 1);
        f->own[i] = unit;
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
    for (int h = 0; h < PARTS; h++) f->share[h] = *(dvec *)(f->unit + h * DOUBLES) * own;
    if (!c->target && !t->run) NAME(bring_points)(f, t, c);
    else if (!c->target && c->own_weight)
        for (int64_t s = 0; s < C; s++) NAME(weigh)(f->soft + s * ROWS, c->own_weight[s]);
    if (!c->target && t->run && c->sources > C) NAME(parts_of_classes)(f, t, c);
}

/* value where A is not 0, else 0. */
INLINE dvec NAME(where)(dvec A, dvec value)
{
    return (dvec)((qvec)value & (qvec)(A != 0));
}

/* The largest logit of each row. */
INLINE NAME(vec) NAME(spread_peak)(NAME(lanes) *f, int64_t by_class, int64_t classes)
{
    if (by_class == 1) {
        for (int i = 0; i < ROWS; i++) f->peak[i] = NAME(largest)(f->from[i], classes);
        return VEC(f->peak);
    }
    NAME(vec) peak = VEC(f->e);
    for (int64_t j = 1; j < classes; j++) peak = NAME(larger)(VEC(f->e + j * ROWS), peak);
    VEC(f->peak) = peak;
    return peak;
}

/* A(u) of a unit u < U. */
INLINE dvec NAME(said)(const NAME(lanes) *f, const units *t, const double *weight, int64_t u, int h, int soft,
                       int smooth)
{
    dvec A = f->point[u * PARTS + h];
    if (soft && t->run) A *= t->run[u];
    if (!smooth) return A;
    const dvec spread = f->spread[t->group[u] * PARTS + h];
    if (!weight) return A + spread;
    return weight[u] == 0 ? A : A + spread * weight[u];
}

/* From logits to exponentials, and what the classes cost but for log(whole). */
INLINE void NAME(spread_classes)(NAME(lanes) *f, const units *t, const spread_call *c, const double *weight, int soft,
                                 int smooth)
{
    const NAME(vec) peak = NAME(spread_peak)(f, c->logits_by_class, t->classes);
    const dvec zero = {0};
    dvec cost[PARTS] = {zero};
    for (int64_t k = 0; smooth && k < t->groups * PARTS; k++) f->by_run[k] = zero;
    for (int64_t j = 0; j < t->classes; j++) {
        REAL *e = f->e + j * ROWS, low[ROWS] __attribute__((aligned(64))), part[ROWS] __attribute__((aligned(64)));
        const NAME(vec) z = VEC(e);
        const int64_t u = t->above[j];
        VEC(e) = NAME(exp_of)(z, peak);
        VEC(low) = z - peak; /* at most 0: its rounding stays beside it */
        if (soft) {
            const NAME(vec) q = VEC(f->soft + j * ROWS);
            const double run = t->leaf_run ? t->leaf_run[u] : 1;
            VEC(part) = (NAME(vec))((NAME(words))(VEC(low) * q) & (NAME(words))(q != 0));
            for (int h = 0; h < PARTS; h++) cost[h] += WIDE(part + h * DOUBLES) * run;
        }
        const double own = weight ? weight[t->units + j] : 1;
        if (!smooth || own == 0) continue;
        dvec *sum = f->by_run + t->leaf_group[u] * PARTS; /* all classes of a run have the same share */
        for (int h = 0; h < PARTS; h++) sum[h] += weight ? WIDE(low + h * DOUBLES) * own : WIDE(low + h * DOUBLES);
    }
    for (int h = 0; h < PARTS; h++) f->cost[h] = -(cost[h] * f->share[h]);
    for (int64_t g = 0; smooth && g < t->groups; g++)
        for (int h = 0; h < PARTS; h++) {
            const dvec spread = f->spread[g * PARTS + h];
            f->cost[h] -= NAME(where)(spread, spread * f->by_run[g * PARTS + h]);
        }
}

/* Masses of all units and the largest, and the sum of all targets. With probabilities and weights that are shared
   also what they say of each unit. */
INLINE void NAME(units_going_up)(NAME(lanes) *f, const units *t, const spread_call *c, const double *weight, int soft,
                                 int smooth)
{
    const int64_t U = t->units;
    const dvec zero = {0};
    dvec of_classes[PARTS], of_units[PARTS], most[PARTS];
    for (int h = 0; h < PARTS; h++) {
        of_classes[h] = of_units[h] = zero;
        most[h] = zero + 1; /* of the largest class */
    }
    for (int64_t u = 0; u <= U; u++) {
        const int64_t first = t->leaf_start[u], last = t->leaf_start[u + 1];
        const double run = t->leaf_run ? t->leaf_run[u] : 1;
        double weights = weight ? 0 : (double)(last - first);
        dvec mass[PARTS], said[PARTS], more[PARTS];
        for (int h = 0; h < PARTS; h++) mass[h] = said[h] = more[h] = zero;
        if (soft && t->run && u < U && c->sources > t->classes) NAME(parts_of)(f, t, c, u, more);
        for (int64_t k = first; k < last; k++) {
            const REAL *e = f->e + t->leaf[k] * ROWS, *q = f->soft + t->leaf[k] * ROWS;
            for (int h = 0; h < PARTS; h++) mass[h] += WIDE(e + h * DOUBLES);
            for (int h = 0; soft && h < PARTS; h++) said[h] += WIDE(q + h * DOUBLES);
            if (smooth && weight) weights += weight[U + t->leaf[k]];
        }
        for (int h = 0; h < PARTS; h++) {
            if (smooth) of_classes[h] += f->spread[t->leaf_group[u] * PARTS + h] * weights;
            if (!soft) continue;
            said[h] *= f->share[h];
            of_classes[h] += said[h] * run;
            said[h] += more[h] * f->share[h];
        }
        for (int64_t k = t->kid_start[u]; k < t->kid_start[u + 1]; k++)
            for (int h = 0; h < PARTS; h++) {
                mass[h] += f->mass[t->kid[k] * PARTS + h];
                if (soft && t->run) said[h] += f->point[t->kid[k] * PARTS + h];
            }
        for (int h = 0; h < PARTS; h++) {
            f->mass[u * PARTS + h] = mass[h];
            if (u == U) continue;
            if (soft && t->run) f->point[u * PARTS + h] = said[h];
            of_units[h] += NAME(said)(f, t, weight, u, h, soft, smooth);
            most[h] = (dvec)(((qvec)mass[h] & (mass[h] > most[h])) | ((qvec)most[h] & ~(mass[h] > most[h])));
        }
    }
    for (int h = 0; h < PARTS; h++) {
        f->whole[h] = f->mass[U * PARTS + h];
        f->total[h] = of_classes[h] + of_units[h];
        f->cost[h] += NAME(where)(of_classes[h], of_classes[h] * log1p_vec(f->whole[h] - 1));
        f->least[h] = (f->whole[h] - most[h]) / most[h];
    }
}

static void NAME(spread_up)(NAME(lanes) *f, const units *t, const spread_call *c)
{
    const int soft = !c->target, smooth = c->smoothing > 0;
    const double *weight = smooth ? c->unit_weight : 0;
    if (soft && !smooth) {
        NAME(spread_classes)(f, t, c, 0, 1, 0);
        NAME(units_going_up)(f, t, c, 0, 1, 0);
    } else if (smooth && !soft && !weight) {
        NAME(spread_classes)(f, t, c, 0, 0, 1);
        NAME(units_going_up)(f, t, c, 0, 0, 1);
    } else {
        NAME(spread_classes)(f, t, c, weight, soft, smooth);
        NAME(units_going_up)(f, t, c, weight, soft, smooth);
    }
}
