"""What `taxoloss inspect` shows."""
