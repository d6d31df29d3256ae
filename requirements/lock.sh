#!/bin/sh
# Rewrites the lock files from pyproject.toml (`make lock`). Needs uv.
#
# torch stays out of the hashed files: its CPU and CUDA builds have one version
# and different hashes. hnswlib ships as source only and is compiled against the
# numpy and pybind11 locked here, so it has a file of its own.
set -eu
cd "$(dirname "$0")/.."
UV="${UV:-uv}"
skip=""
for name in torch hnswlib triton cuda-bindings cuda-pathfinder cuda-toolkit \
    nvidia-cublas nvidia-cuda-cupti nvidia-cuda-nvrtc nvidia-cuda-runtime nvidia-cudnn-cu13 \
    nvidia-cufft nvidia-cufile nvidia-curand nvidia-cusolver nvidia-cusparse nvidia-cusparselt-cu13 \
    nvidia-nccl-cu13 nvidia-nvjitlink nvidia-nvshmem-cu13 nvidia-nvtx; do
    skip="$skip --no-emit-package $name"
done
common="--universal --python-version 3.11 --generate-hashes --no-annotate --no-header $skip"
# shellcheck disable=SC2086
$UV pip compile pyproject.toml requirements/build.in --extra postgresql $common -o requirements/app.lock >/dev/null
# shellcheck disable=SC2086
$UV pip compile pyproject.toml requirements/build.in --extra postgresql --extra bench --group dev $common \
    --constraint requirements/app.lock -o requirements/dev.lock >/dev/null
for file in native packaged; do
    $UV pip compile requirements/$file.in --no-deps --universal --python-version 3.11 \
        --generate-hashes --no-annotate --no-header -o requirements/$file.lock >/dev/null
done
$UV pip compile requirements/inspect.in --universal --python-version 3.11 \
    --generate-hashes --no-annotate --no-header -o requirements/inspect.lock >/dev/null
