"""The forms of the loss: one definition, and what computes it fastest on which device."""
