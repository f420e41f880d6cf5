"""What is wrong, said so that a person can mend it. Imports nothing of taxoloss."""

from __future__ import annotations

from taxoloss.errors.faults import (
    BindingError,
    Fault,
    FormError,
    MeaningError,
    Note,
    TaxonomyError,
    faults_text,
)

__all__ = ["BindingError", "Fault", "FormError", "MeaningError", "Note", "TaxonomyError", "faults_text"]

# Tracebacks and pickles name the room, not the file in it.
for _error in (BindingError, FormError, MeaningError, TaxonomyError):
    _error.__module__ = __name__
