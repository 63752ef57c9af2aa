#!/bin/sh
# Makes Mosquitto's password and access files, becomes Mosquitto, and keeps the files current:
# the services' logins come from the environment, those of devices and subscribers from the
# access service, which writes them where MOSQUITTO_ACCESS says.
# Usage: mosquitto-start.sh [CONFIGURATION]
set -eu
umask 077
folder=/tmp/mosquitto
registry="${MOSQUITTO_ACCESS:-/mosquitto/access/mosquitto}"
own="$(cd "$(dirname "$0")" && pwd)/mosquitto.acl"
mkdir -p "$folder"
: > "$folder/passwords.own"
mosquitto_passwd -b "$folder/passwords.own" gateway "${MQTT_PASSWORD:?is not set}"
mosquitto_passwd -b "$folder/passwords.own" device "${DEVICE_PASSWORD:?is not set}"

# put NAME OWN: own lines first, then the registry's; whole or not at all. True where it changed.
put() {
  cat "$2" > "$folder/$1.new"
  if [ -r "$registry/$1" ]; then cat "$registry/$1" >> "$folder/$1.new"; fi
  if cmp -s "$folder/$1.new" "$folder/$1"; then return 1; fi
  mv "$folder/$1.new" "$folder/$1"
}

put_both() {
  changed=1
  if put passwords "$folder/passwords.own"; then changed=0; fi
  if put acl "$own"; then changed=0; fi
  return $changed
}

put_both || true
# $$ is Mosquitto once this shell has become it; told to read its files again, it also
# disconnects everyone whose password is no longer right.
(
  while sleep 1 && kill -0 $$ 2> /dev/null; do
    if put_both; then kill -HUP $$; fi
  done
) &
exec mosquitto -c "${1:-/mosquitto/config/mosquitto.conf}"
