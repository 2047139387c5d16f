"""The long-running processes: scheduler, dag-processor, triggerer, worker, webserver and api-server."""
