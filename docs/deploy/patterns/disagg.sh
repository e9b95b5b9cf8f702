#!/bin/sh
# Disaggregated serving: one worker computes prompts, another one the answers.
# `dyn launch disagg` in plain commands, with dyn-frontend and dyn-worker on the PATH. Flags go to each worker:
#   MODEL=./Qwen3-0.6B DYN_HTTP_PORT=9000 disagg.sh --threads 4
set -eu
export DYN_DISCOVERY_BACKEND="${DYN_DISCOVERY_BACKEND:-file}"
MODEL="${MODEL:-dyn-tiny-chat}"

dyn-frontend --router-mode round-robin &
frontend=$!
dyn-worker --model-path "$MODEL" --disaggregation-mode prefill "$@" &
workers=$!
dyn-worker --model-path "$MODEL" --disaggregation-mode decode "$@" &
workers="$workers $!"

. "$(dirname "$0")/until-signal.sh"
