#!/bin/sh
# The vendor's script of every action in the kill tests, and its host: the log is the site. What the site is (which version
# runs where, which schema, open or closed) is read from the lines of its effects, so an effect and its trace are one write
# and no crash can come between them. The log is what the tests judge by; nothing of Sitelift writes to it.
#
#   begin|end <ns> <run> <step> <fence> <pid>     effect <ns> <run> <step> <fence> <pid> <key>=<value>
#   overlap, refused: somebody else's script still ran; the fence was older than one seen before
set -u
log="$KILL_DIR/$SITELIFT_INSTANCE.log"

say() { printf '%s %s %s %s %s %s %s\n' "$1" "$(date +%s%N)" "$SITELIFT_RUN" "$SITELIFT_STEP" "$SITELIFT_FENCE" "$$" "${2-}" >>"$log"; }
# The value that the last effect gave a key.
value() { awk -v key="$1" '$1 == "effect" { n = index($7, "="); if (substr($7, 1, n - 1) == key) v = substr($7, n + 1) } END { print v }' "$log"; }
alive() { read -r _ _ state _ <"/proc/$1/stat" 2>/dev/null && [ "$state" != Z ] && [ "$state" != X ]; }

slot=$SITELIFT_SLOT
case "$SITELIFT_ACTION" in
  app/stage) effect=staged=$SITELIFT_TO_VERSION ;;
  app/unstage) effect=staged=none ;;
  app/start) effect=running.$slot=$SITELIFT_VERSION ;;
  app/stop) effect=running.$slot=none ;;
  database/migrate) effect=schema=$SITELIFT_TO_VERSION ;;
  database/restore) effect=schema=$SITELIFT_FROM_VERSION ;;
  database/backup) effect=backup=$SITELIFT_RUN ;;
  exec/run) effect=$SITELIFT_STEP=$SITELIFT_RUN ;;
  proxy/close) effect=open=no ;;
  proxy/open) effect=open=yes ;;
  proxy/switch) effect=slot=$slot ;;
  database/prove) exit 0 ;;
  proxy/probe)
    [ "$(value open)" = yes ] && open=true || open=false
    printf '{"open":%s,"slot":"%s"}' "$open" "$(value slot)" >"$SITELIFT_OUTPUT"
    exit 0 ;;
  app/probe)
    version=$(value "running.${slot:-$(value slot)}")
    [ "$version" != none ] && healthy=true || healthy=false
    [ "$version" = "$(value schema)" ] && write=true || write=false
    printf '{"observed":{"version":"%s","healthy":%s,"writeOk":%s}}' "$version" "$healthy" "$write" >"$SITELIFT_OUTPUT"
    exit 0 ;;
  *) exit 64 ;;
esac

if [ "${1-}" = observe ]; then
  [ "$(value "${effect%%=*}")" = "${effect#*=}" ] && exit 0
  exit 1
fi

seen=$(cat "$log.fence" 2>/dev/null || echo 0)
if [ "$SITELIFT_FENCE" -lt "$seen" ]; then say refused; exit 77; fi
echo "$SITELIFT_FENCE" >"$log.fence"
# One script at a time works on a site; who is killed leaves the lock, and its pid tells.
if ! ln -s "$$" "$log.lock" 2>/dev/null; then
  holder=$(readlink "$log.lock")
  if [ -n "$holder" ] && alive "$holder"; then say overlap "$holder"; fi
  ln -sfn "$$" "$log.lock"
fi
before=$KILL_PAUSE
# Where its worker is killed while it acts, it would act for longer than it may survive.
case ",$KILL_SLOW," in *",$SITELIFT_INSTANCE/$SITELIFT_STEP,"*) [ "$SITELIFT_ATTEMPT" = 1 ] && before=1.5 ;; esac
say begin
echo "it begins"
sleep "$before"
say effect "$effect"
sleep "$KILL_PAUSE"
say end
rm -f "$log.lock"
