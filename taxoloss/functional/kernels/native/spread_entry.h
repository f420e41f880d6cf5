/* The function that is called for spread targets; after spread.h for both kinds of numbers. */

/* The weight of the targets that are counted, and the first that is none of T. */
static void count_spread(const units *t, spread_call *c)
{
    const int64_t rows = c->samples * c->places;
    double weight = 0;
    int64_t counted = 0;
    c->bad_row = -1;
    c->count = (double)rows;
    for (int64_t i = 0; c->target && i < rows; i++) {
        const int64_t y = c->target[i];
        if (y == c->ignored) continue;
        if (y < 0 || y >= t->targets) {
            c->bad_row = i;
            return;
        }
        counted++;
        if (c->own_weight) weight += c->own_weight[y];
    }
    if (c->target) c->count = c->own_weight ? weight : (double)counted;
}

static void *spread_float(void *p) { run_spread_f(p); return 0; }
static void *spread_double(void *p) { run_spread_d(p); return 0; }

/* Losses and gradient. Returns 0; 1 where a target is none (bad_row); 2 without memory; 3 where a mean would
   divide by 0 or by no number. Where it is not 0, nothing is to be read. */
int ENTRY(taxoloss_spread)(const units *t, spread_call *c, int is_double)
{
    const int64_t rows = c->samples * c->places;
    void *(*run)(void *) = is_double ? spread_double : spread_float;
    spread_part parts[MOST_PIECES];
    c->lost_rows = 0;
    c->look = c->look && may_be_probabilities(c->logits, c->samples, t->classes, c->logits_by_sample,
                                              c->logits_by_class, is_double);
    count_spread(t, c);
    if (c->bad_row >= 0) return 1;
    if (c->mean && !(c->count != 0 && fabs(c->count) < INFINITY)) return 3;
    double *costs = malloc(sizeof(double) * (size_t)(rows + 1));
    if (!costs) return 2;
    /* A piece has whole vectors of rows. */
    const int64_t lanes = WIDTH / (is_double ? 8 : 4), tiles = (rows + lanes - 1) / lanes;
    const int64_t threads = threads_for(c->threads, rows * t->classes), pieces = pieces_for(threads, tiles);
    for (int64_t i = 0; i < pieces; i++) {
        const int64_t first = tiles * i / pieces * lanes, last = tiles * (i + 1) / pieces * lanes;
        const spread_part own = {t, c, first, last < rows ? last : rows, c->mean ? 1 / c->count : 1, costs, 0, 0};
        parts[i] = own;
    }
    run_all(run, parts, sizeof(spread_part), pieces, threads, c->threads);
    int failed = 0;
    for (int64_t i = 0; i < pieces; i++) {
        c->lost_rows += parts[i].lost_rows;
        failed |= parts[i].failed;
    }
    c->sum = hand_over(costs, rows, 1, c->losses, c->total, is_double);
    free(costs);
    return failed ? 2 : 0;
}
