# The images of docker-compose.yml, and a start for your own: `docker build --target pilothouse|sidecar|bookinfo .`
#
# PYTHON_IMAGE is Debian or like it, with Python 3.11 or newer; ENVOY_IMAGE has /usr/local/bin/envoy.
# PYTHON_BUILD_IMAGE is where Python packages are installed from; e2e/images/build-local.sh makes one that needs no network.
ARG PYTHON_IMAGE=python:3.12-slim
ARG PYTHON_BUILD_IMAGE=${PYTHON_IMAGE}
ARG ENVOY_IMAGE=envoyproxy/envoy:v1.40-latest

FROM ${ENVOY_IMAGE} AS envoy

FROM ${PYTHON_BUILD_IMAGE} AS build
WORKDIR /src
RUN python3 -m venv /opt/pilothouse
COPY pyproject.toml README.md LICENSE ./
COPY protos protos
COPY translators translators
COPY xds xds
RUN /opt/pilothouse/bin/pip install --no-cache-dir . && rm -rf /src

# the control plane
FROM ${PYTHON_IMAGE} AS pilothouse
COPY --from=build /opt/pilothouse /opt/pilothouse
ENV PATH=/opt/pilothouse/bin:$PATH HOME=/var/lib/pilothouse PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# the owner of what volumes are mounted on, as they are empty at first
RUN install -d -o 1337 -g 1337 -m 0700 /var/lib/pilothouse
USER 1337:1337
ENTRYPOINT ["pilothouse"]

# the agent, with its Envoy, and what capture needs
FROM pilothouse AS sidecar
USER root
RUN command -v iptables-restore ip >/dev/null || { apt-get update -qq \
    && apt-get install -qq -y --no-install-recommends iptables iproute2 && rm -rf /var/lib/apt/lists/*; }
COPY --from=envoy /usr/local/bin/envoy /usr/local/bin/envoy
USER 1337:1337

# the four services of examples/bookinfo
FROM pilothouse AS bookinfo
COPY examples /app/examples
WORKDIR /app
USER 65534:65534
ENTRYPOINT ["python", "-m"]
