/* What metrics count of a batch, from the answers of each level: sums of integers, so that no order matters. */

enum { FACTS = 10 }; /* those of node_tensors.FACTS, in their order */

/* Looked up: V nodes, the root last, and L levels. */
typedef struct {
    int64_t nodes, levels, heights; /* heights: of the root, and 1 */
    const int64_t *lines;           /* (V, L + 1): the root, and a node's ancestors */
    const int64_t *ancestors;       /* (V, L): their numbers on each level */
    const uint8_t *counted;         /* (V, L): whether a target counts on a level */
    const int64_t *depth, *height;  /* (V,) */
} tally_tree;

typedef struct {
    int64_t rows;
    const int64_t *best;    /* (R, L): the answers; on the deepest level the class */
    const void *stated;     /* (R, L): their probabilities */
    const int64_t *target;  /* (R,): in 0..targets-1, of V at most; the root, which tells nothing, is not counted */
    int64_t targets;
    int64_t ignored;        /* a target that is not counted either, whatever it is */
    int64_t bins;
    /* The sums, in the order of tallies.Tally; null: of no interest. */
    int64_t *mistakes, *distances, *edges; /* (2,) */
    int64_t *shared;        /* (4,) */
    int64_t *levels;        /* (2L,): right and counted on each level */
    int64_t *paths;         /* (2,): right and counted */
    int64_t *counts;        /* (heights + 2V,): rows by the height of the LCA, by answer and by target */
    int64_t *calibration;   /* (L, bins, 3): rows, those that are right, and the sum of what was stated */
} tally_call;

/* Whether all targets are some, or ignored. */
static int targets_are_sound(const tally_call *c)
{
    int sound = 1;
    for (int64_t i = 0; i < c->rows; i++)
        sound &= (uint64_t)c->target[i] < (uint64_t)c->targets || c->target[i] == c->ignored;
    return sound;
}

static int is_counted(const tally_tree *t, const tally_call *c, int64_t row)
{
    return c->target[row] != c->ignored && c->target[row] != t->nodes - 1;
}

static void add_to(int64_t *sums, const int64_t *values, int64_t count)
{
    for (int64_t i = 0; sums && i < count; i++) sums[i] += values[i];
}

/* Adds a batch, whose targets are sound, to its sums. */
static void tally_of(const tally_tree *t, const tally_call *c, int is_double)
{
    const int64_t L = t->levels, V = t->nodes;
    int64_t sums[FACTS] = {0}, paths[2] = {0};
    for (int64_t i = 0; i < c->rows; i++) {
        const int64_t y = c->target[i], *best = c->best + i * L, answer = best[L - 1];
        if (!is_counted(t, c, i)) continue;
        const int64_t *one = t->lines + answer * (L + 1), *other = t->lines + y * (L + 1);
        const int64_t *wanted = t->ancestors + y * L;
        const uint8_t *counted = t->counted + y * L;
        int64_t agree = 0, whole = 1;
        for (int64_t l = 0; l <= L; l++) agree += one[l] == other[l];
        const int64_t lca = other[agree - 1], below = lca == y, distance = below ? 0 : t->height[lca];
        const int64_t shared = t->depth[lca], depth = t->depth[y], said = t->depth[answer];
        const int64_t facts[FACTS] = {distance, !below, distance, 1, below ? 0 : said + depth - 2 * shared, 1,
                                      shared, below ? depth : said, depth, 1};
        add_to(sums, facts, FACTS);
        if (c->counts) {
            c->counts[distance]++;
            c->counts[t->heights + answer]++;
            c->counts[t->heights + V + y]++;
        }
        for (int64_t l = 0; l < L; l++) {
            if (!counted[l]) continue;
            const int64_t right = best[l] == wanted[l];
            whole &= right;
            if (c->levels) {
                c->levels[l] += right;
                c->levels[L + l]++;
            }
            if (!c->calibration) continue;
            const double p = is_double ? ((const double *)c->stated)[i * L + l] : ((const float *)c->stated)[i * L + l];
            int64_t bin = is_double ? (int64_t)(p * (double)c->bins) : (int64_t)((float)p * (float)c->bins);
            bin = bin < 0 ? 0 : bin < c->bins ? bin : c->bins - 1;
            int64_t *cell = c->calibration + (l * c->bins + bin) * 3;
            cell[0]++;
            cell[1] += right;
            cell[2] += (int64_t)rint(p * 1073741824.0); /* multiples of 2^-30 */
        }
        paths[0] += whole;
        paths[1]++;
    }
    add_to(c->mistakes, sums, 2);
    add_to(c->distances, sums + 2, 2);
    add_to(c->edges, sums + 4, 2);
    add_to(c->shared, sums + 6, 4);
    add_to(c->paths, paths, 2);
}
