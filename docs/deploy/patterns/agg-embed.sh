#!/bin/sh
# Embeddings: one frontend, one worker that turns texts into vectors.
# `dyn launch agg-embed` in plain commands, with dyn-frontend and dyn-worker on the PATH. Flags go to each worker:
#   MODEL=./Qwen3-0.6B DYN_HTTP_PORT=9000 agg-embed.sh --threads 4
set -eu
export DYN_DISCOVERY_BACKEND="${DYN_DISCOVERY_BACKEND:-file}"
MODEL="${MODEL:-dyn-tiny-embed}"

dyn-frontend --router-mode round-robin &
frontend=$!
dyn-worker --model-path "$MODEL" --embedding-worker "$@" &
workers=$!

. "$(dirname "$0")/until-signal.sh"
