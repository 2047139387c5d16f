"""Textual widgets that take plain values and know nothing of Airflow."""
