"""What Sphinx is told beside the pages: how their Markdown is read, and what is made from the code."""
