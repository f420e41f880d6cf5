"""The loss by a compiled kernel, where a C compiler was found when taxoloss was installed.

kernel.c        a row at a time, rows.h, or for few classes a vector of rows, few.h; once for each width
dispatch.c      chooses the widest that the processor has
build.py        compiles them; needs nothing but a compiler
library.py      finds and loads what was compiled
losses.py       hands it logits and targets that have been checked

Imports what the other forms import; taxoloss works without it.
"""
