/* The threads of the OpenMP that torch has loaded; see threads.h. */

#ifndef TAXOLOSS_TEAM_H
#define TAXOLOSS_TEAM_H

/* GOMP_parallel of GCC's libgomp, which LLVM's and Intel's export too: calls a function with its data on so many
   threads, the caller among them, and waits for all. */
typedef void team_function(void (*run)(void *), void *data, unsigned threads, unsigned flags);

/* NULL: there is none, or this process is a child of fork. */
team_function *taxoloss_team(void);

#endif
