"""The command line: one thin module a verb. Only here is anything printed as a result."""
