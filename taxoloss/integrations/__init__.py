"""taxoloss in the loops that people have: a module for each framework, imported by its name.

`import taxoloss.integrations.lightning` needs Lightning, and no other of these packages; a package that is
missing is named with the extra that installs it. Nothing here is imported by the rest of taxoloss.

Imports whatever stands below.
"""
