"""Talking to the service: calls as flows, the one module over httpx that drives them, and what answers mean."""
