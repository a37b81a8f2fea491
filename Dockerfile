# A small image from the wheel: no compiler, no sources, no package index's cache, no root. See
# docs/deploy/docker.md.
ARG PYTHON=3.13-slim-bookworm

FROM python:${PYTHON} AS build
# LOCAL=1 adds the embedded model, OTEL=1 what sends traces.
ARG LOCAL=0
ARG OTEL=0
WORKDIR /build
COPY requirements*.txt ./
# Without pip, which nothing in the image needs.
RUN python -m venv --without-pip /venv \
    && for wanted in requirements.txt \
        $([ "$LOCAL" = 1 ] && echo requirements-local.txt) \
        $([ "$OTEL" = 1 ] && echo requirements-otel.txt); do \
        python -m pip --python /venv/bin/python install --no-cache-dir --no-compile \
            --disable-pip-version-check --require-hashes -r "$wanted" || exit 1; \
    done
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY connectors connectors
COPY providers providers
# A file system that is read-only takes no bytecode later.
RUN python -m pip wheel --no-cache-dir --no-deps --disable-pip-version-check --wheel-dir dist . \
    && python -m pip --python /venv/bin/python install --no-cache-dir --no-deps --no-compile \
        --disable-pip-version-check dist/*.whl \
    && /venv/bin/python -m compileall -q -j 0 /venv/lib \
    && mkdir -p /app/models \
    && if [ "$LOCAL" = 1 ]; then python providers/model_file.py fetch --into /app/models; fi

FROM python:${PYTHON}
ARG LOCAL=0
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates \
        $([ "$LOCAL" = 1 ] && echo libgomp1) \
    && rm -rf /var/lib/apt/lists/*
COPY --from=build /venv /venv
COPY --from=build /app /app
# Any user may run it; one of group 0 (as OpenShift gives) may write the folder of SQLite's file.
RUN mkdir -p /data && chown 10001:0 /data && chmod 0770 /data
WORKDIR /app
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DATA_DIR=/data \
    PORT=8080
USER 10001:0
EXPOSE 8080
VOLUME /data
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/healthz', timeout=3)"]
CMD ["everytoken", "run"]
