"""What measure.py and the tests of whole gateways need: a scripted upstream, a gateway as a process, a client."""
