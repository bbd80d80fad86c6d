"""Makes what Prometheus and Grafana are told of the objectives that objectives.toml states."""
