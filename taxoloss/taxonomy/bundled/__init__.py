"""The trees that come with the package."""
