#!/bin/sh
# Writes Mosquitto's password file from the environment, then becomes Mosquitto.
# Usage: mosquitto-start.sh [CONFIGURATION]
set -eu
umask 077
folder=/tmp/mosquitto
mkdir -p "$folder"
cp "$(dirname "$0")/mosquitto.acl" "$folder/acl"
chmod 600 "$folder/acl"
: > "$folder/passwords"
mosquitto_passwd -b "$folder/passwords" gateway "${MQTT_PASSWORD:?is not set}"
mosquitto_passwd -b "$folder/passwords" device "${DEVICE_PASSWORD:?is not set}"
exec mosquitto -c "${1:-/mosquitto/config/mosquitto.conf}"
