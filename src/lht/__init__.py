"""Salesforce into your warehouse, and back, with a receipt for every row."""

__version__ = "4.0.0"
