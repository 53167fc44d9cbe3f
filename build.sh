#!/usr/bin/env bash
# Build the image with docker, podman or buildah, and write its list of contents (SBOM) to dist/.
#
#   ./build.sh                                    vsm-service:<version>
#   IMAGE=registry.example.com/vsm ./build.sh     another name; TAG=… for another tag
#   PYTHON_IMAGE=…@sha256:… ./build.sh            a base pinned by its digest
#   BUILDER=buildah ./build.sh --no-cache         the builder; options are passed on to it
set -euo pipefail
cd "$(dirname "$0")"

version=$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' app/__init__.py)
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)
created=$(TZ=UTC0 git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd 2>/dev/null \
    || date -u +%Y-%m-%dT%H:%M:%SZ)

choose_builder() {
    # a docker client without its engine builds nothing
    if command -v docker >/dev/null && docker info >/dev/null 2>&1; then
        echo docker
    elif command -v podman >/dev/null; then
        echo podman
    elif command -v buildah >/dev/null; then
        echo buildah
    else
        echo "build.sh: a running docker, podman or buildah is needed; none was found" >&2
        return 1
    fi
}

write_sbom() {
    mkdir -p dist
    local file="dist/vsm-service-$version.cdx.json"
    if [ "$builder" = docker ] && command -v syft >/dev/null; then
        syft scan --quiet "docker:$name" --output "cyclonedx-json=$file"
        echo "SBOM of the whole image, by syft: $file"
    else
        # uv knows what is locked, which is what is installed; the base image is not in it
        make --silent .tools/uv/bin/uv
        .tools/uv/bin/uv export --quiet --frozen --no-dev --format cyclonedx1.5 \
            --preview-features sbom-export --output-file "$file" >/dev/null
        echo "SBOM of the Python packages, by uv: $file"
    fi
}

builder=${BUILDER:-$(choose_builder)}
arguments=(
    --build-arg "VERSION=$version"
    --build-arg "REVISION=$revision"
    --build-arg "CREATED=$created"
)
if [ -n "${PYTHON_IMAGE:-}" ]; then
    arguments+=(--build-arg "PYTHON_IMAGE=$PYTHON_IMAGE")
fi
image=vsm-service
case $builder in
    docker) command=(docker build) ;;
    # the docker format keeps the health check; the full name is how a kubelet reads the short one
    podman) command=(podman build --format docker) image=docker.io/library/vsm-service ;;
    buildah) command=(buildah build --format docker) image=docker.io/library/vsm-service ;;
    *)
        echo "build.sh: BUILDER must be docker, podman or buildah, not $builder" >&2
        exit 1
        ;;
esac
name=${IMAGE:-$image}:${TAG:-$version}

echo "Building $name with $builder"
"${command[@]}" "${arguments[@]}" --tag "$name" "$@" .
write_sbom
echo "Built $name"
