"""A small HTTP/1.1 server with the manners of Go's net/http, for the proxy's API and nothing else."""
