"""Figures beside the success and precision plots, one module a figure: arrays and dataclasses in, a matplotlib `Figure` out.

They share `trackzoo.report.style` with the curves, import matplotlib when they draw, and are saved by `files.save`.
"""
