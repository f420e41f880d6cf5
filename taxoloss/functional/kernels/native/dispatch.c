/* Which of the forms of kernel.c runs: that of the widest vectors that the processor has. */

#if defined(__linux__)
#define _GNU_SOURCE
#include <dlfcn.h>
#endif
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

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

/* The same for all processors; see tally.h. */
void taxoloss_tally(const void *t, const void *c, int is_double) { tally_of(t, c, is_double); }
