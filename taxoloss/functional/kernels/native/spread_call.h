/* The loss where a target is spread over nodes: label smoothing, probabilities of classes or of nodes.

   Let T_l(n) be what a target says of node n of level l, S the sum of all T. With p = softmax(z), P(n) the sum
   of p below n and n_l(j) the node of level l above class j,

       loss = sum over l, n of T_l(n) (-log P(n))
       dz_j = p_j (S - sum over l of T_l(n_l(j)) / P(n_l(j)))

   T_l(n) is: for a target y, (1 - e) w_l(y) weight[y] at its ancestor, and w_l(y) e / W_l weight[n] at each of
   the W_l nodes; for probabilities q the sum over classes, or nodes, c with ancestor n of (1 - e) q_c weight_c
   w_l(c), and the same spread. Nodes with the same classes have the same P, so their T are added: the sums go
   over the units u of units.py, each once, A(u) the sum of T over the levels of its run, and over the classes:

       dz_j = p_j F(j) - A(j),   F(j) = S - sum over u above j of A(u) / P(u)

   since p_j / P(j) = 1. A class alone needs no division and no logarithm: -log P(j) = log(whole) - (z_j - max).

   Where P -> 1 digits would be lost. With Q(u) = 1 - P(u) and odds Q / P,

       F(j) = (S - D(j)) - H(j),   D = sum over u above j of A(u),   H = the same of A(u) odds(u)
       -log P(u) = log1p(odds(u))
       dz_j = p_j (S - D(j) - A(j) - H(j)) - A(j) Q(j)      of a class with P(j) near 1

   S - D is a difference of sums of targets: 0 to a rounding where all of a target is above j, and then 0. Odds
   are (whole - mass) / mass, but for the units (a path from the top) whose odds are small: there the masses
   beside the path are added up, going down.

   A lane of a vector is a row: the tree is the same for all of them, and so is the order of the classes. Rows
   whose masses underflow, or whose costs are no number, are left to the caller. */

enum { MOST_ENTRIES = MOST_LEVELS };

/* Tables of a taxonomy; C classes, U units, K levels, T targets, G runs of levels. */
typedef struct {
    int64_t classes, units, levels, targets, groups;
    const int64_t *leaf, *leaf_start;   /* (C,), (U + 2,): classes right below each unit, the root last */
    const int64_t *kid, *kid_start;     /* (U,), (U + 2,): units right below */
    const int64_t *parent, *above;      /* (U,), (C,): the unit right above a unit, a class */
    const int64_t *first, *last;        /* (G,): runs */
    const int64_t *group, *leaf_group;  /* (U + 1,): the run of a unit, of the classes right below it */
    const double *per_node;             /* (K,): 1 / W_l */
    const double *weights;              /* (T, K) */
    const int64_t *point_start, *point; /* (T + 1,), (n,): units to which a target brings something */
    const double *point_weight;         /* (n,) */
    const double *run, *leaf_run;       /* (U + 1,): weights of runs, where all classes share them; or null */
    const double *group_run;            /* (G,): the same of each run; or null */
    /* And then what of probabilities belongs to a unit besides that of the classes below, and to a class besides its
       own: (U + 2,), where the parts of a unit start, and those of classes after the last; of which targets, classes */
    const int64_t *part_start, *part, *part_class;
    const double *part_weight;
} units;

/* Logits (N, C, D), targets and what is made of them; strides in numbers. */
typedef struct {
    int64_t samples, places;
    const void *logits;
    int64_t logits_by_sample, logits_by_class, logits_by_place;
    const int64_t *target;       /* (N * D,), or null: then probabilities */
    const void *soft;            /* (N, sources, D) in the dtype of the logits: of classes, or of targets */
    int64_t sources, soft_by_sample, soft_by_class, soft_by_place;
    const double *row_uniform;   /* (N * D, K): with probabilities, weights of the spread part; or null */
    const double *own_weight;    /* (T,): weights of targets; null: 1 each */
    const double *unit_weight;   /* (U + C,): weights of units in the spread part; null: 1 each */
    double smoothing;
    int64_t ignored, mean;
    void *gradient;              /* (N, C, D), or null */
    int64_t gradient_by_sample, gradient_by_class, gradient_by_place;
    void *losses, *total;        /* (N * D,) or null; their sum or null; in the dtype of the logits */
    uint8_t *lost;               /* (N * D,), or null: rows that are to be done again; they add nothing */
    int64_t threads;
    double sum, count;           /* written: of the losses; what a mean divides by */
    int64_t bad_row, lost_rows;  /* written: the first row whose target is none, or -1; to be done again */
    int64_t look;                /* whether to look for probabilities; written: whether the first rows may be some */
} spread_call;

typedef struct {
    const units *t;
    const spread_call *c;
    int64_t first, last;
    double factor, *costs;
    int64_t lost_rows;
    int failed;
} spread_part;

/* 1 / x, to two units of the last digit; or to 27 binary digits. NaN, not an infinity, of 0. */
INLINE dvec reciprocal(dvec x, int to_float)
{
#if WIDTH == 64
    /* Newton's steps from 14 binary digits: a quarter of a division's time. */
    dvec r = (dvec)_mm512_rcp14_pd((__m512d)x);
    r += r * (1 - x * r);
    return to_float ? r : r + r * (1 - x * r);
#else
    (void)to_float;
    return 1 / x;
#endif
}

/* log1p_of in each part of a vector. */
INLINE dvec log1p_vec(dvec x)
{
    const dvec none = {0}, one = none + 1, u = 1 + x, low = x - (u - 1);
    const qvec bits = (qvec)u;
    const dvec m = (dvec)((bits & 0xfffffffffffff) | 0x3ff0000000000000);
    const dvec n = (dvec)(((bits >> 52) & 0xfff) | 0x4330000000000000) - (4503599627370496.0 + 1023);
    const qvec big = m > 1.4142135623730951;
    const dvec f = (dvec)(((qvec)(m * 0.5) & big) | ((qvec)m & ~big));
    const dvec exponent = n + (dvec)((qvec)one & big);
    const dvec s = (f - 1) * reciprocal(f + 1, 0), q = s * s;
    const dvec series = 1 + q * (1 / 3. + q * (1 / 5. + q * (1 / 7. + q * (1 / 9. + q * (1 / 11. + q * (1 / 13.
                        + q * (1 / 15. + q * (1 / 17. + q * (1 / 19.)))))))));
    return exponent * 0.6931471805599453 + 2 * s * series + (dvec)((qvec)(low * reciprocal(u, 0)) & (qvec)(x < 1e15));
}
