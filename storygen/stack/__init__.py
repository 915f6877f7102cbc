"""Prometheus, Alertmanager, Jaeger and Grafana as processes of this machine, without containers."""
