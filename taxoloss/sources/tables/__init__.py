"""Tables: their files, what their columns hold, and the readings of them as trees."""
