/* Which of the forms of kernel.c runs: that of the widest vectors that the processor has. */

#if defined(__linux__)
#define _GNU_SOURCE
#include <dlfcn.h>
#endif
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>

#include "levels.h"
#include "tally.h"
#include "team.h"

static _Atomic(team_function *) team;
static atomic_int asked;

team_function *taxoloss_team(void)
{
#if defined(__linux__)
    /* Torch loads its OpenMP for all to see. Who asks while another looks for it has none this once. */
    if (!atomic_exchange(&asked, 1)) atomic_store(&team, (team_function *)dlsym(RTLD_DEFAULT, "GOMP_parallel"));
#endif
    return atomic_load(&team);
}

/* In a child of fork. */
void taxoloss_forget_team(void)
{
    atomic_store(&asked, 1);
    atomic_store(&team, 0);
}

#if !defined(_WIN32) /* which has no fork */
__attribute__((constructor)) static void at_load(void)
{
    /* Without memory for that there is no team. */
    if (pthread_atfork(0, 0, taxoloss_forget_team)) taxoloss_forget_team();
}
#endif

#if defined(FORMS)
int taxoloss_rows_wide(const void *t, void *c, int is_double);
int taxoloss_rows_middle(const void *t, void *c, int is_double);
int taxoloss_spread_wide(const void *t, void *c, int is_double);
int taxoloss_spread_middle(const void *t, void *c, int is_double);
int taxoloss_levels_wide(const void *t, void *c, int is_double);
int taxoloss_levels_middle(const void *t, void *c, int is_double);
#endif
int taxoloss_rows_plain(const void *t, void *c, int is_double);
int taxoloss_spread_plain(const void *t, void *c, int is_double);
int taxoloss_levels_plain(const void *t, void *c, int is_double);

/* 2: AVX-512, 1: AVX2, 0: what every processor of the kind has. */
int taxoloss_form(void)
{
#if defined(FORMS)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
        return 2;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 1;
#endif
    return 0;
}

/* In a form that the processor has; see kernel.c. */
int taxoloss_rows(const void *t, void *c, int is_double, int form)
{
#if defined(FORMS)
    if (form == 2) return taxoloss_rows_wide(t, c, is_double);
    if (form == 1) return taxoloss_rows_middle(t, c, is_double);
#endif
    (void)form;
    return taxoloss_rows_plain(t, c, is_double);
}

/* The same of spread_entry.h. */
int taxoloss_spread(const void *t, void *c, int is_double, int form)
{
#if defined(FORMS)
    if (form == 2) return taxoloss_spread_wide(t, c, is_double);
    if (form == 1) return taxoloss_spread_middle(t, c, is_double);
#endif
    (void)form;
    return taxoloss_spread_plain(t, c, is_double);
}

/* Whether no number below 0 stands in those of the first rows that are counted, as of probabilities. */
static int none_below_0(const level_tree *t, const level_call *c, const tally_tree *nodes, const tally_call *to,
                        int is_double)
{
    for (int64_t i = 0; i < c->samples && i < 8; i++)
        for (int64_t j = 0; j < t->classes && is_counted(nodes, to, i); j++) {
            const int64_t at = i * c->logits_by_sample + j * c->logits_by_class;
            if ((is_double ? ((const double *)c->logits)[at] : (double)((const float *)c->logits)[at]) < 0) return 0;
        }
    return 1;
}

/* The same for what metrics and decisions ask; see levels.h. */
int taxoloss_levels(const void *t, void *c, int is_double, int form)
{
#if defined(FORMS)
    if (form == 2) return taxoloss_levels_wide(t, c, is_double);
    if (form == 1) return taxoloss_levels_middle(t, c, is_double);
#endif
    (void)form;
    return taxoloss_levels_plain(t, c, is_double);
}

/* The same for all processors; see tally.h. Returns 0; 1 where a target is none: nothing is added. */
int taxoloss_tally(const void *t, const void *c, int is_double)
{
    if (!targets_are_sound(c)) return 1;
    tally_of(t, c, is_double);
    return 0;
}

/* Answers of logits (N, C), of which the calls hold nothing but the sizes, the logits and the sums, and what metrics
   count of them. Returns 0; 1 where another way must count, which has the words: a target or a row of logits is none,
   or the first rows may be probabilities (nothing is added); 2 without memory. */
int taxoloss_count(const level_tree *lt, level_call *answers, const tally_tree *t, tally_call *c, int is_double,
                   int form)
{
    if (!targets_are_sound(c) || none_below_0(lt, answers, t, c, is_double)) return 1;
    const size_t rows = (size_t)c->rows, numbers = rows * (size_t)t->levels;
    const size_t of_best = numbers * sizeof(int64_t), of_stated = numbers * sizeof(double);
    char *room = malloc(of_best + of_stated + rows + 1);
    if (!room) return 2;
    c->best = answers->best = (int64_t *)room;
    c->stated = answers->stated = room + of_best;
    answers->lost = (uint8_t *)room + of_best + of_stated;
    int status = taxoloss_levels(lt, answers, is_double, form);
    if (!status && answers->lost_rows) status = 1;
    if (!status) tally_of(t, c, is_double);
    free(room);
    return status;
}
