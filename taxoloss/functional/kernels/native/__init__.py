"""The loss by a compiled kernel, where a C compiler was found when taxoloss was installed.

kernel.c        a row at a time, rows.h, four in another order than the tree's, blocks.h, or for few classes
                a vector of rows, few.h; once for each width
levels.h        what metrics and decisions ask: masses, answers and log-odds of all levels, masses.h
dispatch.c      chooses the widest that the processor has
build.py        compiles them; needs nothing but a compiler
library.py      finds and loads what was compiled
tally.h         sums over a batch for metrics
blocks.py       cuts the positions of a tree for blocks.h
parts.py        where probabilities of nodes go, for spread.h
losses.py       hands it logits and targets that have been checked
levels.py       hands it what metrics and decisions ask, tallies.py what metrics count

Imports what the other forms import; taxoloss works without it.
"""
