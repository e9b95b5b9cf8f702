#!/bin/sh
# Aggregated serving: one frontend, one worker that prefills and decodes.
# `dyn launch agg` in plain commands, with dyn-frontend and dyn-worker on the PATH. Flags go to each worker:
#   MODEL=./Qwen3-0.6B DYN_HTTP_PORT=9000 agg.sh --threads 4
set -eu
export DYN_DISCOVERY_BACKEND="${DYN_DISCOVERY_BACKEND:-file}"
MODEL="${MODEL:-dyn-tiny-chat}"

dyn-frontend --router-mode round-robin --enable-anthropic-api &
frontend=$!
dyn-worker --model-path "$MODEL" "$@" &
workers=$!

. "$(dirname "$0")/until-signal.sh"
