"""Dashboards, rules, alerts and runbooks, built from the declared metrics."""
