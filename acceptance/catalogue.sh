#!/usr/bin/env bash
# The catalogue in a real PostgreSQL, then in SQLite: labels outlive the server; with the database gone answers go on, a change is
# refused with 503 that says so, and all heals by itself; a newer schema is refused by name; a backup goes from one database to the other.
set -euo pipefail
cd "$(dirname "$0")/.."
. acceptance/lib/forebay.sh

if ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
  [ "$(id -u)" = 0 ] || { echo "error: no PostgreSQL (Debian: apt-get install postgresql)" >&2; exit 1; }
  echo "installing postgresql" >&2
  { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends postgresql; } >&2
fi
bin=$(dirname "$(ls /usr/lib/postgresql/*/bin/initdb | tail -n 1)")
work=$(mktemp -d)
server='' locker='' load=''
stop_all() {
  for pid in "$server" "$locker" "$load"; do [ -z "$pid" ] || kill "$pid" 2>/dev/null || true; done
  [ ! -e "$work/pg/postmaster.pid" ] || as_postgres "$bin/pg_ctl" -D "$work/pg" -m immediate stop >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap stop_all EXIT
# PostgreSQL runs as nobody but root.
as_postgres() (
  cd "$work"
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"; else "$@"; fi
)

chmod 755 "$work"
mkdir "$work/pg" "$work/socket"
[ "$(id -u)" != 0 ] || chown nobody:nogroup "$work/pg" "$work/socket"
as_postgres "$bin/initdb" -D "$work/pg" -U forebay --auth=trust --no-sync >"$work/initdb.log"
pg_start() {
  as_postgres "$bin/pg_ctl" -D "$work/pg" -w -l "$work/pg/log" \
    -o "-c listen_addresses= -c unix_socket_directories=$work/socket -c fsync=off" start >"$work/pg_ctl.log"
}
pg_stop() { as_postgres "$bin/pg_ctl" -D "$work/pg" -m fast stop >"$work/pg_ctl.log"; }

mkdir -p "$work/models/words"
cp -r examples/models/text "$work/models/words/1"
cp -r examples/models/text "$work/models/words/2"
printf 'versions = "all"\n' >"$work/models/words/forebay.toml"

serve() {
  : >"$work/forebay.log"
  "$FOREBAY" serve "$work/models" --http 127.0.0.1:0 --config "$work/forebay.toml" 2>"$work/forebay.log" &
  server=$!
  wait_for grep -q 'http://127' "$work/forebay.log"
  forebay=http://$(sed -n 's/.*http:\/\/\([0-9.:]*\).*/\1/p' "$work/forebay.log" | head -n 1)
  wait_for curl -fs "$forebay/health/ready"
}
end() { kill "$server"; wait "$server" || fail "it did not end well"; server=''; }
label() { # LABEL VERSION: prints the status
  curl -s -o "$work/label.json" -w '%{http_code}' -X PUT "$forebay/api/v1/models/words/labels/$1" \
    -H 'content-type: application/json' -d "{\"version\": $2}"
}
stands() { curl -fs "$forebay/api/v1/models/words/labels/stable" | grep -q "\"version\":$1"; }
# All of it is read: who stops reading at the match fails the one who writes.
up() { [ -n "$(curl -fs "$forebay/metrics" | grep "^forebay_catalogue_up{kind=\"$1\"} $2\$")" ]; }

check() { # KIND GONE BACK
  local kind=$1 gone=$2 back=$3
  serve
  up "$kind" 1 || fail "$(curl -s "$forebay/metrics" | grep catalogue)"
  [ "$(label stable 1)" = 200 ] || fail "$(cat "$work/label.json")"
  # A client that asks all the time, and counts what was not answered.
  : >"$work/answers"
  while :; do
    curl -s -o /dev/null -w '%{http_code}\n' "$forebay/api/v1/serve/words?label=stable" -d '{"text": "spark"}' >>"$work/answers"
  done &
  load=$!
  $gone
  [ "$(label stable 2)" = 503 ] || fail "a change with the database gone: $(cat "$work/label.json")"
  grep -q 'the catalogue cannot be reached' "$work/label.json" || fail "$(cat "$work/label.json")"
  wait_for up "$kind" 0
  grep -q 'changes are refused until it is back' "$work/forebay.log" || fail "nothing is logged"
  stands 1 || fail "the label moved"
  # A version that comes now is served: the directory is the truth of what there is.
  cp -r examples/models/text "$work/models/words/.new" && mv "$work/models/words/.new" "$work/models/words/3"
  wait_for curl -fs "$forebay/v2/models/words/versions/3/ready"
  $back
  wait_for up "$kind" 1
  moved() { [ "$(label stable 2)" = 200 ]; }
  wait_for moved
  kill "$load" && { wait "$load" 2>/dev/null || true; }
  load=''
  answers=$(sort "$work/answers" | uniq -c | tr -s ' \n' ' ')
  [ -z "$(grep -v '^200$' "$work/answers")" ] || fail "answers: $answers"
  end
  # What was changed is there after a restart, and so is the version that came meanwhile: other bytes under it are refused.
  rm -r "$work/models/words/3" && cp -r examples/models/mixed "$work/models/words/3"
  serve
  stands 2 || fail "the label did not survive"
  curl -s "$forebay/api/v1/models/words/versions/3" | grep -q 'changed on disk' || fail "other bytes under number 3"
  end
  rm -r "$work/models/words/3"
  echo "$kind: $answers"
}

pg_start
as_postgres "$bin/createdb" -h "$work/socket" -U forebay forebay
url="postgres://forebay@localhost/forebay?host=$work/socket"
printf '[catalogue]\nurl = "%s"\n' "$url" >"$work/forebay.toml"
check postgres pg_stop pg_start

# A server that starts without its database serves, and finds it later.
pg_stop
serve
[ "$(label stable 1)" = 503 ] || fail "a change without a database: $(cat "$work/label.json")"
pg_start
wait_for stands 2
end
"$FOREBAY" catalogue backup "$work/backup.json" --config "$work/forebay.toml" --models "$work/models"
as_postgres "$bin/psql" -q -h "$work/socket" -U forebay forebay -c 'UPDATE forebay_schema SET number = 99'
! "$FOREBAY" serve "$work/models" --config "$work/forebay.toml" --http 127.0.0.1:0 2>"$work/newer.log" || fail "a newer schema"
grep -q 'schema 99, this build knows' "$work/newer.log" || fail "$(cat "$work/newer.log")"

# SQLite: another process holds the file.
db=$work/catalogue.db
printf '[catalogue]\nurl = "sqlite:%s"\ntimeout_ms = 500\n' "$db" >"$work/forebay.toml"
"$FOREBAY" catalogue restore "$work/backup.json" --config "$work/forebay.toml" --models "$work/models"
lock() {
  mkfifo "$work/hold"
  python3 -c '
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("BEGIN IMMEDIATE")
open(sys.argv[2], "w").close()
open(sys.argv[3]).read()' "$db" "$work/held" "$work/hold" &
  locker=$!
  wait_for test -e "$work/held"
}
unlock() { : >"$work/hold" && wait "$locker" && locker='' && rm "$work/hold" "$work/held"; }
serve
wait_for stands 2
end
check sqlite lock unlock
python3 -c '
import sqlite3, sys
sqlite3.connect(sys.argv[1], isolation_level=None).execute("UPDATE forebay_schema SET number = 99")' "$db"
! "$FOREBAY" serve "$work/models" --config "$work/forebay.toml" --http 127.0.0.1:0 2>"$work/newer.log" || fail "a newer schema"
grep -q 'schema 99, this build knows' "$work/newer.log" || fail "$(cat "$work/newer.log")"
echo "both databases: gone, served on, refused, healed, restored"
