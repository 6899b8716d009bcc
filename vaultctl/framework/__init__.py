"""How engines, and the core's own endpoints, declare their paths: endpoint, fields, handlers and help in one place."""
