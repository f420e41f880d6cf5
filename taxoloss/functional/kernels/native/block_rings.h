/* In which rings of a target the blocks lie: see blocks.h. */

/* Bytes, one a block. */
typedef uint8_t bytes __attribute__((vector_size(MOST_BLOCKS)));

typedef struct {
    int rings;                                         /* that hold blocks: at most so many */
    uint8_t in[MOST_BLOCKS] __attribute__((aligned(32))); /* of each block the number of its ring among them */
    int ring[MOST_LEVELS + 1];                         /* and which these are */
    int64_t from, to;                                  /* the blocks that are cut, and those between; or none */
    int wide;                                          /* ranges that hold all of these */
    int64_t edges[2 * MOST_LEVELS];                    /* of the others, in positions of these blocks */
} block_rings;

/* Whether an edge cuts a block: then it is one of those from `from` to `to`. */
INLINE void cut_block(const tree *t, int64_t edge, block_rings *r)
{
    const int64_t b = t->block_at[edge];
    if (t->first[b] == edge) return;
    r->from = b < r->from ? b : r->from;
    r->to = b + 1 > r->to ? b + 1 : r->to;
}

/* A range that holds no whole block lies in those that its edges cut, and so do the narrower ones. */
INLINE void rings_of_blocks(const tree *t, int64_t target, block_rings *r)
{
    const int64_t K = t->levels, *edges = t->edges + target * 2 * K;
    bytes number, in = {0};
    for (int b = 0; b < MOST_BLOCKS; b++) number[b] = (uint8_t)b;
    r->rings = 1;
    r->ring[0] = 0;
    r->from = MOST_BLOCKS;
    r->to = 0;
    for (int64_t k = 0, first = 0, last = t->blocks; k < K; k++) {
        const int64_t start = edges[k], stop = edges[2 * K - 1 - k], before = first, behind = last;
        cut_block(t, start, r);
        cut_block(t, stop, r);
        first = t->block_at[start];
        first += t->first[first] != start;
        last = t->block_at[stop];
        if (first >= last) break;
        if (first != before || last != behind) r->rings++; /* else the ring above holds no whole block */
        const uint8_t next = (uint8_t)(r->rings - 1), width = (uint8_t)(last - first);
        const bytes own = (bytes)(number - (uint8_t)first < width);
        in = (in & ~own) | (own & next);
        r->ring[next] = (int)k + 1;
    }
    if (r->to == 0) r->from = 0;
    memcpy(r->in, &in, sizeof in);
    const int64_t low = t->first[r->from], high = t->first[r->to];
    int64_t wide = 0;
    while (wide < K && edges[wide] <= low && edges[2 * K - 1 - wide] >= high) wide++;
    for (int64_t k = wide; k < 2 * K - wide; k++) {
        const int64_t edge = edges[k] < low ? low : edges[k] > high ? high : edges[k];
        r->edges[k - wide] = edge - low;
    }
    r->wide = r->to ? (int)wide : (int)K;
}
