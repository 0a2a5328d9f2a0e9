"""Pages and the HTTP interface: one application over a house (`web.app`)."""
