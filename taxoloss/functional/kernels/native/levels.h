/* What metrics and decisions ask of logits: the most probable node of each level, masses, log-odds of paths.

   Classes are visited in depth-first order, so that the nodes of each level end one after the other. */

/* C classes, V nodes, L levels; the nodes of the deepest are the classes. */
typedef struct {
    int64_t classes, nodes, levels;
    const int64_t *order;  /* (C,): position -> class; null: the same */
    const int64_t *ends;   /* (C,): on how many levels, from the deepest but one up, a node ends here */
    const int64_t *node;   /* (W_1 + .. + W_(L - 1),): numbers on their level, in the order of their ends */
    const int64_t *width;  /* (L,): nodes of each level */
    const int64_t *lines;  /* (V, L + 1): the root, and a node's ancestors */
    const int64_t *start;  /* (V,): the positions of the classes below */
    const int64_t *stop;
} level_tree;

/* Logits (N, C, D) in class order and what is asked; strides in numbers. What is null is not made. */
typedef struct {
    int64_t samples, places;
    const void *logits;
    int64_t logits_by_sample, logits_by_class, logits_by_place;
    int64_t *best;         /* (N, L, D) */
    void *stated;          /* (N, L, D): their probabilities; with `best` */
    void **masses;         /* L addresses of (N, W_l, D) */
    const int64_t *chosen; /* (N * D,): a class each, for `odds` */
    void *odds;            /* (N, L, D); instead of all others */
    uint8_t *lost;         /* (N * D,): rows that are to be done again */
    int64_t threads;
    int64_t bad_row;       /* written: the first row whose class is none, or -1 */
    int64_t lost_rows;     /* written: how many are to be done again */
} level_call;

typedef struct {
    const level_tree *t;
    const level_call *c;
    int64_t first, last;
    int64_t lost_rows;
    int failed; /* no memory */
} level_part;
