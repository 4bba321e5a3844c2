#!/usr/bin/env bash
# Makes a certificate authority and a server certificate for development in a folder.
#   deploy/dev-ca.sh FOLDER [HOST ...]     HOST: names or IP addresses of the coordinator; default: localhost 127.0.0.1
# Writes ca.pem (give it to clients: --ca), server.pem and server.key (--tls-cert, --tls-key). Keeps what is there.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,4s/^# //p' "$0" >&2; exit 2; }
folder=$1
shift
[ $# -gt 0 ] || set -- localhost 127.0.0.1
if [ -s "$folder/server.pem" ]; then exit 0; fi
mkdir -p "$folder"
umask 077
names=()
for host in "$@"; do
  if [[ $host =~ ^[0-9.]+$ || $host == *:* ]]; then names+=("IP:$host"); else names+=("DNS:$host"); fi
done
alternative_names=$(IFS=,; echo "${names[*]}")
new_key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null ||
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }
new_key "$folder/ca.key"
openssl req -x509 -new -key "$folder/ca.key" -days 365 -subj "/CN=Tessera development CA" \
  -addext "basicConstraints=critical,CA:TRUE" -addext "keyUsage=critical,keyCertSign" -out "$folder/ca.pem"
new_key "$folder/server.key"
openssl req -new -key "$folder/server.key" -subj "/CN=$1" |
  openssl x509 -req -CA "$folder/ca.pem" -CAkey "$folder/ca.key" -CAcreateserial -days 365 \
    -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\n' "$alternative_names") \
    -out "$folder/server.pem" 2>/dev/null
chmod 644 "$folder/ca.pem" "$folder/server.pem"
