"""Tests: one file a module, cases as YAML files found by glob."""
