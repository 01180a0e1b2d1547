#!/bin/sh
# PostgreSQL runs this once, at the first start of an empty volume: a user and databases for each of its guests.
set -eu

psql -v ON_ERROR_STOP=1 -U postgres -v herald="$HERALD_DB_PASSWORD" -v temporal="$TEMPORAL_DB_PASSWORD" <<'SQL'
CREATE ROLE herald LOGIN PASSWORD :'herald';
CREATE DATABASE herald OWNER herald;
CREATE ROLE temporal LOGIN PASSWORD :'temporal';
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;
REVOKE CONNECT ON DATABASE herald, temporal, temporal_visibility FROM PUBLIC;
SQL
