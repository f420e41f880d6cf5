/* The rows of one thread, for REAL = float or double; included once for each. */

/* Rows that lie apart in memory are copied this many numbers at a time. */
#define TILE 16384

static void NAME(run)(part *p)
{
    const tree *t = p->t;
    const call *c = p->c;
    const int64_t C = t->classes, D = c->places;
    const int gradient = c->gradient != 0;
    const int in_place = c->logits_by_class == 1 && (!gradient || c->gradient_by_class == 1);
    const int64_t most = in_place ? 1 : TILE / C < 1 ? 1 : TILE / C > 64 ? 64 : TILE / C;
    /* Logits and slopes of a tile; of one row exponentials, those of its widest range, and these scaled. */
    REAL *z = malloc(sizeof(REAL) * (size_t)(2 * C * most + 3 * (C + PAD)));
    if (!z) {
        p->failed = 1;
        return;
    }
    REAL *slopes = z + C * most, *e = slopes + C * most, *inner = e + C + PAD, *scaled = inner + C + PAD;
    for (int64_t row = p->first; row < p->last;) {
        const int64_t n = row / D, d = row % D;
        int64_t count = D - d < p->last - row ? D - d : p->last - row;
        count = count < most ? count : most;
        const REAL *from = (const REAL *)c->logits + n * c->logits_by_sample + d * c->logits_by_place;
        REAL *to = 0;
        if (gradient) to = (REAL *)c->gradient + n * c->gradient_by_sample + d * c->gradient_by_place;
        if (!in_place)
            for (int64_t j = 0; j < C; j++)
                for (int64_t i = 0; i < count; i++)
                    z[i * C + j] = from[j * c->logits_by_class + i * c->logits_by_place];
        for (int64_t i = 0; i < count; i++) {
            const int64_t y = c->target[row + i];
            double factor = y == c->ignored ? 0 : p->factor;
            if (factor != 0 && c->node_weight) factor = weighted(factor, c->node_weight[y]);
            REAL *out = !gradient ? 0 : in_place ? to : slopes + i * C;
            const double *w = c->row_weights ? c->row_weights + (row + i) * t->levels : 0;
            const int lost = NAME(row)(in_place ? from : z + i * C, out, e, inner, scaled, t, y, w, factor,
                                       p->costs + row + i);
            if (lost) p->costs[row + i] = 0;
            if (c->lost) c->lost[row + i] = (uint8_t)lost;
            p->lost_rows += lost;
        }
        if (!in_place && gradient)
            for (int64_t j = 0; j < C; j++)
                for (int64_t i = 0; i < count; i++)
                    to[j * c->gradient_by_class + i * c->gradient_by_place] = slopes[i * C + j];
        row += count;
    }
    free(z);
}
