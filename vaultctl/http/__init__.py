"""HTTP: how requests and answers are written on the wire, and the server that speaks to a door."""
