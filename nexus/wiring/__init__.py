"""What `nexus.app` is put together from: what all users share, and what is one user's own."""
