"""Pages and the HTTP interface. So far: whether the service is alive and ready, a front page."""
