#!/bin/sh
# Disaggregated serving with data-parallel ranks: each worker is two engines behind one address.
# `dyn launch disagg-dp-attn` in plain commands, with dyn-frontend and dyn-worker on the PATH. Flags go to each worker:
#   MODEL=./Qwen3-0.6B DYN_HTTP_PORT=9000 disagg-dp-attn.sh --threads 4
set -eu
export DYN_DISCOVERY_BACKEND="${DYN_DISCOVERY_BACKEND:-file}"
MODEL="${MODEL:-dyn-tiny-chat}"

dyn-frontend --router-mode kv &
frontend=$!
dyn-worker --model-path "$MODEL" --disaggregation-mode prefill --dp-size 2 \
  --kv-events-config '{"publisher":"zmq","topic":"kv-events","endpoint":"tcp://*:*","replay_endpoint":"tcp://*:*"}' "$@" &
workers=$!
dyn-worker --model-path "$MODEL" --disaggregation-mode decode --dp-size 2 "$@" &
workers="$workers $!"

. "$(dirname "$0")/until-signal.sh"
