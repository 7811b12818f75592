"""Accounts, their credentials, and the kinds of secrets."""
