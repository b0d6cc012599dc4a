# A cluster and a repository as the program makes them, the repository on a disk; systemctl is pg_ctlcluster.
install -d -o postgres -g postgres /run/postgresql
install -d -m 0755 /srv/postgres /etc/slipway
cat > /usr/local/bin/systemctl <<'END'
#!/bin/sh
case "$1 $2" in
"start postgresql@"*) exec pg_ctlcluster 17 main start ;;
"stop postgresql@"*) pg_ctlcluster 17 main stop || [ $? = 2 ] ;;
esac
exit 0
END
chmod 755 /usr/local/bin/systemctl
pg_createcluster 17 main -d /srv/postgres/17/main -- --data-checksums >/dev/null
cat >> /etc/postgresql/17/main/postgresql.conf <<'END'
archive_mode = on
archive_command = 'pgbackrest --stanza=gallery archive-push %p'
archive_timeout = 60
log_min_messages = warning
END
install -d /etc/pgbackrest
cat > /etc/pgbackrest/pgbackrest.conf <<'END'
[global]
repo1-path=/var/lib/pgbackrest
repo1-cipher-type=aes-256-cbc
repo1-cipher-pass=not-a-secret
repo1-retention-full=4
compress-type=zst
repo1-bundle=y
repo1-block=y
archive-async=y
spool-path=/var/spool/pgbackrest
start-fast=y

[gallery]
pg1-path=/srv/postgres/17/main
END
chown postgres:postgres /etc/pgbackrest/pgbackrest.conf
chmod 0640 /etc/pgbackrest/pgbackrest.conf
cat > /etc/slipway/postgres.json <<'END'
{"site": "gallery", "database": "gallery", "data": "/srv/postgres/17/main", "address": "10.0.1.10"}
END
pg_ctlcluster 17 main start
own() { runuser -u postgres -- "$@"; }
own createdb gallery
own pgbackrest --stanza=gallery --log-level-console=warn stanza-create
own psql -q -d gallery -c "CREATE TABLE picture (id bigserial PRIMARY KEY, title text, at timestamptz DEFAULT clock_timestamp()); CREATE TABLE \"Odd|name\" (id int); INSERT INTO picture (title) SELECT repeat(md5(n::text), 20) FROM generate_series(1, 20000) n;"
own pgbackrest --stanza=gallery --log-level-console=warn --type=full backup
