/* Threads that share the pieces of a call; included by kernel.c.

   After work of its own torch's OpenMP keeps its threads awake for some time, and the processor starts no other
   beside them until they sleep. So where that OpenMP is known, its team takes the pieces; all of it, since a team
   of another size would be made anew, then and at torch's next operation. A child of fork has no team: its
   threads stayed behind. There, and where there is none, a call starts threads of its own. */

#include <pthread.h>
#include <stdatomic.h>

#include "team.h"

/* Pieces are taken one after the other, and nobody waits for a thread that has not begun: it finds nothing to do,
   and is the last that holds the job. */
typedef struct {
    void *(*run)(void *);
    char *pieces; /* of the caller, who waits for all that were taken */
    size_t size;
    int64_t count;
    atomic_llong next, done, holders;
    pthread_mutex_t lock;
    pthread_cond_t all_done;
} job;

static void take_pieces(job *j)
{
    for (;;) {
        const int64_t i = atomic_fetch_add(&j->next, 1);
        if (i >= j->count) return;
        j->run(j->pieces + (size_t)i * j->size);
        if (atomic_fetch_add(&j->done, 1) + 1 < j->count) continue;
        pthread_mutex_lock(&j->lock);
        pthread_cond_signal(&j->all_done);
        pthread_mutex_unlock(&j->lock);
    }
}

static void let_go(job *j)
{
    if (atomic_fetch_sub(&j->holders, 1) > 1) return;
    pthread_mutex_destroy(&j->lock);
    pthread_cond_destroy(&j->all_done);
    free(j);
}

static void *help(void *p)
{
    take_pieces(p);
    let_go(p);
    return 0;
}

/* Starts threads that help; those that are not to be had are done without. */
static void start_helpers(job *j, int64_t count)
{
    pthread_attr_t detached;
    if (pthread_attr_init(&detached)) return;
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    for (int64_t i = 0; i < count; i++) {
        pthread_t thread;
        atomic_fetch_add(&j->holders, 1);
        if (!pthread_create(&thread, &detached, help, j)) continue;
        atomic_fetch_sub(&j->holders, 1);
        break;
    }
    pthread_attr_destroy(&detached);
}

static void take_as_team(void *p)
{
    take_pieces(p);
}

/* Runs `count` pieces, `size` bytes each, on `threads` threads; the team has `team` of them. */
static void run_all(void *(*run)(void *), void *pieces, size_t size, int64_t count, int64_t threads, int64_t team)
{
    job *j = threads > 1 ? malloc(sizeof(job)) : 0;
    if (!j) {
        for (int64_t i = 0; i < count; i++) run((char *)pieces + (size_t)i * size);
        return;
    }
    const job shared = {.run = run, .pieces = pieces, .size = size, .count = count};
    *j = shared;
    atomic_init(&j->next, 0);
    atomic_init(&j->done, 0);
    atomic_init(&j->holders, 1);
    pthread_mutex_init(&j->lock, 0);
    pthread_cond_init(&j->all_done, 0);
    team_function *const parallel = taxoloss_team();
    if (parallel) {
        parallel(take_as_team, j, (unsigned)team, 0);
        let_go(j);
        return;
    }
    start_helpers(j, threads - 1);
    take_pieces(j);
    pthread_mutex_lock(&j->lock);
    while (atomic_load(&j->done) < count) pthread_cond_wait(&j->all_done, &j->lock);
    pthread_mutex_unlock(&j->lock);
    let_go(j);
}

enum { MOST_THREADS = 64, MOST_PIECES = 4 * MOST_THREADS };

/* A thread is worth its beginning for so many numbers: one of the team, which torch too takes for as many, or one
   that is started. */
enum { NUMBERS_IN_A_TEAM = 1 << 15, NUMBERS_OF_A_THREAD = 1 << 17 };

/* How many threads do so many numbers. */
static int64_t threads_for(int64_t threads, int64_t numbers)
{
    const int64_t most = numbers / (taxoloss_team() ? NUMBERS_IN_A_TEAM : NUMBERS_OF_A_THREAD) + 1;
    threads = threads < most ? threads : most;
    return threads < 1 ? 1 : threads > MOST_THREADS ? MOST_THREADS : threads;
}

/* More than one a thread, as some begin late; `most` there may be. */
static int64_t pieces_for(int64_t threads, int64_t most)
{
    const int64_t pieces = threads == 1 ? 1 : 4 * threads;
    return pieces < most ? pieces : most < 1 ? 1 : most;
}
