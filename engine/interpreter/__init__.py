"""The one workflow that executes any plan on Temporal."""
