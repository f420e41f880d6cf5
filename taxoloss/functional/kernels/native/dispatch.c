/* Which of the forms of kernel.c runs: that of the widest vectors that the processor has. */

#include <math.h>
#include <stdint.h>

#include "tally.h"

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
