# One image for all services; the command is a verb: gateway, ingest, anomaly, alerts, controlroom, simulate.

FROM node:24-slim AS page
WORKDIR /src/dashboards/controlroom/web
COPY dashboards/controlroom/web/package.json dashboards/controlroom/web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY dashboards/controlroom/web/ ./
RUN npm run build

FROM python:3.11-slim AS wheel
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY sealtrail/ sealtrail/
COPY gateway/ gateway/
COPY ingest/ ingest/
COPY anomaly/ anomaly/
COPY alerts/ alerts/
COPY simulators/ simulators/
COPY dashboards/ dashboards/
COPY --from=page /src/dashboards/controlroom/static/ dashboards/controlroom/static/
RUN pip wheel --no-cache-dir --disable-pip-version-check --no-deps --wheel-dir /wheels .

FROM python:3.11-slim
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    --mount=type=bind,source=constraints.txt,target=/constraints.txt \
    pip install --no-cache-dir --disable-pip-version-check -c /constraints.txt /wheels/*.whl
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin sealtrail \
    && install -d -o sealtrail -g sealtrail -m 0750 /var/lib/sealtrail
USER sealtrail
WORKDIR /var/lib/sealtrail
ENV SEALTRAIL_STATE_DIR=/var/lib/sealtrail \
    SEALTRAIL_HEALTH__HOST=0.0.0.0 \
    SEALTRAIL_HEALTH__PORT=9464
# 9464 health and metrics of every service, 8080 the control room
EXPOSE 9464 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9464/readyz', timeout=4)"]
ENTRYPOINT ["sealtrail"]
CMD ["--help"]
