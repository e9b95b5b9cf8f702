# Read by the scripts beside it when everything is started. SIGTERM drains the workers, then ends the frontend. Ctrl-C in
# a terminal reaches all of them at once, so that they drain side by side. Who dies is not started again: `dyn launch`
# ends with the first one, compose starts it anew.
stop() {
  trap '' TERM
  kill $workers 2>/dev/null || :
  wait $workers || :
  kill "$frontend" 2>/dev/null || :
  wait "$frontend" || :
  exit 0
}
trap stop TERM
trap 'wait' INT
wait
