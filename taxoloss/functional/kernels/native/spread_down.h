/* The second half of spread.h: from masses to costs and the gradient, and the rows of one thread. */

/* Odds of unit u in lane i. */
INLINE double NAME(odds_of)(const NAME(lanes) *f, int64_t u, int i)
{
    const double mass = ((double *)(f->mass + u * PARTS))[i];
    if (f->is_sure && f->sure[u] >> i & 1) return ((double *)(f->left + u * PARTS))[i];
    return (((double *)f->whole)[i] - mass) / mass;
}

/* Odds along the path of the units of lane i whose odds are small, by sums of what is beside it. */
static void NAME(sure_path)(NAME(lanes) *f, const units *t, int i)
{
    const double half = ((double *)f->whole)[i] / 2;
    double beside = 0;
    int64_t u = t->units, next = u;
    if (!f->is_sure) memset(f->sure, 0, sizeof *f->sure * (size_t)t->units);
    f->is_sure = 1;
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
            if (!(mass > half)) beside += mass;
        }
        if (next < 0) continue;
        ((double *)(f->left + next * PARTS))[i] = beside / ((double *)(f->mass + next * PARTS))[i];
        f->sure[next] |= (uint32_t)1 << i;
    }
    if (((double *)f->whole)[i] < 2) f->beside[i] = beside;
}

#undef LOG_SERIES
#if FLOAT
#define LOG_SERIES(q) (1 + q * (1 / 3.f + q * (1 / 5.f + q * (1 / 7.f + q * (1 / 9.f)))))
#else
#define LOG_SERIES(q) (1 + q * (1 / 3. + q * (1 / 5. + q * (1 / 7. + q * (1 / 9. + q * (1 / 11. + q * (1 / 13. \
                       + q * (1 / 15. + q * (1 / 17. + q * (1 / 19.))))))))))
#endif

/* log1p_of for each lane, to three units of the last digit of REAL. What 1 + x lost, over 1 + x, is about low (1 - x)
   where x < 1, and beyond that below the last digit. */
INLINE NAME(vec) NAME(log1p_lanes)(NAME(vec) x)
{
    const NAME(vec) none = {0}, one = none + 1, u = 1 + x, low = x - (u - 1);
    const WORD mantissa = ((WORD)1 << MANTISSA_BITS) - 1, bias = sizeof(REAL) == 4 ? 127 : 1023;
    union { REAL real; WORD word; } unit = {1}, shift = {(REAL)((WORD)1 << MANTISSA_BITS)};
    const NAME(vec) m = (NAME(vec))(((NAME(words))u & mantissa) | unit.word);
    const NAME(vec) n = (NAME(vec))(((NAME(words))u >> MANTISSA_BITS) | shift.word) - (shift.real + (REAL)bias);
    const NAME(words) big = (NAME(words))(m > (REAL)1.4142135623730951);
    const NAME(vec) f = NAME(chosen)(big, m * (REAL)0.5, m), exponent = n + (NAME(vec))((NAME(words))one & big);
#if FLOAT && WIDTH == 64
    NAME(vec) over = (NAME(vec))_mm512_rcp14_ps((__m512)(f + 1));
    over += over * (1 - (f + 1) * over);
    const NAME(vec) s = (f - 1) * over, q = s * s;
#else
    const NAME(vec) s = (f - 1) / (f + 1), q = s * s;
#endif
    return exponent * (REAL)0.6931471805599453 + 2 * s * LOG_SERIES(q)
           + NAME(chosen)((NAME(words))(x < 1), low * (2 - u), none);
}

/* Sums of all rows as REAL. */
INLINE NAME(vec) NAME(narrowed)(const dvec *of)
{
    /* Two stores and a load of both would wait for each other. */
#if FLOAT && WIDTH == 64
    const __m256 low = _mm512_cvtpd_ps((__m512d)of[0]), high = _mm512_cvtpd_ps((__m512d)of[1]);
    return (NAME(vec))_mm512_insertf32x8(_mm512_castps256_ps512(low), high, 1);
#elif FLOAT && WIDTH == 32
    const __m128 low = _mm256_cvtpd_ps((__m256d)of[0]), high = _mm256_cvtpd_ps((__m256d)of[1]);
    return (NAME(vec))_mm256_set_m128(high, low);
#else
    REAL made[ROWS] __attribute__((aligned(64)));
    for (int h = 0; h < PARTS; h++) NARROW(made + h * DOUBLES, of[h]);
    return VEC(made);
#endif
}

/* What of targets is the same for all classes of a run. */
INLINE void NAME(own_targets)(NAME(lanes) *f, const units *t, int soft, int smooth)
{
    for (int64_t g = 0; g < t->groups; g++) {
        dvec share[PARTS];
        for (int h = 0; h < PARTS; h++) share[h] = f->share[h] * (t->group_run ? t->group_run[g] : 1);
        if (soft) VEC(f->own_near + g * ROWS) = NAME(narrowed)(share);
        if (smooth) VEC(f->spread_near + g * ROWS) = NAME(narrowed)(f->spread + g * PARTS);
    }
}

/* The gradient of the classes right below unit u: e_j F / whole - A_j. */
INLINE void NAME(slopes_of)(NAME(lanes) *f, const units *t, const double *weight, int64_t u, const dvec *over,
                            const dvec *tiny, int soft, int smooth)
{
    const int64_t first = t->leaf_start[u], last = t->leaf_start[u + 1], group = t->leaf_group[u] * ROWS;
    if (first == last) return;
    dvec F[PARTS];
    for (int h = 0; h < PARTS; h++) {
        const dvec left = f->left[u * PARTS + h];
        F[h] = ((dvec)((qvec)left & (left * left > tiny[h])) - f->H[u * PARTS + h]) * over[h];
    }
    const NAME(vec) factor = NAME(narrowed)(F);
    for (int64_t k = first; k < last; k++) {
        REAL *e = f->e + t->leaf[k] * ROWS;
        NAME(vec) slope = VEC(e) * factor;
        if (soft) slope -= VEC(f->soft + t->leaf[k] * ROWS) * VEC(f->own_near + group);
        if (weight) slope -= VEC(f->spread_near + group) * (REAL)weight[t->units + t->leaf[k]];
        else if (smooth) slope -= VEC(f->spread_near + group);
        VEC(e) = slope;
    }
}

/* Odds of the units u, u - 1, .. of some at once, whose calculations then overlap, and their log1p. */
INLINE void NAME(odds_of_some)(const NAME(lanes) *f, int64_t u, int64_t some, dvec (*odds)[PARTS], REAL (*log)[ROWS],
                               int logs)
{
    for (int64_t k = 0; k < some; k++)
        for (int h = 0; h < PARTS; h++) {
            const dvec mass = f->mass[(u - k) * PARTS + h];
            odds[k][h] = (f->whole[h] - mass) * reciprocal(mass, FLOAT);
        }
    for (int64_t k = 0; f->is_sure && k < some; k++)
        for (int i = 0; f->sure[u - k] && i < ROWS; i++)
            if (f->sure[u - k] >> i & 1) odds[k][i / DOUBLES][i % DOUBLES] = ((double *)(f->left + (u - k) * PARTS))[i];
    for (int64_t k = 0; logs && k < some; k++) VEC(log[k]) = NAME(log1p_lanes)(NAME(narrowed)(odds[k]));
}

/* From the root down: odds, costs of the units, S - D and H of each, and the gradient. Of a spread part alone
   logarithms are those of products of eight odds; those of the targets' own parts are added by spread_points. */
INLINE void NAME(units_going_down)(NAME(lanes) *f, const units *t, const spread_call *c, const double *weight, int soft,
                                   int smooth)
{
    enum { SOME = 4 };
    const int64_t U = t->units;
    const int products = smooth && !soft && !weight;
    const dvec none = {0};
    dvec product[PARTS], cost[PARTS], over[PARTS], tiny[PARTS], odds[SOME][PARTS];
    qvec lost[PARTS] = {{0}};
    REAL log[SOME][ROWS] __attribute__((aligned(64)));
    for (int h = 0; h < PARTS; h++) {
        product[h] = none + 1;
        cost[h] = f->cost[h];
        f->left[U * PARTS + h] = f->total[h];
        f->H[U * PARTS + h] = none;
        over[h] = 1 / f->whole[h];
        tiny[h] = 1e-28 * f->total[h] * f->total[h]; /* a rounding of S - D, squared */
    }
    NAME(own_targets)(f, t, soft, smooth);
    if (c->gradient) NAME(slopes_of)(f, t, weight, U, over, tiny, soft, smooth);
    for (int64_t u = U - 1, many = 0, k = 0; u >= 0; u--, k = (k + 1) % SOME) {
        const int ends = ++many == 8 || u == 0 || t->group[u - 1] != t->group[u];
        if (k == 0 && u + 1 >= SOME) NAME(odds_of_some)(f, u, SOME, odds, log, !products);
        else if (k == 0) NAME(odds_of_some)(f, u, u + 1, odds, log, !products);
        for (int h = 0; h < PARTS; h++) {
            const int64_t at = u * PARTS + h, above = t->parent[u] * PARTS + h;
            const dvec A = NAME(said)(f, t, weight, u, h, soft, smooth), counts = NAME(where)(A, odds[k][h]);
            f->left[at] = f->left[above] - A;
            f->H[at] = f->H[above] + NAME(where)(A, A * odds[k][h]);
            lost[h] |= ~(counts <= SMALL_MASS); /* or NaN */
            if (!products) cost[h] += NAME(where)(A, A * WIDE(log[k] + h * DOUBLES));
            else product[h] *= 1 + odds[k][h];
            if (!products || !ends) continue;
            const dvec spread = f->spread[t->group[u] * PARTS + h];
            cost[h] += NAME(where)(spread, spread * log1p_vec(product[h] - 1));
            product[h] = none + 1;
        }
        many = ends ? 0 : many;
        if (c->gradient) NAME(slopes_of)(f, t, weight, u, over, tiny, soft, smooth);
    }
    for (int h = 0; h < PARTS; h++) {
        f->cost[h] = cost[h];
        f->lost[h] = lost[h];
    }
}

/* With products: what is to be added for the ancestors of the targets. */
static void NAME(spread_points)(NAME(lanes) *f, const units *t, const spread_call *c, int64_t row, int count)
{
    double odds[MOST_ENTRIES][ROWS], said[MOST_ENTRIES][ROWS], *cost = (double *)f->cost;
    int64_t longest = 0;
    memset(said, 0, sizeof said);
    memset(odds, 0, sizeof odds);
    for (int i = 0; i < count; i++) {
        const int64_t y = c->target[row + i];
        if (f->own[i] == 0) continue;
        for (int64_t s = t->point_start[y], k = 0; s < t->point_start[y + 1]; s++, k++) {
            const int64_t u = t->point[s];
            longest = k + 1 > longest ? k + 1 : longest;
            if (u >= t->units) continue;
            said[k][i] = f->own[i] * t->point_weight[s];
            odds[k][i] = said[k][i] == 0 ? 0 : NAME(odds_of)(f, u, i);
        }
    }
    for (int64_t k = 0; k < longest; k++)
        for (int i = 0; i < ROWS; i++) cost[i] += said[k][i] * log1p_of(odds[k][i]);
}

static void NAME(spread_down)(NAME(lanes) *f, const units *t, const spread_call *c, int64_t row, int count)
{
    const int soft = !c->target, smooth = c->smoothing > 0;
    const double *weight = smooth ? c->unit_weight : 0;
    if (soft && !smooth) NAME(units_going_down)(f, t, c, 0, 1, 0);
    else if (smooth && !soft && !weight) {
        NAME(spread_points)(f, t, c, row, count);
        NAME(units_going_down)(f, t, c, 0, 0, 1);
    } else NAME(units_going_down)(f, t, c, weight, soft, smooth);
}

/* The first class of lane i with the largest logit, whose exponential is 1. */
INLINE int64_t NAME(top_class)(const NAME(lanes) *f, int64_t classes, int i)
{
    int64_t top = 0;
    while (top + 1 < classes && f->e[top * ROWS + i] != 1) top++;
    return top;
}

/* What single classes of lane i get: that of its target, and one with most of the mass, whose gradient is a
   difference of like numbers: in double. */
static void NAME(single_classes)(NAME(lanes) *f, const units *t, const spread_call *c, int i)
{
    const int64_t top = f->top[i], y = f->leaf[i], u = t->above[top];
    const double whole = ((double *)f->whole)[i];
    if (y >= 0 && c->gradient) f->e[y * ROWS + i] -= (REAL)f->leaf_point[i];
    if (!(whole < 2)) return;
    const int64_t leaf = t->units + top;
    double A = ((double *)(f->spread + t->leaf_group[u] * PARTS))[i];
    if (c->unit_weight && c->smoothing > 0) A *= c->unit_weight[leaf];
    if (!c->target) A += f->soft[top * ROWS + i] * ((double *)f->share)[i] * (t->leaf_run ? t->leaf_run[u] : 1);
    if (y == top) A += f->leaf_point[i];
    const double beside = f->beside[i], own = 1; /* the exponential of 0 */
    double left = ((double *)(f->left + u * PARTS))[i] - A;
    if (fabs(left) <= 1e-14 * fabs(((double *)f->total)[i])) left = 0;
    if (A != 0) ((double *)f->cost)[i] += A * (log1p_of(beside / own) - log1p_of(whole - 1));
    if (c->gradient)
        f->e[top * ROWS + i] = (REAL)((own * (left - ((double *)(f->H + u * PARTS))[i]) - A * beside) / whole);
}

static void NAME(run_spread)(spread_part *p)
{
    const units *t = p->t;
    const spread_call *c = p->c;
    const int64_t U = t->units, C = t->classes, D = c->places, sources = c->target ? 0 : c->sources;
    const int64_t vectors = (U + 1) + U + 2 * (U + 1) + 2 * t->groups;
    const int64_t short_vectors = C + sources + 2 * t->groups;
    const size_t bytes = sizeof(dvec) * PARTS * (size_t)vectors + sizeof(REAL) * ROWS * (size_t)short_vectors
                         + sizeof(uint32_t) * (size_t)U;
    void *whole = malloc(bytes + 63); /* not aligned_alloc, which Windows lacks */
    char *room = (char *)(((uintptr_t)whole + 63) & ~(uintptr_t)63);
    if (!whole) {
        p->failed = 1;
        return;
    }
    NAME(lanes) f;
    f.mass = (dvec *)room;
    f.left = f.mass + (U + 1) * PARTS;
    f.H = f.left + (U + 1) * PARTS;
    f.spread = f.H + (U + 1) * PARTS;
    f.by_run = f.spread + t->groups * PARTS;
    f.point = f.by_run + t->groups * PARTS;
    f.e = (REAL *)(f.point + U * PARTS);
    f.soft = f.e + C * ROWS;
    f.own_near = f.soft + sources * ROWS;
    f.spread_near = f.own_near + t->groups * ROWS;
    f.sure = (uint32_t *)(f.spread_near + t->groups * ROWS);
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
        f.is_sure = 0;
        for (int i = 0; i < count; i++) {
            f.beside[i] = ((double *)f.whole)[i] - 1;
            f.top[i] = ((double *)f.whole)[i] < 2 ? NAME(top_class)(&f, C, i) : 0;
            if (f.unit[i] != 0 && ((double *)f.least)[i] < 1e-6) NAME(sure_path)(&f, t, i);
        }
        NAME(spread_down)(&f, t, c, row, count);
        for (int i = 0; i < count; i++) {
            const int alive = f.unit[i] != 0;
            NAME(single_classes)(&f, t, c, i);
            const double cost = ((double *)f.cost)[i];
            const int lost = alive && !(((int64_t *)f.lost)[i] == 0 && fabs(cost) < INFINITY
                                        && ((double *)f.whole)[i] >= 1);
            p->costs[row + i] = alive && !lost ? cost : 0;
            if (c->lost) c->lost[row + i] = (uint8_t)lost;
            p->lost_rows += lost;
            if (c->gradient && !alive)
                for (int64_t j = 0; j < C; j++) f.e[j * ROWS + i] = 0;
        }
        if (c->gradient) NAME(store_tile)(f.e, to, c->gradient_by_class, C, out, count);
    }
    free(whole);
}
