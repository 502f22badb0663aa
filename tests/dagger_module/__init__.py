"""The functions that `dagger call` offers."""
