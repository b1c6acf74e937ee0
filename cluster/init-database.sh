#!/usr/bin/env bash
# Run by the database's image when its data is made: a role that owns one database and nothing else. Nodes need no more;
# TimescaleDB is made known in every new database by the image itself.

set -euo pipefail

psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres <<SQL
\set password \`cat "\$DATABASE_PASSWORD_FILE"\`
CREATE ROLE starling LOGIN PASSWORD :'password';
CREATE DATABASE starling OWNER starling;
REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;
SQL
