"""Controls: the arms that a loss over levels must be compared with, and the labels that it is made for.

A gain is the loss's only against the right rival: cross-entropy with the same labels, steps and tuned
rate, read by the same decisions, or heads for each level that are read together. `arm` makes each of them
on the same features, `readings` scores each in every way that it can be read, and `coarsen`, `few`,
`swap_siblings` and `pseudo_labels` make the data on which they differ.

Imports errors, taxonomy, weighting, functional, loss, heads, metrics, decisions.
"""

from taxoloss.controls.arms import ARMS, Arm, arm
from taxoloss.controls.labels import coarsen, few, pseudo_labels, swap_siblings
from taxoloss.controls.readings import readings

__all__ = ["ARMS", "Arm", "arm", "coarsen", "few", "pseudo_labels", "readings", "swap_siblings"]
