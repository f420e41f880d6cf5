"""`python -m taxoloss`."""

from taxoloss.cli import main

main()
