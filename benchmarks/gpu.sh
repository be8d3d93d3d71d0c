#!/bin/sh
# Everything that a GPU should show, in at most 12 minutes; a second call skips what is measured already.
#
#     benchmarks/gpu.sh [FOLDER]                   # FOLDER/gpu.json and a file for each part
#     HAECHI_GPU_DRY=1 benchmarks/gpu.sh [FOLDER]  # every part on the CPU at a thousandth of the size
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scale=1
if [ "${HAECHI_GPU_DRY:-}" = 1 ]; then
    scale=0.001
    export HAECHI_DEVICE=cpu CUDA_VISIBLE_DEVICES= OMP_NUM_THREADS=1
fi
exec timeout 720 "${PYTHON:-python}" "$here/gpu.py" "${1:-gpu-results}" --scale "$scale"
