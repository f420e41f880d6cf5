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
    /* Logits and slopes of a tile, and scratch. */
    const int64_t scratch = !t->order ? C + PAD : 2 * (C + PAD) + (gradient ? 0 : 4 * C);
    REAL *z = malloc(sizeof(REAL) * (size_t)((in_place ? 0 : 2 * C * most) + scratch));
    if (!z) {
        p->failed = 1;
        return;
    }
    REAL *slopes = z + C * most, *e = in_place ? z : slopes + C * most;
    NAME(job) jobs[4];
    int waiting = 0;
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
            REAL *out = !gradient ? 0 : in_place ? to : slopes + i * C;
            waiting += NAME(is_job)(p, row + i, in_place ? from : z + i * C, out, jobs + waiting);
            const int last = i + 1 == count && (!in_place || row + count == p->last);
            if (!t->order && waiting) p->lost_rows += NAME(row)(jobs, e, t);
            else if (waiting == 4 || (waiting && last)) p->lost_rows += NAME(rows_of_blocks)(jobs, waiting, e, t);
            else continue;
            waiting = 0;
        }
        if (!in_place && gradient)
            for (int64_t j = 0; j < C; j++)
                for (int64_t i = 0; i < count; i++)
                    to[j * c->gradient_by_class + i * c->gradient_by_place] = slopes[i * C + j];
        row += count;
    }
    free(z);
}
