"""Parity: our outputs beside arrays that the reference implementations made from generated weights and videos."""
