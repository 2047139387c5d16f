"""Fly an Airflow 2.10/2.11 to 3.x migration from one terminal screen."""

__version__ = "0.1.0"
