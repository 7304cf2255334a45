"""Fixtures of `tests/shared_appliances.py`, for every folder of tests."""

pytest_plugins = ["tests.shared_appliances"]
