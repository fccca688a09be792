"""convcli."""
