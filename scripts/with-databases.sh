#!/bin/bash
# with-databases.sh CMD...: runs CMD with one fresh MySQL and one fresh MariaDB, and exits with its exit code. CMD
# finds them in
#   PRINTLOG_TEST_MYSQL_URL    mysql://printlog:PASSWORD@127.0.0.1:PORT/
#   PRINTLOG_TEST_MYSQL_CA     the CA certificate of this MySQL, for TLS with ssl-ca
#   PRINTLOG_TEST_MARIADB_URL  the same kind of URL; this server has no TLS
# The account has all privileges, including the creation of databases. MySQL's account uses caching_sha2_password, the
# default for new accounts, and nothing is cached before its first login.
set -euo pipefail
(($#)) || { echo 'usage: with-databases.sh CMD...' >&2; exit 2; }
project=$(readlink -f "$(dirname "$0")/..")
scripts=$project/scripts

dir=$(mktemp -d -t pl-db.XXXXXX)
stop_all() {
  for server in mysql mariadb; do
    [[ -e $dir/$server/pid ]] && "$scripts/$server.sh" stop "$dir/$server"
  done
  rm -rf "$dir"
}
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$scripts/mysql.sh" start "$project/.cache/mysql" "$dir/mysql" >"$dir/mysql-port" &
mysql_start=$!
mariadb_port=$("$scripts/mariadb.sh" start "$project/.cache/mariadb" "$dir/mariadb")
wait "$mysql_start"
mysql_port=$(<"$dir/mysql-port")

password=$(od -An -N12 -tx1 /dev/urandom | tr -d ' \n')
create_account() {
  echo "CREATE USER 'printlog'@'%' IDENTIFIED $1 BY '$password'; GRANT ALL ON *.* TO 'printlog'@'%' WITH GRANT OPTION;"
}
create_account 'WITH caching_sha2_password' | "$scripts/mysql.sh" client "$project/.cache/mysql" -uroot -S "$dir/mysql/s"
create_account '' | mariadb --no-defaults -uroot -S "$dir/mariadb/s"

export PRINTLOG_TEST_MYSQL_URL="mysql://printlog:$password@127.0.0.1:$mysql_port/"
export PRINTLOG_TEST_MYSQL_CA="$dir/mysql/data/ca.pem"
export PRINTLOG_TEST_MARIADB_URL="mysql://printlog:$password@127.0.0.1:$mariadb_port/"
mysql_version=$("$scripts/mysql.sh" client "$project/.cache/mysql" -uroot -S "$dir/mysql/s" -N -e 'select version()')
mariadb_version=$(mariadb --no-defaults -uroot -S "$dir/mariadb/s" -N -e 'select version()')
echo "with-databases: MySQL $mysql_version, MariaDB $mariadb_version" >&2
"$@"
