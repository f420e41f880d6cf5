/* The taxonomy loss and its gradient on a CPU, a row at a time: see rows.h for the mathematics.

   C11, and no library but libm and the threads of POSIX. It knows neither torch nor Python: it is handed
   addresses, sizes and strides, which its caller has checked. It keeps nothing between calls. */

#include <math.h>
#if defined(__AVX2__)
#include <immintrin.h>
#endif
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

enum { MOST_LEVELS = 64, MOST_FEW_CLASSES = 64, MOST_FEW_LEVELS = 8, MOST_COMPARISONS = 256,
       PAD = 16, MOST_BLOCKS = 32, STRETCH = 1024 };

/* What a loss looks up: C classes, T targets, K levels that some target weighs. */
typedef struct {
    int64_t classes, targets, levels;
    const int64_t *edges;    /* (T, 2K): starts of the ancestors' ranges, widest first, then their stops inside out */
    const double *weights;   /* (T, K) */
    const int64_t *order;    /* (C,): position -> class; null: the same */
    const int64_t *position; /* (C,): class -> position; null: the same */
    /* With an order: blocks of positions, see blocks.h. */
    int64_t blocks;
    const int64_t *first;    /* (blocks + 1,): their positions */
    const uint8_t *block_at; /* (C + 1,): position -> block */
    const uint8_t *block;    /* (C,): class -> block */
    const uint16_t *listed;  /* by stretch and block four times the columns from the stretch's start, filled up
                                with 4 STRETCH to multiples of 4 */
    const int32_t *ends;     /* (stretches, blocks): where these lists end */
} tree;

/* Logits (N, C, D) in class order and what is made of them; strides in numbers. */
typedef struct {
    int64_t samples, places;
    const void *logits;
    int64_t logits_by_sample, logits_by_class, logits_by_place;
    const int64_t *target;       /* (N * D,) */
    const double *node_weight;   /* (T,): class weights; null: 1 each */
    const double *row_weights;   /* (N * D, K), in the place of the targets' rows of the table; or null */
    int64_t ignored;             /* targets of this number cost nothing; with row_weights none is ignored */
    int64_t mean;                /* whether to divide by the weight of the targets that are not ignored */
    void *gradient;              /* (N, C, D), or null */
    int64_t gradient_by_sample, gradient_by_class, gradient_by_place;
    void *losses;                /* (N * D,) in the dtype of the logits, or null; without it */
    void *total;                 /* their sum, a scalar of that dtype, or null */
    uint8_t *lost;               /* (N * D,), or null: rows that are to be done again; they add nothing */
    int64_t threads;
    double sum;                  /* written: of the losses */
    double count;                /* written: what a mean divides by */
    int64_t bad_row;             /* written: the first row whose target is none, or -1 */
    int64_t lost_rows;           /* written: how many are to be done again */
    int64_t look;                /* whether to look for probabilities; written: whether the first rows may be some */
} call;

/* A piece of the work: rows first .. last of the N * D. */
typedef struct {
    const tree *t;
    const call *c;
    int64_t first, last;
    double factor;  /* 1, or 1 / count */
    double *costs;  /* (N * D,) */
    int64_t lost_rows;
    int failed;     /* no memory */
} part;

/* Vectors as wide as the processor's. */
#if defined(__AVX512F__) && defined(__AVX512DQ__)
#define WIDTH 64
#define LANE {0, 1, 2, 3, 4, 5, 6, 7}
#elif defined(__AVX2__)
#define WIDTH 32
#define LANE {0, 1, 2, 3}
#else
#define WIDTH 16
#define LANE {0, 1}
#endif
enum { DOUBLES = WIDTH / 8 };
/* A factor times a class weight; 0 whatever the factor is, but for NaN: nothing was counted. */
static inline double weighted(double factor, double weight)
{
    return weight == 0 && factor == factor ? 0 : factor * weight;
}

typedef double dvec __attribute__((vector_size(WIDTH)));
typedef double dquad __attribute__((vector_size(4 * sizeof(double))));
typedef uint64_t uvec __attribute__((vector_size(WIDTH)));
typedef int64_t qvec __attribute__((vector_size(WIDTH)));
typedef union {
    double real;
    uint64_t integer;
} bits_of_double;

/* log(1 + x) for x >= 0, to two units of the last digit, without a branch; anything for NaN and inf.
   With 1 + x = 2^n m, m from sqrt(1/2) to sqrt(2), and s = (m - 1) / (m + 1):
   log(1 + x) = n log(2) + 2 (s + s^3 / 3 + s^5 / 5 + ..), and what 1 + x lost of x is added, over 1 + x. */
INLINE double log1p_of(double x)
{
    const double u = 1 + x, low = u - 1 < x ? x - (u - 1) : -((u - 1) - x);
    bits_of_double m, n;
    m.real = u;
    n.integer = (m.integer >> 52) | 0x4330000000000000u;  /* 2^52 + exponent, as a number */
    m.integer = (m.integer & 0xfffffffffffffu) | 0x3ff0000000000000u;
    const int big = m.real > 1.4142135623730951;
    const double f = big ? m.real * 0.5 : m.real;
    const double exponent = n.real - (4503599627370496.0 + 1023) + (big ? 1.0 : 0.0);
    const double s = (f - 1) / (f + 1), q = s * s;
    const double series = 1 + q * (1 / 3. + q * (1 / 5. + q * (1 / 7. + q * (1 / 9. + q * (1 / 11. + q * (1 / 13.
                          + q * (1 / 15. + q * (1 / 17. + q * (1 / 19.)))))))));
    return exponent * 0.6931471805599453 + 2 * s * series + (x < 1e15 ? low / u : 0);
}

#include "block_rings.h"
#include "threads.h"
#include "spread_call.h"
#include "levels.h"

#define FLOAT 1
#include "real.h"
#include "rows.h"
#include "blocks.h"
#include "parts.h"
#include "squares.h"
#include "few.h"
#include "spread.h"
#include "spread_down.h"
#include "masses.h"
#undef FLOAT
#define FLOAT 0
#include "real.h"
#include "rows.h"
#include "blocks.h"
#include "parts.h"
#include "squares.h"
#include "few.h"
#include "spread.h"
#include "spread_down.h"
#include "masses.h"

/* The weight of the targets that are counted, and the first that is none of T. */
static void count_targets(const tree *t, call *c)
{
    const int64_t rows = c->samples * c->places;
    double weight = 0;
    int64_t counted = 0;
    c->bad_row = -1;
    for (int64_t i = 0; i < rows; i++) {
        const int64_t y = c->target[i];
        if (y == c->ignored && !c->row_weights) continue;
        if (y < 0 || y >= t->targets) {
            c->bad_row = i;
            return;
        }
        counted++;
        if (c->node_weight) weight += c->node_weight[y];
    }
    c->count = c->node_weight ? weight : (double)counted;
}

static void *run_float(void *p) { run_f(p); return 0; }
static void *run_double(void *p) { run_d(p); return 0; }
static void *run_few_float(void *p) { run_few_f(p); return 0; }
static void *run_few_double(void *p) { run_few_d(p); return 0; }
static void *run_levels_float(void *p) { run_levels_f(p); return 0; }
static void *run_levels_double(void *p) { run_levels_d(p); return 0; }
static void *run_paths_float(void *p) { run_paths_f(p); return 0; }
static void *run_paths_double(void *p) { run_paths_d(p); return 0; }

/* Whether the first rows of logits (N, C) lie in [0, 1] and sum to about 1; most often the first numbers tell. */
static int may_be_probabilities(const void *logits, int64_t samples, int64_t classes, int64_t by_sample,
                                int64_t by_class, int is_double)
{
    for (int64_t i = 0; i < samples && i < 8; i++) {
        double sum = 0;
        for (int64_t j = 0; j < classes; j++) {
            const int64_t at = i * by_sample + j * by_class;
            const double z = is_double ? ((const double *)logits)[at] : (double)((const float *)logits)[at];
            if (!(z >= 0 && z <= 1)) return 0;
            sum += z;
        }
        if (!(fabs(sum - 1) < 0.01)) return 0;
    }
    return samples > 0;
}

/* Writes losses and their sum, where there is a place for them; NaN for a mean of nothing. Returns the sum, in the
   order of the rows: the same for any number of threads. */
static double hand_over(const double *costs, int64_t rows, int counted, void *losses, void *sum, int is_double)
{
    double total = 0;
    for (int64_t i = 0; i < rows; i++) total += costs[i];
    if (!counted) total = NAN;
    for (int64_t i = 0; losses && i < rows; i++) {
        if (is_double) ((double *)losses)[i] = costs[i];
        else ((float *)losses)[i] = (float)costs[i];
    }
    if (sum && is_double) *(double *)sum = total;
    else if (sum) *(float *)sum = (float)total;
    return total;
}

/* Losses and gradient. Returns 0; 1 where a target is none (bad_row; nothing is written); 2 without memory. */
int ENTRY(taxoloss_rows)(const tree *t, call *c, int is_double)
{
    const int64_t rows = c->samples * c->places;
    const int few = t->classes <= MOST_FEW_CLASSES && t->levels <= MOST_FEW_LEVELS
                    && t->classes * t->levels <= MOST_COMPARISONS;
    void *(*run)(void *) = few ? is_double ? run_few_double : run_few_float : is_double ? run_double : run_float;
    part parts[MOST_PIECES];
    c->lost_rows = 0;
    c->look = c->look && may_be_probabilities(c->logits, c->samples, t->classes, c->logits_by_sample,
                                              c->logits_by_class, is_double);
    count_targets(t, c);
    if (c->bad_row >= 0) return 1;
    const double factor = !c->mean ? 1 : c->count == 0 ? NAN : 1 / c->count;
    double *costs = malloc(sizeof(double) * (size_t)(rows + 1));
    if (!costs) return 2;
    const int64_t threads = threads_for(c->threads, rows * t->classes), pieces = pieces_for(threads, rows);
    for (int64_t i = 0; i < pieces; i++) {
        const part own = {t, c, rows * i / pieces, rows * (i + 1) / pieces, factor, costs, 0, 0};
        parts[i] = own;
    }
    run_all(run, parts, sizeof(part), pieces, threads, c->threads);
    int failed = 0;
    for (int64_t i = 0; i < pieces; i++) {
        c->lost_rows += parts[i].lost_rows;
        failed |= parts[i].failed;
    }
    const int counted = !(c->mean && c->count == 0);
    c->sum = hand_over(costs, rows, counted, c->losses, c->total, is_double);
    free(costs);
    return failed ? 2 : 0;
}

/* Answers, masses or log-odds. Returns 0; 1 where a class is none (bad_row; nothing is written); 2 without memory. */
int ENTRY(taxoloss_levels)(const level_tree *t, level_call *c, int is_double)
{
    const int64_t rows = c->samples * c->places;
    void *(*run)(void *) = c->odds ? is_double ? run_paths_double : run_paths_float
                                   : is_double ? run_levels_double : run_levels_float;
    level_part parts[MOST_PIECES];
    c->lost_rows = 0;
    c->bad_row = -1;
    for (int64_t i = 0; c->odds && i < rows; i++)
        if (c->chosen[i] < 0 || c->chosen[i] >= t->classes) {
            c->bad_row = i;
            return 1;
        }
    const int64_t threads = threads_for(c->threads, rows * t->classes), pieces = pieces_for(threads, rows);
    for (int64_t i = 0; i < pieces; i++) {
        const level_part own = {t, c, rows * i / pieces, rows * (i + 1) / pieces, 0, 0};
        parts[i] = own;
    }
    run_all(run, parts, sizeof(level_part), pieces, threads, c->threads);
    int failed = 0;
    for (int64_t i = 0; i < pieces; i++) {
        c->lost_rows += parts[i].lost_rows;
        failed |= parts[i].failed;
    }
    return failed ? 2 : 0;
}

#include "spread_entry.h"
