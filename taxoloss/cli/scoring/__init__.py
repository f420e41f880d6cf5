"""What `evaluate` and `compare` share: options that say how a file is read, and how scores are shown."""
