"""From labelled rows to a threshold with a promise. Imports decisions' rules."""
