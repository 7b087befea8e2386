//! Data base servers that the work itself starts.

use super::Workload;

/// Starts a server on a free port, a few times if somebody else was faster; waits until it answers, or fails.
const POSTGRES: &str = r#"
PATH=/usr/lib/postgresql/$(ls /usr/lib/postgresql | sort -n | tail -1)/bin:$PATH
initdb -D data -A trust -U pat --no-sync >initdb.log || exit
for attempt in 1 2 3 4 5; do
    port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    postgres -F -D data -k "$PWD" -h 127.0.0.1 -p $port >server.log 2>&1 & server=$!
    until pg_isready -q -h 127.0.0.1 -p $port -U pat || ! kill -0 $server; do sleep 0.05; done
    kill -0 $server && break
done
psql="psql -p $port -U pat -At -v ON_ERROR_STOP=1 postgres"
$psql -h "$PWD" -c 'create table t (a int primary key); insert into t select generate_series(1, 1000); select sum(a) from t' &&
$psql -h 127.0.0.1 -c 'select count(*) from t where a % 2 = 0' &&
pg_dump -p $port -U pat -h "$PWD" postgres >dump.sql; status=$?
kill -INT $server; wait $server && grep -c '^INSERT\|^COPY' dump.sql && exit $status
"#;

#[test]
fn postgresql_is_set_up_started_and_asked() {
    Workload::shell("PostgreSQL: initdb, a server in the workspace, psql by socket and by TCP, pg_dump", POSTGRES)
        .tools(&["psql", "pg_isready", "python3"])
        .prepare(|_| {
            let found = std::fs::read_dir("/usr/lib/postgresql").is_ok_and(|mut found| found.next().is_some());
            assert!(found, "a server beside the client: tests/packages.txt names the package");
        })
        .only_known_users()
        .not_as_root()
        .content_varies(&["data/*", "*.log", "dump.sql"])
        .note("not as root, as whom it does not start anywhere")
        .holds();
}

#[test]
fn redis_is_started_and_asked_and_saves() {
    Workload::shell(
        "Redis: a server in the workspace, redis-cli, a background save",
        "redis-server --port 0 --unixsocket r.sock --dir . --logfile r.log & server=$!; \
         until redis-cli -s r.sock ping 2>/dev/null; do kill -0 $server || exit; sleep 0.05; done; \
         redis-cli -s r.sock set greeting hello && redis-cli -s r.sock get greeting && redis-cli -s r.sock bgsave && \
         until redis-cli -s r.sock info persistence | grep -q rdb_bgsave_in_progress:0; do sleep 0.05; done; \
         redis-cli -s r.sock shutdown nosave; wait $server",
    )
    .tools(&["redis-server", "redis-cli"])
    .content_varies(&["dump.rdb", "r.log"])
    .holds();
}
