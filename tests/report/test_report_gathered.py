"""What is gathered of the rows is what the nodes above each truth and answer say, row by row."""
