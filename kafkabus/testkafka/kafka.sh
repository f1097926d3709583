#!/usr/bin/env bash
# One Apache Kafka 4 broker (KRaft) on loopback, for tests, from Maven Central's jars alone.
#
#   kafka.sh fetch          download the jars, once
#   kafka.sh run DIR PORT   format DIR if it is new, and become the broker: PORT is for clients, PORT+1 for its
#                           controller, PORT+2 speaks TLS, PORT+3 asks for a user (SASL_PLAINTEXT),
#                           PORT+4 for both. User "gsgit", password "secret".
#   kafka.sh up [PORT]      the same in the background (19092), for `go test` to use again and again
#   kafka.sh down           stop that one and remove its data
#   kafka.sh bootstrap      print its host:port, or fail where it does not run
#
# Environment: KAFKA_VERSION (4.1.1), GSGIT_KAFKA_HOME (the user's cache), KAFKA_HEAP, MVN, JAVA.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=${KAFKA_VERSION:-4.1.1}
home=${GSGIT_KAFKA_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/gsgit/kafka}
libs=$home/libs-$version
java=${JAVA:-java}
read -ra heap <<<"${KAFKA_HEAP:--Xms128m -Xmx384m}"

die() { echo "kafka.sh: $*" >&2; exit 1; }

need_java() {
  local v
  v=$("$java" -version 2>&1 | sed -nE 's/.*version "([0-9]+).*/\1/p' | head -1) || true
  [ "${v:-0}" -ge 17 ] || die "Kafka 4 needs Java 17 or newer (found: ${v:-none})"
}

# Two test processes may want the jars at once, and a download may be cut short: fetch aside, under a
# lock, and rename.
fetch() {
  need_java
  [ -d "$libs" ] && return
  mkdir -p "$home"
  exec 9>"$home/lock"
  flock 9
  [ -d "$libs" ] && return
  rm -rf "$libs.part"
  "${MVN:-mvn}" -B -q -f "$here/pom.xml" "-Dkafka.version=$version" dependency:copy-dependencies \
    -DincludeScope=runtime "-DoutputDirectory=$libs.part" >&2 || die "the jars could not be fetched"
  mv "$libs.part" "$libs"
  exec 9>&-
}

log_config() {
  cat >"$1/log4j2.properties" <<'P'
status = error
appender.out.type = Console
appender.out.name = OUT
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = [%d] %p %m (%c)%n
rootLogger.level = info
rootLogger.appenderRef.out.ref = OUT
P
}

# Kafka reads a PEM key store: the key, its certificate, the CA.
certificates() {
  (
    cd "$1"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=gsgit test CA" -keyout ca.key -out ca.pem
    openssl req -newkey rsa:2048 -nodes -subj "/CN=localhost" -keyout server.key -out server.csr
    openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.crt \
      -extfile <(printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
    cat server.key server.crt ca.pem >server.pem
  ) 2>/dev/null
}

properties() { # dir port
  local dir=$1 p=$2 l
  l="SSL://127.0.0.1:$((p + 2)),SASL_PLAINTEXT://127.0.0.1:$((p + 3)),SASL_SSL://127.0.0.1:$((p + 4))"
  cat <<P
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$((p + 1))
listeners=PLAINTEXT://127.0.0.1:$p,CONTROLLER://127.0.0.1:$((p + 1)),$l
advertised.listeners=PLAINTEXT://127.0.0.1:$p,$l
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
log.dirs=$dir/data
# as unlike what gsgit needs as an operator may have it: gsgit must ask for its own
num.partitions=3
log.cleanup.policy=delete
auto.create.topics.enable=true
default.replication.factor=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.dedupe.buffer.size=8388608
log.cleaner.backoff.ms=500
ssl.keystore.type=PEM
ssl.keystore.location=$dir/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=$dir/ca.pem
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
P
  for l in sasl_plaintext sasl_ssl; do cat <<P
listener.name.$l.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_gsgit="secret" user_guest="secret";
listener.name.$l.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.$l.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
P
  done
  # the guest may do nothing: what a missing ACL looks like
  cat <<P
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:gsgit
P
}

# A Kafka id: 16 random bytes in URL-safe base64, not starting with a dash.
id() { printf 'g%s' "$(head -c16 /dev/urandom | base64 | tr '+/' '-_' | cut -c1-21)"; }

run() {
  local dir=$1 port=$2
  fetch
  mkdir -p "$dir"
  log_config "$dir"
  [ -e "$dir/server.pem" ] || certificates "$dir" || die "openssl could not make certificates"
  properties "$dir" "$port" >"$dir/broker.properties"
  local jvm=("${heap[@]}" -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -XX:TieredStopAtLevel=1
    "-Dlog4j2.configurationFile=$dir/log4j2.properties" "-Dkafka.logs.dir=$dir" -cp "$libs/*")
  [ -e "$dir/data/meta.properties" ] || "$java" "${jvm[@]}" kafka.tools.StorageTool format --cluster-id "$(id)" --standalone \
    --add-scram 'SCRAM-SHA-256=[name=gsgit,password=secret]' --add-scram 'SCRAM-SHA-512=[name=gsgit,password=secret]' \
    --config "$dir/broker.properties" >"$dir/format.log" 2>&1 || { cat "$dir/format.log" >&2; die "the data directory could not be formatted"; }
  # exec: whoever started this script holds the broker itself by its process id
  exec "$java" "${jvm[@]}" kafka.Kafka "$dir/broker.properties"
}

pid() { [ -s "$home/up.pid" ] && kill -0 "$(cat "$home/up.pid")" 2>/dev/null; }

up() {
  local port=${1:-19092} i
  pid && die "a broker is up already, on $(cat "$home/up.address")"
  fetch
  rm -rf "$home/up"
  mkdir -p "$home/up"
  setsid "$0" run "$home/up" "$port" >"$home/up/log" 2>&1 </dev/null &
  echo $! >"$home/up.pid"
  for i in $(seq 300); do
    grep -q 'Kafka Server started' "$home/up/log" && { echo "127.0.0.1:$port" | tee "$home/up.address"; return; }
    pid || { tail -20 "$home/up/log" >&2; die "the broker ended while starting"; }
    sleep 0.2
  done
  die "the broker did not start within a minute: $home/up/log"
}

down() {
  pid && kill -TERM "$(cat "$home/up.pid")" && while pid; do sleep 0.2; done
  rm -rf "$home/up" "$home/up.pid" "$home/up.address"
}

case ${1:-} in
  fetch) fetch; echo "$libs" ;;
  run) run "$2" "$3" ;;
  up) up "${2:-}" ;;
  down) down ;;
  bootstrap) pid && cat "$home/up.address" ;;
  *) sed -n '2,13p' "$0"; exit 2 ;;
esac
