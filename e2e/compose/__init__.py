"""docker-compose.yml with real containers: brought up, asked from outside, changed under load, and taken down.

Needs a Docker engine and docker-compose; `make e2e-compose` runs it.
"""
